"""Parameters of a learned model, by rolling origins: fitted on what lies before a day, judged on that day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from ad_stream import times
from ad_stream.tuning.bench import DAY, Bench, Trial, days_of
from ad_stream.tuning.parameters import FEWEST_DAYS, USUAL, candidates, error_of
from ad_stream.tuning.proposal import ModelChoice

if TYPE_CHECKING:
    from ad_stream.tuning.journal import Outcome
    from ad_stream.tuning.parameters import Parameters

ORIGINS = 3
WORTH = 0.98
"""A candidate whose error is not below this share of the present one's is as good as that."""


def model_candidates(bench: Bench) -> list[dict[str, float]]:
    """The present parameters, then the others; none where too little lies before the first origin."""
    if bench.model is None:
        return []
    found = candidates(bench.model, (bench.split - ORIGINS * DAY - bench.begin) / DAY)
    if not found or not bench.live:
        return found
    own = {**USUAL[bench.model], **bench.live}
    return [own, *(one for one in found if one != own)]


def model_trials(bench: Bench) -> list[Trial]:
    """Origin by origin, so that time that runs out leaves fewer origins, the same for all."""
    origins = [bench.split - (one + 1) * DAY for one in range(ORIGINS)]
    return [_trial(bench, one, times.iso(day)) for day in origins for one in model_candidates(bench)]


def choose_model(bench: Bench) -> ModelChoice | None:
    """The parameters that did best, where they did better on the later days, too; None where no model is tuned."""
    if bench.model is None:
        return None
    found = model_candidates(bench)
    live = bool(bench.live)
    if not found:
        usual = {**USUAL[bench.model], **bench.live}
        why = f"fewer than {FEWEST_DAYS + ORIGINS} days lie before the later ones"
        return ModelChoice(bench.model, live, usual, usual, None, None, None, None, why)
    done = bench.tried(model_trials(bench), lambda trial: _error(bench, trial))
    whole = len(done) // len(found) * len(found)
    errors = [_mean([one["error"] for one in done[place : whole : len(found)]]) for place in range(len(found))]
    best = min(range(len(found)), key=lambda place: math.inf if (error := errors[place]) is None else error)
    choice = ModelChoice(bench.model, live, found[0], found[best], errors[0], errors[best], None, None, "")
    if why_not := _why_not(choice, whole):
        return replace(choice, proposed=found[0], error=errors[0], why=why_not)
    return _held(bench, choice)


def _why_not(choice: ModelChoice, whole: int) -> str:
    """Why the usual parameters stay, '' where others did better. whole: trials of origins that all of them were tried on."""
    if not whole:
        return "no time was left to try every parameter on a day"
    if choice.error is None or choice.error_usual is None:
        return "no series has enough past"
    if choice.proposed == choice.usual or choice.error > WORTH * choice.error_usual:
        return "the usual parameters are as good as any"
    return ""


def _held(bench: Bench, choice: ModelChoice) -> ModelChoice:
    """Whether what was chosen is better on the later days, too."""
    days = [times.iso(day) for day in days_of(bench.split, bench.end)][:ORIGINS]
    was, now = (
        _mean([bench.outcome(_trial(bench, one, day), lambda trial: _error(bench, trial))["error"] for day in days])
        for one in (choice.usual, choice.proposed)
    )
    found = replace(choice, later_error_usual=was, later_error=now)
    if was is None or now is None or now >= was:
        return replace(found, proposed=choice.usual, why="what did better was no better on the later days")
    return replace(found, why=f"its error on the later days is {1 - now / was:.1%} less")


def _trial(bench: Bench, parameters: Parameters, day: str) -> Trial:
    return {"model": bench.model, "parameters": dict(parameters), "day": day}


def _error(bench: Bench, trial: Trial) -> Outcome:
    assert bench.past is not None and bench.model is not None
    day, parameters, step = times.instant(trial["day"]), trial["parameters"], bench.past.grid.seconds
    past, first = bench.past.part(day - timedelta(days=parameters["days"]), day)
    error, series = error_of(bench.model, past, bench.past.part(day, day + DAY)[0], first, step, parameters)
    return {"error": error if math.isfinite(error) else None, "series": series}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
