"""`ad-stream tune`: go through the candidates within a budget of time, choose, and compare the choice on later time.

Model parameters first, then the sensitivity under them. A candidate is proposed only where it is worth it on the days of choosing and
better on the later days, too: what is as good stays. Every trial is a line of the journal. Nothing is applied. Memory: the
matrix of the past, and one day's verdicts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream import times
from ad_stream.detectors import learns_of, make
from ad_stream.errors import InputError
from ad_stream.series_config import table
from ad_stream.tables.reader import grid_of, stored_span
from ad_stream.tuning.bench import CHOOSING, Bench, Trial, Wish, days_of
from ad_stream.tuning.journal import Outcome, opened
from ad_stream.tuning.judged_days import changed
from ad_stream.tuning.model_choice import choose_model, model_trials
from ad_stream.tuning.parameters import USUAL
from ad_stream.tuning.proposal import Later, ModelChoice, TuningProposal
from ad_stream.tuning.sensitivity_choice import choose_sensitivity, sensitivity_trials

if TYPE_CHECKING:
    from ad_stream.config import Config, Detection


def tune(
    tables: Path, config: Config, wish: Wish, *, progress: Callable[[float], None] | None = None,
    now: Callable[[], datetime] = times.now, clock: Callable[[], float] = time.monotonic,
) -> TuningProposal:  # fmt: skip
    """A tuning that was left unfinished goes on. InputError where fewer than two days are stored, or no series fits."""
    began, own = clock(), config.detection
    span = stored_span(tables)
    if span is None:
        raise InputError(f"no windows are stored in {tables}: run the stream first")
    wanted = own if wish.model is None else changed(own, detector=wish.model)
    learns = learns_of(make(wanted.detector, **wanted.shared_options()))
    model = learns if learns in USUAL else None
    question = {
        "detection": own.model_dump(mode="json"), "wish": {**vars(wish), "seconds": None}, "rules": table.read(tables)[1],
    }  # fmt: skip
    journal = opened(tables, question, span[1] + grid_of(tables).every, now())
    bench = Bench.of(
        tables, own, wish, model, span[0], journal, lambda: clock() - began > CHOOSING * wish.seconds, progress
    )  # fmt: skip
    found = _proposal(bench, own, wanted, lambda: round(clock() - began, 1))
    if found.complete:
        journal.close(found.as_dict())
    return found


def _proposal(bench: Bench, own: Detection, wanted: Detection, spent: Callable[[], float]) -> TuningProposal:
    model = choose_model(bench)
    trials = sensitivity_trials(bench, own, model)
    choice = choose_sensitivity(bench, trials, own, wanted, model)
    later = _later(bench, own, changed(wanted, sensitivity=choice.sensitivity), model)
    planned = [*model_trials(bench), *trials]
    return TuningProposal(
        start=bench.start, split=bench.split, end=bench.end, series=len(bench.drawn.names), of_series=bench.drawn.of,
        ruled=bench.drawn.ruled, tried=sum(bench.journal.knows(one) for one in planned), trials=len(planned),
        resumed=bench.journal.resumed, seconds=spent(), device=bench.wish.device, budget=bench.wish.alarms,
        detector=wanted.detector.name, detector_now=own.detector.name, sensitivity_now=own.sensitivity,
        sensitivity=choice.sensitivity, rates=choice.rates, why=choice.why, model=model, later=later,
    )  # fmt: skip


def _later(bench: Bench, own: Detection, proposed: Detection, model: ModelChoice | None) -> Later:
    """The proposed settings beside the present ones, on the later days."""
    parameters = None if model is None else model.proposed
    is_own = model is not None and model.live and proposed.detector == own.detector
    usual = model.usual if model is not None and is_own else None
    settings = {
        "sensitivity": proposed.sensitivity, "detector": str(proposed.detector.setting),
        "parameters": None if parameters is None else dict(parameters), "usual": None if usual is None else dict(usual),
    }  # fmt: skip

    def both(trial: Trial) -> Outcome:
        day = times.instant(trial["later"])
        before = bench.judged(own, usual, day)
        return bench.judged(proposed, parameters, day).against(before)

    sums: dict[str, Any] = {}
    for day in days_of(bench.split, bench.end):
        outcome = bench.outcome({"later": times.iso(day), **settings}, both)
        sums = {name: sums.get(name, 0) + value for name, value in outcome.items()}
    return Later(**sums | {"days": round(sums["days"], 2)})
