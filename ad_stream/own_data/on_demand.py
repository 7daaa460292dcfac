"""One device of a named source over a range of time, read and judged in this process; answers as data, page or picture."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from ad_stream.config import Detection, parse_detection
from ad_stream.errors import ConfigError, InputError
from ad_stream.own_data.judge import judge_readings
from ad_stream.own_data.page import page
from ad_stream.readers.contract import Only, TimeRange, moment_of
from ad_stream.readings import Readings
from ad_stream.report import overview, png
from ad_stream.report.page import render
from ad_stream.report.png import figure
from ad_stream.settings import Section
from ad_stream.times import moment

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.own_data.verdicts import OwnVerdicts
    from ad_stream.readers.contract import RangeReader
    from ad_stream.readers.settings import NamedSource

Form = Literal["json", "png", "svg", "html"]
FORMS: tuple[Form, ...] = get_args(Form)
MOST_READINGS = 50_000
"""A month of minutes: about 14 CPU seconds with the default detector."""
LONGEST_TEXT = 400
ASKED = ("source", "device", "signal", "from", "to", "format")
_OWN = frozenset(Detection.model_fields) - {"history", "refractory"}
"""Settings of the section `detection` that a range on demand has a use for."""


class NothingThereError(InputError):
    """The source has no reading there."""


@dataclass(frozen=True)
class SourceQuestion:
    """source: name of a member of `sources`. settings: of the section `detection`, over its defaults; what it does not know is an
    option of the detector."""

    source: str
    device: str
    span: TimeRange
    signal: str | None = None
    form: Form = "json"
    settings: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> SourceQuestion:
        """From the parameters ASKED and settings; InputError for what is missing, wrong or too long."""
        for name in ("source", "device", "from", "to"):
            if not isinstance(asked.get(name), str) or not asked[name]:
                raise InputError(f"the parameter {name} is missing: give source, device, from and to")
        if long := next((name for name, value in asked.items() if len(str(value)) > LONGEST_TEXT), None):
            raise InputError(f"the parameter {str(long)[:40]!r} is longer than {LONGEST_TEXT} characters: shorten it")
        form, signal = asked.get("format", "json"), asked.get("signal")
        if form not in FORMS:
            raise InputError(f"the format is {form!r}: write one of {', '.join(FORMS)}")
        span = TimeRange.between(moment(asked["from"]), moment(asked["to"]))
        if span.start >= span.end:
            raise InputError(f"from is {asked['from']!r} and to is {asked['to']!r}: give a `to` that is later")
        settings = tuple(sorted((name, value) for name, value in asked.items() if name not in ASKED))
        return cls(asked["source"], asked["device"], span, None if signal is None else str(signal), form, settings)

    def detection(self) -> Detection:
        """ConfigError for an unknown setting or option, or a wrong value."""
        own = {name: value for name, value in self.settings if name in _OWN}
        options = {name: value for name, value in self.settings if name not in _OWN}
        if options:
            detector = own.get("detector", "default")
            if not isinstance(detector, str):
                raise ConfigError("the parameter detector is no name: write the name, and its options beside it")
            own["detector"] = {"name": detector, **options}
        return parse_detection(own)

    def as_parameters(self) -> dict[str, Any]:
        """What `of` makes the same question of."""
        start, end = (moment_of(us).isoformat() for us in (self.span.start, self.span.end))
        asked = {"source": self.source, "device": self.device, "from": start, "to": end, "format": self.form}
        return {**asked, **({} if self.signal is None else {"signal": self.signal}), **dict(self.settings)}


def ask(
    reader: RangeReader[NamedSource], question: SourceQuestion, detection: Detection, most: int = MOST_READINGS
) -> OwnVerdicts:
    """Every reading judged from those before it in the range. NothingThereError where there is none, InputError where there are
    more than `most`."""
    parts, count = [], 0
    for batch in reader.read(question.span, Only(question.device, question.signal)):
        parts.append(batch.to_pandas())
        count += batch.num_rows
        if count > most:
            raise InputError(
                f"the source {question.source!r} holds more than {most:,} readings there: ask for a shorter range, or one signal"
            )
    if not count:
        what = f"device {question.device!r}" + ("" if question.signal is None else f", signal {question.signal!r}")
        raise NothingThereError(f"the source {question.source!r} holds no reading of {what} in that time")
    return judge_readings(_readings(question, parts), detection)


def _readings(question: SourceQuestion, parts: list[pd.DataFrame]) -> Readings:
    import pandas as pd

    rows = pd.concat(parts).sort_values("us", kind="stable")
    codes, signals = pd.factorize(rows["signal"], sort=True)
    value = rows["value"].to_numpy(dtype=np.float64)
    if not np.isfinite(value).any():
        raise NothingThereError(
            f"the source {question.source!r} holds no number of device {question.device!r} in that time"
        )
    start, end = (f"{moment_of(us):%Y-%m-%d %H:%M:%S}Z" for us in (question.span.start, question.span.end))
    return Readings(
        name=f"{question.source} · {question.device}", devices=[question.device], signals=[str(one) for one in signals],
        device=np.zeros(len(rows), dtype=np.int64), signal=codes.astype(np.int64), ms=rows["us"].to_numpy() // 1000,
        text=rows["value"].astype(str).to_numpy(dtype=object), value=value, rows=len(rows), columns={},
        understood=[("source", question.source), ("range", f"{start} to {end}"), ("readings", f"{len(rows):,}")],
    )  # fmt: skip


def answer(verdicts: OwnVerdicts, question: SourceQuestion) -> bytes:
    """In the form that was asked for; InputError where a picture of several signals was."""
    if question.form == "json":
        return json.dumps(as_data(verdicts, question), allow_nan=False).encode()
    if question.form == "html":
        return render(page(verdicts, command=line_of(question))).encode()
    return picture(verdicts, question.form)


def picture(verdicts: OwnVerdicts, form: Form) -> bytes:
    """PNG or SVG of the one signal that was judged."""
    series = verdicts.by_series()
    if len(series) > 1:
        names = ", ".join(signal for _, signal in series)
        raise InputError(f"a picture shows one signal, and there are {len(series)}: name one as signal: {names[:300]}")
    ((device, signal), rows) = next(iter(series.items()))
    flagged = int(rows["is_anomaly"].sum())
    drawn = overview(
        rows, id="series", title=f"{device} · {signal}", caption=f"{flagged} flagged of {len(rows):,}",
        shown_as=lambda minute: verdicts.shown(device, minute),
    )  # fmt: skip
    if form == "png":
        return png(drawn)
    out = io.BytesIO()
    figure(drawn).savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def as_data(verdicts: OwnVerdicts, question: SourceQuestion) -> dict[str, Any]:
    """Plain data, null where there is no number."""
    return {
        **{name: value for name, value in question.as_parameters().items() if name in ASKED and name != "format"},
        "readings": verdicts.index.rows,
        "rows_scored": verdicts.rows_scored,
        "flagged": verdicts.flagged,
        "alarms": verdicts.alarm_rows(),
        "series": [_series(verdicts, *key, rows) for key, rows in verdicts.by_series().items()],
    }


def _series(verdicts: OwnVerdicts, device: str, signal: str, rows: pd.DataFrame) -> dict[str, Any]:
    numbers = {
        "value": rows["value"], "expected": rows["expected"], "lower": rows["expected"] - rows["lower_margin"],
        "upper": rows["expected"] + rows["upper_margin"], "score": rows["score"], "severity": rows["severity"],
    }  # fmt: skip
    times = [verdicts.index.original(device, minute.to_pydatetime()) for minute in rows["minute"]]
    return {
        "signal": signal,
        "time": [one.isoformat().replace("+00:00", "Z") for one in times],
        **{
            name: [None if not np.isfinite(one) else one for one in column.astype(float)]
            for name, column in numbers.items()
        },
        "is_anomaly": rows["is_anomaly"].astype(bool).tolist(),
        "reason": rows["reason"].astype(str).tolist(),
    }


def line_of(question: SourceQuestion) -> str:
    """The command that asks the same."""
    asked = question.as_parameters()
    named = [word for name in ASKED[:-1] if name in asked for word in (f"--{name}", str(asked[name]))]
    given = [word for name, value in question.settings for word in ("--set", f"{name}={value}")]
    return shlex.join(["ad-stream", "detect", *named, *given])


def etag_of(question: SourceQuestion, source: Section) -> str:
    """Of what was asked and where: equal answers have equal ones as long as the range is not changed at the source."""
    told = json.dumps(
        [question.as_parameters(), source.model_dump(mode="json", by_alias=True)], sort_keys=True, default=str
    )
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:24]}"'


def is_ripe(question: SourceQuestion, source: NamedSource, now: int) -> bool:
    """Whether nothing of the range is still on its way by the source's own settle and recheck; now: us since 1970 UTC."""
    late = source.settle + source.recheck
    return question.span.end + (late.days * 86_400 + late.seconds) * 1_000_000 <= now
