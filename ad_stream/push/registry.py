"""The kinds of push targets, and how a `push:` entry becomes one."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ad_stream import plugins
from ad_stream.errors import ConfigError, did_you_mean
from ad_stream.push.base import Target

NOT_FROM_SETTINGS = {"session", "clock", "sleep", "token"}
KINDS = {"power_bi": "PowerBI", "webhook": "Webhook", "kafka": "Kafka", "pagerduty": "PagerDuty", "email": "Email"}
"""kind -> the class in the file of the same name; a file is loaded when its kind is used. Others come by `ad_stream.plugins`."""
GROUP: plugins.Group = "ad_stream.targets"


def by_kind(kind: str, **options: object) -> Target:
    """The target of a `push:` entry; ConfigError names a wrong kind or option and the near one."""
    made = _class_of(kind)
    known = set(inspect.signature(made).parameters) - NOT_FROM_SETTINGS
    for name in options:
        if name not in known:
            raise ConfigError(
                f"unknown option {name!r} of the push target {kind!r}: {did_you_mean(name, sorted(known))}"
            )
    return made(**options)


def _class_of(kind: str) -> Callable[..., Target]:
    found: Callable[..., Target] | None = plugins.load(
        GROUP, kind, KINDS, fits=lambda one: isinstance(one, type) and hasattr(one, "push"),
        wanted="a class with a method push (ad_stream.push.base.Target)",
    )  # fmt: skip
    if found is None and kind not in KINDS:
        raise ConfigError(f"unknown push kind {kind!r}: {did_you_mean(kind, [*KINDS, *plugins.names(GROUP)])}")
    return found or getattr(importlib.import_module(f"ad_stream.push.targets.{kind}"), KINDS[kind])


def targets_of(
    entries: Iterable[tuple[str, Mapping[str, Any]]], *, incidents: bool = True, joint: bool = True
) -> list[Target]:
    """(kind, options) -> targets with different names: a second one of a kind is called kind_2 unless it has a name.

    incidents, joint: whether there are any; ConfigError where a target would wait for rows that nobody makes.
    """
    made: list[Target] = []
    for kind, options in entries:
        taken = {one.name for one in made}
        name = str(options.get("name") or next(n for n in _names(kind) if n not in taken))
        if name in taken:
            raise ConfigError(f"two push targets are called {name!r}: give each another name")
        target = by_kind(kind, **{**options, "name": name})
        if target.rows.startswith("incidents:") and not incidents:
            raise ConfigError(
                f"the push target {name!r} wants incidents, and they are off: write incidents: {{enabled: true}} in the "
                f"configuration, or leave the target out"
            )
        if target.rows == "joint" and not joint:
            raise ConfigError(
                f"the push target {name!r} wants joint verdicts, and they are off: write joint: {{enabled: true}} in the "
                f"configuration, or leave the target out"
            )
        made.append(target)
    return made


def _names(kind: str) -> Iterable[str]:
    return [kind, *(f"{kind}_{number}" for number in range(2, 100))]
