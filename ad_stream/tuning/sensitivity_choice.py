"""Sensitivity by a budget of alarms, and by labelled events where people gave enough of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ad_stream import times
from ad_stream.tuning.bench import Bench, Trial, days_of
from ad_stream.tuning.judged_days import changed

if TYPE_CHECKING:
    from ad_stream.config import Detection
    from ad_stream.tuning.journal import Outcome
    from ad_stream.tuning.proposal import ModelChoice

SENSITIVITIES = (50, 70, 80, 85, 90, 93, 95, 97, 99)
FEW_LABELS = 10
"""So many labelled events decide among what is within the budget; fewer are told, and decide nothing."""


@dataclass(frozen=True)
class SensitivityChoice:
    """rates: alarms per series and day by sensitivity, on the days that all of them were tried on."""

    sensitivity: int
    rates: Mapping[int, float]
    why: str


def sensitivity_trials(bench: Bench, now: Detection, model: ModelChoice | None) -> list[Trial]:
    """Day by day, the latest first, so that time that runs out leaves fewer days, the same for all."""
    parameters = None if model is None else dict(model.proposed)
    return [
        {"sensitivity": one, "model": bench.model, "parameters": parameters, "day": times.iso(day)}
        for day in reversed(list(days_of(bench.start, bench.split)))
        for one in _several(now)
    ]


def choose_sensitivity(
    bench: Bench, trials: Sequence[Trial], now: Detection, wanted: Detection, model: ModelChoice | None
) -> SensitivityChoice:
    """now: the present settings, wanted: those that are tuned."""
    parameters = None if model is None else model.proposed

    def alarms(trial: Trial) -> Outcome:
        detection = changed(wanted, sensitivity=trial["sensitivity"])
        return bench.judged(detection, parameters, times.instant(trial["day"])).outcome()

    done = bench.tried(trials, alarms)
    whole = len(done) // len(_several(now)) * len(_several(now))
    sums = {one: {"alarms": 0, "days": 0.0, "found": 0, "events": 0} for one in _several(now)}
    for trial, outcome in zip(trials[:whole], done[:whole], strict=True):
        for name in sums[trial["sensitivity"]]:
            sums[trial["sensitivity"]][name] += outcome[name]
    return chosen(sums, now.sensitivity, bench.wish.alarms)


def chosen(sums: Mapping[int, Mapping[str, float]], own: int, budget: float) -> SensitivityChoice:
    """sums: of each sensitivity alarms, days, labelled events and how many of them were found; own: the present one."""
    rates = {one: total["alarms"] / total["days"] for one, total in sums.items() if total["days"]}
    if not rates:
        return SensitivityChoice(own, {}, "no time was left to try every sensitivity on a day")
    within = [one for one, rate in rates.items() if rate <= budget]
    if not within:
        fewest = min(rates, key=lambda one: (rates[one], -one))
        return SensitivityChoice(fewest, rates, "none stays within the budget; this one gives the fewest alarms")
    if sums[own]["events"] >= FEW_LABELS:
        best = max(within, key=lambda one: (sums[one]["found"], one == own, -rates[one]))
        told = f"{sums[best]['found']:g} of {sums[best]['events']:g} labelled events"
        return SensitivityChoice(best, rates, f"it finds {told}, the most within the budget")
    if own in within and rates[own] == rates[max(within)]:
        return SensitivityChoice(own, rates, "the present one is within the budget, and a higher one flags no more")
    return SensitivityChoice(max(within), rates, "the highest that stays within the budget")


def _several(now: Detection) -> list[int]:
    return sorted({*SENSITIVITIES, now.sensitivity})
