"""Where scored rows are sent after the commit: one file per kind of target."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable

from ad_stream.errors import ConfigError
from ad_stream.push.base import Delivery, Target, wanted
from ad_stream.push.power_bi import PowerBI

__all__ = ["Delivery", "Target", "by_kind", "wanted"]

_NOT_FROM_SETTINGS = {"session", "clock", "sleep"}
_KINDS: dict[str, Callable[..., Target]] = {PowerBI.name: PowerBI}


def by_kind(kind: str, **options: object) -> Target:
    """The target of a `push:` entry; ConfigError names a wrong kind or option and the near one."""
    if kind not in _KINDS:
        raise ConfigError(f"unknown push kind {kind!r}{_near(kind, list(_KINDS))}")
    known = set(inspect.signature(_KINDS[kind]).parameters) - _NOT_FROM_SETTINGS
    for name in options:
        if name not in known:
            raise ConfigError(f"unknown option {name!r} of the push target {kind!r}{_near(name, sorted(known))}")
    return _KINDS[kind](**options)


def _near(word: str, words: list[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f": did you mean {near[0]!r}?" if near else f": known here are {', '.join(words)}"
