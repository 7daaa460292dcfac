"""A stream whose devices are all ahead or all late says so with the likely cause, with the first batch that tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ad_stream.pipeline.operation.reports import newer, observed
from ad_stream.pipeline.operation.telling import Tell
from ad_stream.pipeline.steps.observations import CLOCKS

if TYPE_CHECKING:
    from ad_stream.pipeline.batch_state import BatchReport

QUARTER = 900
"""Seconds: time zones differ by whole quarters of an hour."""
NEAR = 120
ENOUGH = 5
"""Readings rejected for their time from which on it is told."""


@dataclass
class DeviceClocks:
    """Counts windows and readings that were rejected for their time; tells once, and of folds and gaps once each."""

    tell: Tell
    latest: int = -1
    off: int = 0
    told: bool = False
    folds: int = 0
    gaps: int = 0

    def batch(self, done: BatchReport) -> None:
        """One good window is enough to say nothing ever."""
        ahead, late = done.reasons.get("future_time", 0), done.counts["late"]
        self.off += ahead + late
        self.told = self.told or done.counts["minutes_closed"] > 0
        if not self.told and self.off >= ENOUGH and done.off is not None:
            self.told = True
            self.tell(sentence(self.off, ahead > 0, *done.off))

    def __call__(self, reports: list[Any]) -> None:
        """reports: Spark's of the batches so far, the latest last."""
        for report in newer(reports, self.latest):
            self.latest = report["batchId"]
            self._resolved(observed(report, CLOCKS))

    def _resolved(self, seen: Mapping[str, Any]) -> None:
        for name, words in (
            ("folds", "shown twice (end of summer time)"),
            ("gaps", "shown never (begin of summer time)"),
        ):
            if seen.get(name) and not getattr(self, name):
                self.tell(f"{seen[name]:,} local times that a clock of telemetry.time_zone has {words} were resolved")
            setattr(self, name, getattr(self, name) + (seen.get(name) or 0))


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
