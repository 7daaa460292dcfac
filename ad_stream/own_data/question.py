"""What is asked on demand: a device of a named source, a range of time, how to judge it and how to show it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from ad_stream.config import Detection, parse_detection
from ad_stream.detectors.s_h_esd_range import RangeTest
from ad_stream.errors import ConfigError, InputError, did_you_mean
from ad_stream.readers.contract import TimeRange, moment_of
from ad_stream.report import NO_LETTERING, Lettering
from ad_stream.times import moment

Form = Literal["json", "png", "svg", "html"]
FORMS: tuple[Form, ...] = get_args(Form)
LONGEST_TEXT = 400
ASKED = ("source", "device", "signal", "from", "to", "format")
TEXTS = ("source", "device", "signal", "from", "to", "format", "detector", "title", "xlabel", "ylabel")
"""Parameters that stay text however they look."""
SHOWN = ("title", "xlabel", "ylabel", "log", "plot")
"""How a picture is lettered, whether its value axis is logarithmic, and whether JSON carries one."""


@dataclass(frozen=True)
class SourceQuestion:
    """source: name of a member of `sources`. settings: of the section `detection`, over its defaults; what it does not know is an
    option of the detector. lettering: of pictures. plot: whether JSON has the picture, too."""

    source: str
    device: str
    span: TimeRange
    signal: str | None = None
    form: Form = "json"
    settings: tuple[tuple[str, Any], ...] = ()
    lettering: Lettering = NO_LETTERING
    plot: bool = False

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> SourceQuestion:
        """From the parameters ASKED, SHOWN and settings; InputError for what is missing, wrong or too long."""
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
        settings = tuple(sorted((name, value) for name, value in asked.items() if name not in ASKED + SHOWN))
        for name in ("log", "plot"):
            if not isinstance(asked.get(name, False), bool):
                raise InputError(f"the parameter {name} is {asked[name]!r}: write true or false")
        words = {name: str(asked[name]) for name in ("title", "xlabel", "ylabel") if asked.get(name) is not None}
        return cls(
            asked["source"], asked["device"], span, None if signal is None else str(signal), form, settings,
            Lettering(**words, log=asked.get("log", False)), asked.get("plot", False),
        )  # fmt: skip

    def judged_by(self, base: Detection | None = None) -> Detection | RangeTest:
        """How: a detection over `base`, or the test that judges a range as a whole. ConfigError for an unknown setting or option, or
        a wrong value."""
        given = dict(self.settings)
        if given.get("detector") == RangeTest.name:
            del given["detector"]
            return _range_test(given)
        base = base or parse_detection({})
        own = {name: value for name, value in given.items() if name in Detection.model_fields}
        options = {name: value for name, value in given.items() if name not in own}
        if options:
            detector = own.get("detector", base.detector.setting)
            named = {"name": detector} if isinstance(detector, str) else detector
            if not isinstance(named, Mapping) or "name" not in named:
                raise ConfigError("the parameter detector is no name: write the name, and its options beside it")
            own["detector"] = {**named, **options}
        return parse_detection({**base.model_dump(), **own})

    def as_parameters(self) -> dict[str, Any]:
        """What `of` makes the same question of."""
        start, end = (moment_of(us).isoformat() for us in (self.span.start, self.span.end))
        asked = {"source": self.source, "device": self.device, "from": start, "to": end, "format": self.form}
        shown = {name: value for name, value in asdict(self.lettering).items() if value}
        plot = {"plot": True} if self.plot else {}
        return {
            **asked,
            **({} if self.signal is None else {"signal": self.signal}),
            **shown,
            **plot,
            **dict(self.settings),
        }


def value_of(name: str, text: str) -> Any:
    """A parameter of an address as it would stand in a configuration; what names something stays text."""
    if name in TEXTS:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _range_test(given: Mapping[str, Any]) -> RangeTest:
    known = [field.name for field in fields(RangeTest)]
    if odd := next((name for name in given if name not in known), None):
        way = did_you_mean(odd, known)
        raise ConfigError(f"{RangeTest.name} judges a range as a whole and has no option {odd!r}: {way}")
    return RangeTest(**given)
