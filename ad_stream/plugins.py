"""What other distributions add: sources, detectors and push targets, found by their entry points.

    [project.entry-points."ad_stream.sources"]
    influxdb = "acme_influx:KIND"

Looking for a name reads what is installed and loads nothing; only the plugin that is asked for is loaded, so one that
is broken costs nothing until it is used. Two that answer to one name are an error for whoever asks for that name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from ad_stream.errors import ConfigError, SetupError

Group = Literal["ad_stream.sources", "ad_stream.detectors", "ad_stream.targets"]
WORDS: dict[Group, str] = {
    "ad_stream.sources": "source kind", "ad_stream.detectors": "detector", "ad_stream.targets": "push kind",
}  # fmt: skip
"""Group -> what one of it is called in sentences."""


def names(group: Group) -> list[str]:
    """What the installed distributions add to a group, in alphabetical order; loads none of it."""
    return sorted({point.name for point in _points(group, tuple(sys.path))})


def load(group: Group, name: str, ours: Collection[str], *, fits: Callable[[Any], bool], wanted: str) -> Any | None:
    """What a distribution registers under `name`; None where none does.

    ours: the names that ad_stream itself has in this group. fits: whether what was found is what is `wanted`, in words.
    ConfigError names the two that claim one name; SetupError names the distribution whose plugin cannot be loaded or is
    something else.
    """
    claims = [point for point in _points(group, tuple(sys.path)) if point.name == name]
    owners = [
        *(["ad_stream itself"] if name in ours else []),
        *(f"{_owner(point)} ({point.value})" for point in claims),
    ]
    if len(owners) > 1:
        raise ConfigError(f"the {WORDS[group]} {name!r} is claimed by {' and by '.join(owners)}: uninstall all but one")
    if not claims:
        return None
    found = _loaded(group, claims[0])
    if not fits(found):
        raise SetupError(f"the {WORDS[group]} {name!r} of {_owner(claims[0])} is not {wanted}: mend {claims[0].value}")
    return found


def _loaded(group: Group, point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:  # whatever somebody else's module does
        cause = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        said = f"the {WORDS[group]} {point.name!r} of {_owner(point)} cannot be loaded ({cause}): mend or uninstall it"
    raise SetupError(said)


def _owner(point: EntryPoint) -> str:
    """'acme-influx 1.2'."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value


@lru_cache(maxsize=16)
def _points(group: Group, _: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Looked up anew only where sys.path has changed: each look reads the metadata of all that is installed."""
    return tuple(entry_points(group=group))
