"""Stored verdicts beside those of another configuration: alarms and labelled events gained and lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream import times
from ad_stream.config.incidents import Dimensions, Incidents
from ad_stream.errors import InputError
from ad_stream.evaluation.labels import LabelledEvent, found, read_labels
from ad_stream.grid import Grid, length
from ad_stream.incidents.alarms import Alarm, alarms_of, with_slow_flags
from ad_stream.incidents.window_rows import MEASURES
from ad_stream.models.stored import live_models
from ad_stream.scoring.verdicts import Scorer
from ad_stream.series_config import table
from ad_stream.series_config.rows import rules_of
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.reader import grid_of, read_rows
from ad_stream.tables.schema import FLAG as FLAGGING
from ad_stream.whatif.incidents import opened
from ad_stream.whatif.rescore import KEY, Progress, fits, rescore
from ad_stream.whatif.unmatched import only_in

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.config import Detection
    from ad_stream.incidents.fold import Fold
    from ad_stream.series_config.table import Row

FALLBACK = "azure_api"
FLAGS = DETECTIONS.named(FLAGGING)
FLAG = [*KEY, "severity", "score", "reason", "detector"]
SLOW = ["is_anomaly", "slow_is_anomaly", "slow_reason", "slow_score"]


@dataclass(frozen=True)
class Labelled:
    """What became of the labelled events."""

    events: int
    found_before: int
    found_after: int
    gained: list[LabelledEvent]
    lost: list[LabelledEvent]


@dataclass(frozen=True)
class WhatIf:
    """The difference that matters.

    before     what the stream wrote (revision 0), after: what it would have written
    incidents  how many incidents of values both make, under the rules of incidents and the mutes of now
    versions   config_version of the stored verdicts -> rows: more than one means that they differ among themselves
    rescored   the verdicts themselves, columns of `rescore`
    """

    start: datetime
    end: datetime
    series: int
    minutes: int
    versions: dict[str, int]
    flagged_before: int
    flagged_after: int
    before: list[Alarm]
    after: list[Alarm]
    gained: list[Alarm]
    lost: list[Alarm]
    labelled: Labelled | None
    seconds: float
    tables: Path
    every: timedelta
    rescored: pd.DataFrame
    incidents: tuple[int, int]

    @property
    def kept(self) -> tuple[int, int]:
        """(of before, of after): alarms that the other side has, too; they differ where several of one side are one of the other."""
        return len(self.before) - len(self.lost), len(self.after) - len(self.gained)

    def devices(self) -> list[tuple[str, int, int]]:
        """(device, alarms gained, alarms lost), the most changed first."""
        gained, lost = (Counter(one.device_id for one in alarms) for alarms in (self.gained, self.lost))
        rows = [(device, gained[device], lost[device]) for device in {*gained, *lost}]
        return sorted(rows, key=lambda row: (-row[1] - row[2], row[0]))

    def largest(self, most: int = 10) -> list[tuple[str, Alarm]]:
        """('gained' or 'lost', alarm), the most severe first."""
        both = [("gained", one) for one in self.gained] + [("lost", one) for one in self.lost]
        return sorted(both, key=lambda pair: (-pair[1].severity, -pair[1].flagged, pair[1].device_id))[:most]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: times as ISO text in UTC."""
        whole = {name: getattr(self, name) for name in ("start", "end", "series", "minutes", "versions", "seconds")}
        answer: dict[str, Any] = _texts(whole | {
            "flagged": {"before": self.flagged_before, "after": self.flagged_after},
            "alarms": {"before": len(self.before), "after": len(self.after)},
            "incidents": dict(zip(("before", "after"), self.incidents, strict=True)),
            "kept": dict(zip(("before", "after"), self.kept, strict=True)),
            "gained": [asdict(one) for one in self.gained], "lost": [asdict(one) for one in self.lost],
            "devices": [{"device_id": device, "gained": plus, "lost": minus} for device, plus, minus in self.devices()],
            "labelled": None if self.labelled is None else asdict(self.labelled),
        })  # fmt: skip
        return answer


def _usual_fold(grid: Grid) -> Fold:
    return Incidents().fold(grid, Dimensions())


