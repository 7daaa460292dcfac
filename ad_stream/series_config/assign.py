"""Which rules hold for which series, over whole arrays of series: a mask per rule, no loop over series."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.series_config.patterns import NameList
from ad_stream.series_config.rules import FIRST, LAST, MUTE, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ad_stream.detectors import Detector
    from ad_stream.model import Bools, Floats
    from ad_stream.series_config.rules import Rules, SeriesRule

    Ints = NDArray[np.int64]
    Objects = NDArray[np.object_]

JUDGING = ("detector", "sensitivity", "kind")
"""Settings that make another detector of it."""


@dataclass(frozen=True)
class Assigned:
    """What applies to n series, each field (n,).

    detectors   the different detectors that are needed, group = which of them judges the series
    mute_from, mute_to   windows that begin in between (seconds since 1970) are muted; LAST, FIRST where none is
    """

    detectors: tuple[Detector, ...]
    group: Ints
    direction: Objects
    min_deviation: Floats
    min_relative_deviation: Floats
    mute_from: Ints
    mute_to: Ints


def assign(rules: Rules, devices: Objects, signals: Objects) -> Assigned:
    """devices, signals (n,) of str -> what applies to each pair."""
    count = len(devices)
    # Per setting: the values in use, the run's own first, and which of them each series has.
    values: dict[str, list[Any]] = {name: [rules.own(name)] for name in SETTINGS}
    codes = {name: np.zeros(count, dtype=np.int64) for name in SETTINGS}
    mute_from, mute_to = np.full(count, LAST), np.full(count, FIRST)
    for rule, hit in _hits(rules, devices, signals):
        for name in rule.inherit - {MUTE}:
            codes[name][hit] = 0
        for name, value in rule.settings:
            if value not in values[name]:
                values[name].append(value)
            codes[name][hit] = values[name].index(value)
        if rule.mute or MUTE in rule.inherit:
            mute_from[hit], mute_to[hit] = rule.mute or (LAST, FIRST)
    detectors, group = _detectors(rules, values, codes)
    chosen = {name: np.array(values[name], dtype=object)[codes[name]] for name in SETTINGS}
    return Assigned(
        detectors=detectors,
        group=group,
        direction=chosen["direction"],
        min_deviation=chosen["min_deviation"].astype(np.float64),
        min_relative_deviation=chosen["min_relative_deviation"].astype(np.float64),
        mute_from=mute_from,
        mute_to=mute_to,
    )


def _hits(rules: Rules, devices: Objects, signals: Objects) -> list[tuple[SeriesRule, Bools]]:
    """Each rule that fits a series, with the series that it fits."""
    if not rules.rules:
        return []
    fits_device, fits_signal = _remembered(NameList(devices)), _remembered(NameList(signals))
    hits = ((rule, fits_device(rule.device) & fits_signal(rule.signal)) for rule in rules.rules)
    return [(rule, hit) for rule, hit in hits if hit.any()]


def _remembered(names: NameList) -> Callable[[str], Bools]:
    """Rules share patterns, above all that of the signal."""
    return lru_cache(maxsize=64)(names.matching)


def _detectors(
    rules: Rules, values: dict[str, list[Any]], codes: dict[str, Ints]
) -> tuple[tuple[Detector, ...], Ints]:  # fmt: skip
    shape = tuple(len(values[name]) for name in JUDGING)
    used, group = np.unique(np.ravel_multi_index([codes[name] for name in JUDGING], shape), return_inverse=True)
    named = [
        {name: values[name][place] for name, place in zip(JUDGING, np.unravel_index(one, shape), strict=True)}
        for one in used
    ]
    return tuple(rules.detector_for(**one) for one in named), group
