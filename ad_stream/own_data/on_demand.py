"""One device of a named source over a range of time, read and judged in this process; answers as data, page or picture."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors.s_h_esd_range import RangeTest
from ad_stream.errors import InputError
from ad_stream.own_data.judge import judge_range, judge_readings
from ad_stream.own_data.page import page
from ad_stream.own_data.question import ASKED, Form, SourceQuestion
from ad_stream.readers.contract import Only, moment_of
from ad_stream.readings import Readings
from ad_stream.report import Lettering, overview, png, svg
from ad_stream.report.page import render
from ad_stream.settings import Section

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.config import Detection
    from ad_stream.own_data.verdicts import OwnVerdicts
    from ad_stream.readers.contract import RangeReader
    from ad_stream.readers.settings import NamedSource

MOST_READINGS = 50_000
"""A month of minutes: about 14 CPU seconds with the default detector."""


class NothingThereError(InputError):
    """The source has no reading there."""


def ask(
    reader: RangeReader[NamedSource], question: SourceQuestion, how: Detection | RangeTest, most: int = MOST_READINGS
) -> OwnVerdicts:
    """Every reading judged from those before it, or all as a whole. NothingThereError where there is none, InputError where there are
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
    readings = _readings(question, parts)
    return judge_range(readings, how) if isinstance(how, RangeTest) else judge_readings(readings, how)


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
    return picture(verdicts, question.form, question.lettering)


def picture(verdicts: OwnVerdicts, form: Form, lettering: Lettering) -> bytes:
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
    return svg(drawn, lettering) if form == "svg" else png(drawn, lettering=lettering)


def as_data(verdicts: OwnVerdicts, question: SourceQuestion) -> dict[str, Any]:
    """Plain data, null where there is no number."""
    drawn = base64.b64encode(picture(verdicts, "png", question.lettering)).decode() if question.plot else None
    return {
        **({} if drawn is None else {"plot": drawn}),
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
    set_ = {name: value for name, value in asked.items() if name not in ASKED}
    given = [word for name, value in set_.items() for word in ("--set", f"{name}={_as_text(value)}")]
    return shlex.join(["ad-stream", "detect", *named, *given])


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


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
