"""Which flags are suppressed: too small a deviation, the side that nobody asked about, a muted series. The one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors.slow import NO_ONSET
from ad_stream.errors import ConfigError
from ad_stream.model import WITHOUT_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

MUTED = "muted"
DIRECTIONS = ("both", "up", "down")
UNSUPPRESSED = {"direction": "both", "min_deviation": 0.0, "min_relative_deviation": 0.0}
"""The settings that suppress nothing; a detector is never told of them."""


def suppress(
    columns: dict[str, NDArray[Any]],
    values: Floats,
    *,
    direction: str | NDArray[np.object_],
    min_deviation: float | Floats,
    min_relative_deviation: float | Floats,
    muted: Bools | None = None,
) -> None:
    """Takes flags back in place: columns (m,) each, fields of LastPoint; values (m,); the settings (m,) or one for all.

    The reason becomes `direction`, `small_deviation` or `muted`; score and band stay as they were.
    """
    with np.errstate(all="ignore"):
        difference = values - columns["expected"]
    held = _held_back(
        columns["is_anomaly"], difference, columns["expected"], sideless=_sideless(columns["is_anomaly"], columns["reason"]),
        direction=direction, min_deviation=min_deviation, min_relative_deviation=min_relative_deviation, muted=muted,
    )  # fmt: skip
    quiet = held != ""
    columns["reason"] = np.where(quiet, held, columns["reason"])
    columns["severity"] = np.where(quiet, 0.0, columns["severity"])
    for name in ("is_anomaly", "is_positive", "is_negative"):
        columns[name] = columns[name] & ~quiet


def suppress_slow(
    columns: dict[str, NDArray[Any]],
    values: Floats,
    *,
    direction: str | NDArray[np.object_],
    min_deviation: float | Floats,
    min_relative_deviation: float | Floats,
    muted: Bools | None = None,
) -> None:
    """Likewise for the slow verdict: its deviation is the bend, the side that counts the one the level bends to."""
    flagged, bend = columns["slow_is_anomaly"], columns["slow_deviation"]
    with np.errstate(all="ignore"):
        expected = values - bend
    held = _held_back(
        flagged, bend, expected, sideless=_sideless(flagged, columns["slow_reason"]),
        direction=direction, min_deviation=min_deviation, min_relative_deviation=min_relative_deviation, muted=muted,
    )  # fmt: skip
    quiet = held != ""
    columns["slow_reason"] = np.where(quiet, held, columns["slow_reason"])
    columns["slow_is_anomaly"] = flagged & ~quiet
    columns["slow_onset"] = np.where(quiet, NO_ONSET, columns["slow_onset"])


def check(direction: object, min_deviation: object, min_relative_deviation: object) -> None:
    """ConfigError where a setting is outside its range."""
    if direction not in DIRECTIONS:
        raise ConfigError(f"direction is {direction!r}, it must be one of {', '.join(DIRECTIONS)}")
    for name, size in (("min_deviation", min_deviation), ("min_relative_deviation", min_relative_deviation)):
        if not isinstance(size, (int, float)) or not 0 <= size < np.inf:
            raise ConfigError(f"{name} is {size!r}, it must be a number of 0 or more")


def _sideless(flagged: Bools, reason: NDArray[np.object_]) -> Bools:
    """Flags of a reason of WITHOUT_SIDE, (m,); flags are few."""
    found: Bools = flagged.copy()
    found[flagged] = [one in WITHOUT_SIDE for one in reason[flagged]]
    return found


def _held_back(
    flagged: Bools,
    difference: Floats,
    expected: Floats,
    *,
    sideless: Bools,
    direction: str | NDArray[np.object_],
    min_deviation: float | Floats,
    min_relative_deviation: float | Floats,
    muted: Bools | None,
) -> NDArray[np.object_]:
    """All (m,) or one for all -> (m,): 'direction', 'small_deviation', 'muted' or '' where the flag stays or there is none.

    A stuck value, or a state, has no distance and no side, so only a mute holds it back.
    """
    with np.errstate(all="ignore"):
        size = np.abs(difference)
        small = (size < min_deviation) | (size < min_relative_deviation * np.abs(expected))
        wrong_side = ((difference > 0) & (direction == "down")) | ((difference < 0) & (direction == "up"))
    candidates = flagged & ~sideless
    reason = np.where(candidates & small, "small_deviation", "")
    held = np.where(candidates & wrong_side, "direction", reason).astype(object)
    if muted is not None:
        held[(held == "") & flagged & muted] = MUTED
    return held
