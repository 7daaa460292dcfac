"""Incidents of simulated fleets with sites, judged and folded as the stream does it, without Spark.

    python -m benchmarks.incidents_fleet [--seeds 1 2 3] [--mix prototype|usual] [--verdicts DIR] [--json] [--set together=3]

60 devices of two signals at 4 sites, 36 hours, the largest of three messages a minute, `default` with the slow verdict, every
setting as shipped. Announced work is muted, a quarter of an hour before and after it, too. A fault is found when a series of it is in an
open incident from its start to ten minutes after its end. Alarms are the flags of the same run (`incidents.alarms`) that no
mute takes back. mix prototype: 63 faults of values, 7 of them of a whole site, as in the sketch behind the goals; usual: what
`ad-stream simulate --sites 4` puts in. --verdicts keeps the verdicts, which cost 13 CPU s a seed, for the next run. The
margins of the fold were looked at on seed 1; the other seeds judge them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ad_stream.config.incidents import Dimensions
from ad_stream.config.overrides import overrides
from ad_stream.grid import MINUTE
from ad_stream.incidents.alarms import mark_continuing
from ad_stream.incidents.events import VALUE
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.rules import FoldRules
from ad_stream.incidents.silence import Present
from ad_stream.incidents.window_rows import WindowRows
from ad_stream.model import REFRACTORY
from ad_stream.simulate import Fault, FaultPlan
from ad_stream.simulate.devices.fault import ALL_SIGNALS, CHATTER, MAINTENANCE, SIGNAL_SILENCE, SILENCES
from ad_stream.simulate.devices.faults import place
from ad_stream.simulate.devices.fleet import SIGNALS, SITE_PATTERN, fleet
from ad_stream.simulate.devices.readings import Series
from ad_stream.simulate.devices.shared_faults import SITE_STEP
from benchmarks.fleet_verdicts import NUMBERS, START, Arrays, mute, rows_of, values, verdicts

DEVICES, SITES, MINUTES, MESSAGES = 60, 4, 2160, 3
TAIL = 10
"""Minutes after a fault that still belong to it, as in the demo."""
PROTOTYPE = {
    "spike": 20, "dip": 10, "level_shift": 14, "drift": 6, "stuck": 6, "site_step": 7, "silence": 8, "site_silence": 3,
    "signal_silence": 4, "chatter": 4, "maintenance": 2,
}  # fmt: skip


@dataclass
class Occurrence:
    """What happened once: one fault, or those that share an event; and the incidents that its series were in. flagged:
    whether anything of it was; first: the minute in which the first incident was there."""

    faults: list[Fault]
    incidents: set[str] = field(default_factory=set)
    flagged: bool = False
    first: int | None = None

    @property
    def kind(self) -> str:
        """Of all its faults."""
        return self.faults[0].kind

    @property
    def is_silence(self) -> bool:
        """Whether something is not sent."""
        return self.kind in SILENCES


@dataclass
class Told:
    """What the fold made of a run: its occurrences, and of each incident its kind and how many messages."""

    occurrences: list[Occurrence]
    kind: dict[str, str]
    messages: Counter[str]
    summaries: int


def main() -> None:
    """Prints the figures of each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--mix", choices=["prototype", "usual"], default="prototype")
    parser.add_argument("--verdicts", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--set", action="append", default=[], dest="set_")
    options = parser.parse_args()
    rules = replace(FoldRules(), **overrides(options.set_))
    found = {seed: figures_of(seed, options.mix, options.verdicts, rules) for seed in options.seeds}
    if options.json:
        print(json.dumps({"mix": options.mix, "seeds": found}))
        return
    print("\n".join([f"{'seed':44}" + "".join(f"{seed:>10}" for seed in found), *_lines(list(found.values()))]))


def _lines(found: list[dict[str, Any]]) -> list[str]:
    return [f"{name:44}" + "".join(f"{_shown(one[name]):>10}" for one in found) for name in found[0]]


def _shown(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def figures_of(seed: int, mix: str, kept: Path | None, rules: FoldRules) -> dict[str, Any]:
    """The figures of one fleet."""
    people = fleet(DEVICES, seed=seed, sites=SITES)
    plan = FaultPlan(counts=PROTOTYPE if mix == "prototype" else None)
    faults = place(plan, people, start=START, minutes=MINUTES)
    series = Series(people, faults, START, MESSAGES)
    path = None if kept is None else kept / f"fleet-{mix}-{seed}.npz"
    judged = verdicts(values(series, MINUTES), path)
    mute(judged, series)
    told = fold(judged, series, rules)
    return figures(told, alarms(judged), gaps_before(judged, series))


def alarms(judged: Arrays) -> int:
    """How many alarms the flags are."""
    row, step = np.nonzero(judged["flag"])
    flags = np.ones(len(row), dtype=bool)
    return int(np.sum(~mark_continuing(row, step, flags, refractory=MINUTE.refractory(REFRACTORY))))


def fold(judged: Arrays, series: Series, rules: FoldRules) -> Told:
    """All windows in order through the fold."""
    names = np.array([(device, signal) for device in series.fleet.device_ids for signal in SIGNALS], dtype=object)
    one = Fold(rules, MINUTE, Dimensions(device=SITE_PATTERN).site_of)
    number = {tuple(name): at for at, name in enumerate(names)}
    told, first = Told(_occurrences(series), {}, Counter(), 0), MINUTE.step(START)
    for t in range(MINUTES):
        wanted = judged["flag"][:, t].copy()
        wanted[[number[name] for name in one.watched]] = True
        rows = np.flatnonzero(wanted & judged["there"][:, t])
        present = Present(np.flatnonzero(judged["there"][:, t]), lambda keys: [tuple(names[key]) for key in keys])
        for event in one.step(first + t, _window(judged, rows, t, names), present):
            told.kind[event["incident_id"]] = event["kind"]
            told.messages[event["incident_id"]] += event["notify"]
            told.summaries += event["event"] == "summary"
        _look(told, one, series, judged["flag"][:, t], t)
    return told


def _window(judged: Arrays, rows: Any, t: int, names: Any) -> WindowRows:
    return WindowRows(
        device=names[rows, 0], signal=names[rows, 1], **{name: judged[name][rows, t] for name in NUMBERS},
        flagged=judged["flag"][rows, t], muted=judged["muted"][rows, t], floor=np.zeros(len(rows)),
        reason=judged["reason"][rows, t].astype(object),
    )  # fmt: skip


def _occurrences(series: Series) -> list[Occurrence]:
    by_event: dict[str, list[Fault]] = defaultdict(list)
    for at, fault in enumerate(series.faults):
        by_event[fault.event or str(at)].append(fault)
    return [Occurrence(faults) for faults in by_event.values()]


def _look(told: Told, one: Fold, series: Series, flag: Any, t: int) -> None:
    """Which open incidents the series of the faults of this minute are in."""
    for occurrence in told.occurrences:
        for fault in occurrence.faults:
            first, stop = fault.span(START)
            if not first <= t < stop + TAIL:
                continue
            occurrence.flagged |= bool(flag[rows_of(fault, series)].any())
            kind, signals = VALUE, SIGNALS if fault.signal == ALL_SIGNALS else (fault.signal,)
            if occurrence.is_silence:
                kind, signals = "silence", (fault.signal if fault.kind == SIGNAL_SILENCE else "",)
            for signal in signals:
                incident = one.groups.find((kind, fault.device_id, signal))
                if incident is not None and (fault.device_id, signal) in incident.open_members:
                    occurrence.incidents.add(incident.id)
                    occurrence.first = t if occurrence.first is None else occurrence.first


def gaps_before(judged: Arrays, series: Series) -> dict[Fault, int]:
    """Silence -> the longest gap of its device in the day before, in minutes."""
    found = {}
    for fault in series.faults:
        if fault.kind in SILENCES:
            first = fault.span(START)[0]
            seen = np.flatnonzero(judged["there"][rows_of(fault, series), max(0, first - 1440) : first].any(axis=0))
            found[fault] = int(np.diff(seen).max(initial=1))
    return found


def figures(told: Told, alarms: int, gaps: dict[Fault, int]) -> dict[str, Any]:
    """The goals' figures, and what else is worth seeing."""
    steps, silences = ([one for one in told.occurrences if wanted(one)] for wanted in (_is_step, _is_silence))
    work = [one for one in told.occurrences if one.kind == MAINTENANCE]
    single = [one for one in told.occurrences if not (_is_step(one) or _is_silence(one) or one in work)]
    chatter = [one for one in single if one.kind == CHATTER]
    value = {name for name, kind in told.kind.items() if kind == VALUE}
    known = set().union(*(one.incidents for one in told.occurrences))
    return {
        "alarms": alarms, "incidents of values": len(value), "alarms to incidents of values": alarms / max(len(value), 1),
        "incidents of every kind": len(told.kind) - told.summaries,
        "site faults": len(steps), "site faults that are one incident": _one(steps),
        "messages of a site fault, most": _most_messages(told, steps),
        "silences": len(silences), "silences found in time": sum(_in_time(one, gaps) for one in silences),
        "silences that are one incident": _one(silences),
        "incidents of silence": sum(kind == "silence" for kind in told.kind.values()),
        "other faults": len(single), "other faults flagged": sum(one.flagged for one in single),
        "other faults found": sum(bool(one.incidents) for one in single), "of them exactly one incident": _one(single),
        "chatter": len(chatter), "chatter that is one incident": _one(chatter),
        "messages of a chatter, most": _most_messages(told, chatter),
        "incidents of announced work": len(set().union(*(one.incidents for one in work))),
        "incidents of no fault, a day": len(value - known) / (MINUTES / 1440),
        "messages": sum(told.messages.values()), "flood summaries": told.summaries,
    }  # fmt: skip


def _one(some: list[Occurrence]) -> int:
    """How many of them are exactly one incident."""
    return sum(len(one.incidents) == 1 for one in some)


def _most_messages(told: Told, some: list[Occurrence]) -> int:
    """Of the one that people are told most about."""
    return max((sum(told.messages[name] for name in one.incidents) for one in some), default=0)


def _is_step(one: Occurrence) -> bool:
    return one.kind == SITE_STEP


def _is_silence(one: Occurrence) -> bool:
    return one.is_silence


def _in_time(one: Occurrence, gaps: dict[Fault, int]) -> bool:
    """Within max(12 min, twice the longest gap of the day before + 2), from its first minute."""
    fault = one.faults[0]
    limit = max(12, 2 * gaps[fault] + 2)
    return one.first is not None and one.first - fault.span(START)[0] <= limit


if __name__ == "__main__":
    main()
