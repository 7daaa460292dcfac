"""Spark's reports of batches, however they come: 3.5 hands a mapping over, 4.1 an object that keeps it as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Report = Mapping[str, Any]
Listener = Callable[[list[Any]], None]


def plain(report: Any) -> Report:
    """The report as a mapping."""
    text = getattr(report, "json", None)
    found: Report = report if text is None else json.loads(text)
    return found


def newer(reports: Sequence[Any], latest: int) -> Iterator[Report]:
    """Those of later batches than `latest`, in their order; reports: as a query keeps them, the latest last."""
    for report in map(plain, reports):
        if report["batchId"] > latest:
            latest = report["batchId"]
            yield report


def observed(report: Report, name: str) -> Mapping[str, Any]:
    """Column -> value of what the plan observes under a name. Over Connect a row of Spark 4.1 comes as its values beside its schema."""
    values: Mapping[str, Any] = (report.get("observedMetrics") or {}).get(name) or {}
    if not {"values", "schema"} <= values.keys():
        return values
    return {field["name"]: value for field, value in zip(values["schema"]["fields"], values["values"], strict=True)}


def hand(reports: Iterable[Any], to: Iterable[Listener]) -> None:
    """Reports of the latest batches to all who note or tell of them."""
    known = list(reports)
    for one in to:
        one(known)
