"""What every part of a tuning works with: the days, the series, what was tried, and the time that is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.errors import InputError
from ad_stream.models.stored import live_models, live_parameters
from ad_stream.series_config import table
from ad_stream.series_config.patterns import ANY
from ad_stream.series_config.rows import rules_of
from ad_stream.tables.reader import grid_of
from ad_stream.tuning.judged_days import Judge, JudgedDay, labelled
from ad_stream.tuning.parameters import DAYS, learned
from ad_stream.tuning.past import Drawn, Past, draw, read_past

if TYPE_CHECKING:
    from ad_stream.config import Detection
    from ad_stream.models.known import KnownSeries
    from ad_stream.tuning.journal import Journal, Outcome
    from ad_stream.tuning.parameters import Parameters

DAY = timedelta(days=1)
CHOOSING = 0.7
"""Of the seconds; the rest is for the later days, which are always looked at."""
Trial = Mapping[str, Any]


@dataclass(frozen=True)
class Wish:
    """What is tuned for. days: looked at, a quarter of them as later time; alarms: per series and day, at most; seconds: of work;
    model: judge with the detector of this name, None: the run's own; device: pattern; series: at most so many."""

    days: int = 14
    alarms: float = 0.1
    seconds: float = 600.0
    model: str | None = None
    device: str = ANY
    series: int = 100


@dataclass(frozen=True)
class Bench:
    """start ... days of choosing ... split ... later days ... end; begin: of the past that models learn from. model: whose parameters
    are chosen, None: of none; live: those of its live version, {} where there is none."""

    tables: Path
    wish: Wish
    begin: datetime
    start: datetime
    split: datetime
    end: datetime
    model: str | None
    live: Mapping[str, float]
    drawn: Drawn
    past: Past | None
    judge: Judge
    journal: Journal
    over: Callable[[], bool]
    progress: Callable[[float], None] | None
    learned: dict[str, KnownSeries] = field(default_factory=dict)
    """What the last training learned, by its day and parameters: every sensitivity of a day is judged with it."""

    @classmethod
    def of(
        cls, tables: Path, detection: Detection, wish: Wish, model: str | None, first: datetime, journal: Journal,
        over: Callable[[], bool], progress: Callable[[float], None] | None,
    ) -> Bench:  # fmt: skip
        """first: of the stored windows; over: is the time for choosing up? InputError where fewer than two days are stored."""
        end, there = journal.end, (journal.end - first) / DAY
        days = min(wish.days, int(there))
        if days < 2:
            raise InputError(
                f"{there:.1f} days of windows are stored, and tuning needs two, one to choose on and one to check: run on"
            )
        begin = max(first, end - (days + (max(DAYS) if model else 0)) * DAY)
        rows, _ = table.read(tables)
        grid = grid_of(tables)
        drawn = draw(
            tables, end, rules_of(rows, detection), device=wish.device, most=wish.series, windows=grid.steps(end - begin)
        )  # fmt: skip
        past = read_past(tables, drawn.names, begin, end, grid) if model else None
        judge = Judge(tables, grid, drawn.names, rows, labelled(tables, drawn.names))
        live = live_parameters(tables, model) if model else {}
        start, split = end - days * DAY, end - max(1, days // 4) * DAY
        return cls(tables, wish, begin, start, split, end, model, live, drawn, past, judge, journal, over, progress)

    def tried(self, trials: Sequence[Trial], work: Callable[[Trial], Outcome]) -> list[Outcome]:
        """The outcomes of the first trials, until time is over; what an earlier start tried costs none."""
        done: list[Outcome] = []
        for number, trial in enumerate(trials):
            if self.over() and not self.journal.knows(trial):
                break
            done.append(self.outcome(trial, work))
            if self.progress is not None:
                self.progress((number + 1) / len(trials))
        return done

    def outcome(self, trial: Trial, work: Callable[[Trial], Outcome]) -> Outcome:
        """Of one trial, however late it is."""
        return self.journal.outcome(trial, lambda: work(trial))

    def judged(self, detection: Detection, parameters: Parameters | None, day: datetime) -> JudgedDay:
        """A day under these settings, with what a training on the evening before would know; without parameters with what the live
        versions do."""
        return self.judge.day(detection, self._known(detection, parameters, day), day, min(day + DAY, self.end))

    def _known(self, detection: Detection, parameters: Parameters | None, day: datetime) -> list[KnownSeries]:
        names = rules_of(self.judge.rows, detection).models
        if parameters is None or self.model is None or self.past is None:
            return live_models(self.tables, names)
        key = f"{day} {dict(parameters)}"
        if key not in self.learned:
            past, first = self.past.part(day - timedelta(days=parameters["days"]), day)
            self.learned.clear()
            self.learned[key] = learned(self.model, self.past.names, past, first, self.past.grid.seconds, parameters)
        return [self.learned[key], *live_models(self.tables, names - {self.model})]


def days_of(start: datetime, end: datetime) -> Iterator[datetime]:
    """The starts of the days from start on."""
    while start < end:
        yield start
        start += DAY