def whatif(
    tables: Path, detection: Detection, *, start: datetime, end: datetime, proposed: Row | None = None, labels: Path | None = None,
    every: timedelta | None = None, progress: Progress | None = None, clock: Callable[[], float] = time.monotonic,
    fold: Callable[[Grid], Fold] = _usual_fold,
) -> WhatIf:  # fmt: skip
    """What the stream would have flagged in the windows start <= minute < end (UTC) under `detection` and the newest series_config.

    proposed: a row on top of series_config; then only the series that it fits are looked at. labels: see whatif.labels.
    every: the length of a window that the settings name, None: whatever the tables hold. fold: by which incidents are counted.
    Writes nothing. Raises where no windows, no verdicts or no such events are stored, or windows of another length.
    """
    grid = grid_of(tables)
    if every is not None and every != grid.every:
        raise InputError(
            f"the tables in {tables} hold windows of {grid.text}, and minutes.every is {length(every)}: what-if judges stored "
            f"windows only, so set minutes.every to {grid.text!r}"
        )
    start, end = grid.next_start(start), grid.next_start(end)
    if end <= start:
        raise InputError(f"--from {start:%Y-%m-%d %H:%M} is not before --to {end:%Y-%m-%d %H:%M}: swap them")
    began = clock()
    events = None if labels is None else read_labels(labels, start=start, end=end, grid=grid)
    rules = rules_of(_with_proposed(tables, proposed), detection)
    scorer = Scorer.of(detection, grid=grid).under(rules)
    rescored = rescore(
        tables,
        scorer,
        start=start,
        end=end,
        proposed=proposed,
        progress=progress,
        known=live_models(tables, rules.models),
    )
    versions, stored = _stored(tables, start, end, proposed)
    flagged = _with_fallback(rescored, stored)
    before, after = (alarms_of(rows, scorer.near) for rows in (stored, flagged))
    was = rules_of(_with_proposed(tables, None), detection)
    told = (
        opened(_of_flagged(tables, start, end, stored), fold(grid), was, grid),
        opened(rescored, fold(grid), rules, grid),
    )
    return WhatIf(
        start=start, end=end, tables=tables, every=grid.every, rescored=rescored, versions=versions, minutes=len(rescored),
        series=len(rescored[KEY[:2]].drop_duplicates()), flagged_before=len(stored), flagged_after=len(flagged),
        before=before, after=after, gained=only_in(after, before, scorer.near),
        lost=only_in(before, after, scorer.near),
        labelled=None if events is None else _labelled(events, stored, flagged, grid), incidents=told, seconds=round(clock() - began, 1),
    )  # fmt: skip


def _with_proposed(tables: Path, proposed: Row | None) -> Sequence[Row]:
    rows, _ = table.read(tables)
    if proposed is None:
        return rows
    return [*rows, {**proposed, "changed": datetime.max.replace(tzinfo=timezone.utc)}]


def _stored(tables: Path, start: datetime, end: datetime, proposed: Row | None) -> tuple[dict[str, int], pd.DataFrame]:
    """config_version -> rows, and the rows that either verdict flagged, as the stream wrote them."""
    import pandas as pd

    where: list[tuple[str, str, Any]] = [("minute", ">=", start), ("minute", "<", end), ("revision", "=", 0)]
    versions = read_rows(tables, "detections", ["config_version"], where)["config_version"].value_counts()
    if versions.empty:
        raise InputError(
            f"no verdicts are stored from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC: see 'ad-stream status'"
        )
    flagged = [read_rows(tables, "detections", [*FLAG, *SLOW], [*where, (name, "=", True)]) for name in FLAGS]
    either = with_slow_flags(pd.concat(flagged).drop_duplicates(KEY))[FLAG]
    return {str(name): int(count) for name, count in versions.items()}, fits(either, proposed)


def _of_flagged(tables: Path, start: datetime, end: datetime, stored: pd.DataFrame) -> pd.DataFrame:
    """All stored verdicts of that time on the series that have a flag in it."""
    where: list[tuple[str, str, Any]] = [("minute", ">=", start), ("minute", "<", end), ("revision", "=", 0)]
    columns = dict.fromkeys([*KEY, *MEASURES, "reason", *SLOW])
    rows = read_rows(tables, "detections", [*columns], where)
    found: pd.DataFrame = rows.merge(stored[KEY[:2]].drop_duplicates(), on=KEY[:2])
    return found


def _with_fallback(rescored: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """The flagged rows; where nothing here can judge, what the fallback said then stands."""
    import pandas as pd

    either = with_slow_flags(rescored)
    flagged: pd.DataFrame = either.loc[either["is_anomaly"], FLAG]
    asked = stored[stored["detector"] == FALLBACK]
    if asked.empty:
        return flagged
    unjudged = rescored.loc[rescored["status"] != "scored", KEY]
    both: pd.DataFrame = pd.concat([flagged, asked.merge(unjudged, on=KEY)])
    return both


def _labelled(events: Sequence[LabelledEvent], stored: pd.DataFrame, flagged: pd.DataFrame, grid: Grid) -> Labelled:
    was, now = found(events, stored, grid), found(events, flagged, grid)
    pairs = list(zip(events, was, now, strict=True))
    return Labelled(
        events=len(events), found_before=sum(was), found_after=sum(now),
        gained=[event for event, old, new in pairs if new and not old],
        lost=[event for event, old, new in pairs if old and not new],
    )  # fmt: skip


def _texts(value: Any) -> Any:
    if isinstance(value, datetime):
        return times.iso(value)
    if isinstance(value, Mapping):
        return {key: _texts(one) for key, one in value.items()}
    return [_texts(one) for one in value] if isinstance(value, list) else value
