"""Rows of the table `feedback` -> what the fold and the figures take. A row that makes no sense is left out with a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ad_stream.errors import InputError, did_you_mean
from ad_stream.incidents.acts import ACTIONS, ACTS, LABEL, LABELS, MISSED, Act

if TYPE_CHECKING:
    from ad_stream.grid import Grid

ID = re.compile(r"\d{8}-\d{4}-[0-9a-f]{10}")
Row = Mapping[str, Any]


def check(row: Row, known: Callable[[str], bool] | None = None) -> None:
    """InputError where a row makes no sense: the value and the way out. known: whether there is an incident of an id."""
    action, name = row.get("action"), row.get("incident_id")
    where = f"feedback, {action} {name or row.get('device')!r}"
    if action not in ACTIONS:
        raise InputError(f"feedback: {action!r} is no action: {did_you_mean(str(action), [*ACTIONS])}")
    if row.get("changed") is None:
        raise InputError(f"{where}: `changed` is missing, write current_timestamp() into it")
    if action == MISSED:
        _check_missed(row, where)
        return
    if not isinstance(name, str) or not ID.fullmatch(name):
        raise InputError(f"{where}: incident_id is none, copy one of `ad-stream incidents`")
    if known is not None and not known(name):
        raise InputError(f"{where}: there is no such incident, copy an id of `ad-stream incidents`")
    if action == LABEL and row.get("label") not in LABELS:
        raise InputError(
            f"{where}: label {row.get('label')!r} is none: {did_you_mean(str(row.get('label')), [*LABELS])}"
        )


def _check_missed(row: Row, where: str) -> None:
    first, last = row.get("started"), row.get("ended")
    if not row.get("device"):
        raise InputError(f"{where}: the device is missing, name the one that something happened to")
    if first is None or last is None or _utc(first) > _utc(last):
        raise InputError(f"{where}: `started` and `ended` are no span of time, give both, the earlier one first")


def refused(rows: Iterable[Row], known: Callable[[str], bool] | None = None) -> tuple[str, ...]:
    """A sentence for each row that is left out."""
    out = set()
    for row in rows:
        try:
            check(row, known)
        except InputError as error:
            out.add(str(error))
    return tuple(sorted(out))


def acts_of(rows: Iterable[Row], grid: Grid) -> list[Act]:
    """The rows that change incidents, in the order in which they were said."""
    good = []
    for row in _sensible(rows):
        if row["action"] in ACTS:
            until = None if row.get("until") is None else grid.step(grid.next_start(_utc(row["until"])))
            said = Act(row["action"], row["incident_id"], row.get("owner") or "", row.get("note") or "", until)
            good.append((_utc(row["changed"]), said))
    return [act for _, act in sorted(good, key=lambda one: (one[0], one[1].incident_id, one[1].action, repr(one[1])))]


def labels_of(rows: Iterable[Row]) -> dict[str, str]:
    """incident_id -> its label; the last one said counts."""
    good = [
        (_utc(row["changed"]), row["incident_id"], row["label"]) for row in _sensible(rows) if row["action"] == LABEL
    ]
    return {name: label for _, name, label in sorted(good)}


def _sensible(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        try:
            check(row)
        except InputError:
            continue
        yield row


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def proposal_answers(rows: Iterable[Row]) -> frozenset[str]:
    """The incidents that somebody answered about because a proposal drew them."""
    return frozenset(
        str(row["incident_id"])
        for row in rows
        if row.get("action") == LABEL and row.get("asked") == "proposal" and row.get("incident_id")
    )
