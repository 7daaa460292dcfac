"""A stream whose devices are all ahead or all late says so with the likely cause, before the first window could close."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ad_stream.pipeline.operation.telling import Tell

QUARTER = 900
"""Seconds: time zones differ by whole quarters of an hour."""
NEAR = 120
ENOUGH = 5
"""Elements with a time of their own from which on it is told."""


@dataclass
class DeviceClocks:
    """Counts what batches observed of the devices' clocks (`telemetry`); tells once, and of folds and gaps once each."""

    tell: Tell
    batch: int = -1
    timed: int = 0
    off: int = 0
    told: bool = False
    folds: int = 0
    gaps: int = 0

    def __call__(self, reports: list[Any]) -> None:
        """reports: Spark's of the batches so far, the latest last."""
        for report in reports:
            text = getattr(report, "json", None)
            plain: Mapping[str, Any] = report if text is None else json.loads(text)
            if plain["batchId"] > self.batch:
                self.batch = plain["batchId"]
                self._add(_observed(plain))

    def _add(self, seen: Mapping[str, Any]) -> None:
        if not seen.get("timed"):
            return
        self.timed += seen["timed"]
        self.off += seen["ahead"] + seen["late"]
        if not self.told and self.timed >= ENOUGH and self.off == self.timed:
            self.told = True
            self.tell(sentence(self.timed, seen["ahead"] > 0, int(seen["least"]), int(seen["most"])))
        for name, words in (
            ("folds", "shown twice (end of summer time)"),
            ("gaps", "shown never (begin of summer time)"),
        ):
            if seen.get(name) and not getattr(self, name):
                self.tell(f"{seen[name]:,} local times that a clock of telemetry.time_zone has {words} were resolved")
            setattr(self, name, getattr(self, name) + (seen.get(name) or 0))


def _observed(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """Over Connect a row of Spark 4.1 comes as its values beside its schema."""
    counts: Mapping[str, Any] = (report.get("observedMetrics") or {}).get("clocks") or {}
    if not {"values", "schema"} <= counts.keys():
        return counts
    return {field["name"]: value for field, value in zip(counts["schema"]["fields"], counts["values"], strict=True)}


def sentence(count: int, ahead: bool, least: int, most: int) -> str:
    """least, most: seconds that the devices' times are ahead of the hub's, negative where they are behind."""
    span = f"{least} to {most} s" if most - least > NEAR else f"{round((least + most) / 2)} s"
    what = "future_time or late" if ahead and least < 0 else "future_time" if ahead else "late"
    zones = (
        all(abs(one - round(one / QUARTER) * QUARTER) <= NEAR for one in (least, most))
        and max(abs(least), abs(most)) > NEAR
    )
    why = (
        "whole quarters of an hour, so local times without their zone? set telemetry.time_zone"
        if zones
        else "set the devices' clocks, or telemetry.event_time: enqueued to go by the hub's; old data is for `ad-stream backfill`"
    )
    return f"NOTE: all {count:,} readings so far are {what}: their times are {span} off the hub's ({why})"
