"""Sections `incidents` and `dimensions`: when flags become an incident, and which site a device belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import Field, field_validator, model_validator

from ad_stream.durations import Duration
from ad_stream.grid import Grid
from ad_stream.incidents.rules import SPANS, FoldRules
from ad_stream.settings import Section

if TYPE_CHECKING:
    from ad_stream.incidents.fold import Fold

USUAL = FoldRules()


def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


class OpenRule(Section):
    """What opens an incident: a flag this severe at once, or `out` windows out of the band among the last `of`."""

    severity: float = Field(default=USUAL.open_severity, ge=0, le=1)
    out: int = Field(default=USUAL.open_out, ge=1, le=16)
    of: int = Field(default=USUAL.open_of, ge=1, le=16)

    @model_validator(mode="after")
    def _fits(self) -> OpenRule:
        if self.out > self.of:
            raise ValueError(f"out is {self.out} and of is {self.of}: give an `of` that is not less")
        return self


class Levels(Section):
    """Least severity of the levels medium and high; below is low."""

    medium: float = Field(default=USUAL.medium, ge=0, le=1)
    high: float = Field(default=USUAL.high, ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> Levels:
        if self.medium > self.high:
            raise ValueError(f"medium is {self.medium:g} and high is {self.high:g}: give a `high` that is not less")
        return self


class Incidents(Section):
    """From flags to incidents (docs/incidents.md), where `enabled` is true; without it the tables stay as they are.

    close_after: quiet for so long is back. new_level_after: out without a flag for so long is the new level. reopen_within: a
    flag this soon after the end continues the incident. together: devices of a site that open this close to each other
    are one incident. update_every: between two messages about an open one. silence_after: without a row for so long, and
    for twice the usual gap, is silent. stalled_after: the stream itself, when no window was closed for so long.
    """

    enabled: bool = False
    open: OpenRule = OpenRule()
    close_after: Duration = _minutes(USUAL.close_after)
    new_level_after: Duration = _minutes(USUAL.new_level_after)
    reopen_within: Duration = _minutes(USUAL.reopen_within)
    together: Duration = _minutes(USUAL.together)
    update_every: Duration = _minutes(USUAL.update_every)
    silence_after: Duration = _minutes(USUAL.silence_after)
    stalled_after: Duration = timedelta(minutes=10)
    levels: Levels = Levels()

    def rules(self, grid: Grid) -> FoldRules:
        """The thresholds of the fold, on the windows of a grid."""
        spans = {name: round(getattr(self, name) / _minutes(1)) for name in SPANS if hasattr(self, name)}
        chosen = FoldRules(
            open_severity=self.open.severity, open_out=self.open.out, open_of=self.open.of, medium=self.levels.medium,
            high=self.levels.high, **{name: max(span, 1) for name, span in spans.items()},
        )  # fmt: skip
        return chosen.on(grid.seconds)

    def fold(self, grid: Grid, dimensions: Dimensions) -> Fold:
        """The fold that a configuration asks for, of which nothing is open yet."""
        from ad_stream.incidents.fold import Fold  # numpy and scipy, which nobody needs to read a configuration

        by = dimensions.device
        return Fold(self.rules(grid), grid, dimensions.site_of, surges=by is None, sites=by)


class Dimensions(Section):
    """What a device's name says of it: device is a regular expression with the named group `site`, searched from the
    beginning of the name, such as '(?P<site>[^-]+)-'. A name that it does not fit has no site."""

    device: str | None = None

    @field_validator("device")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        try:
            groups = re.compile(value).groupindex if value is not None else {"site": 1}
        except re.error as error:
            raise ValueError(
                f"{value!r} is no regular expression ({error}): write one such as (?P<site>[^-]+)-"
            ) from None
        if "site" not in groups:
            raise ValueError(f"{value!r} names no group: write the part that is the site as (?P<site>[^-]+)")
        return value

    @property
    def site_of(self) -> Callable[[str], str | None]:
        """The site of a device, None where its name says none."""
        return _site_of(self.device)


@lru_cache(maxsize=16)
def _site_of(pattern: str | None) -> Callable[[str], str | None]:
    if pattern is None:
        return lambda _: None
    fits = re.compile(pattern)

    @lru_cache(maxsize=200_000)
    def site(device: str) -> str | None:
        found = fits.match(device)
        return (found["site"] or None) if found else None

    return site
