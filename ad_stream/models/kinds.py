"""What can be learned of single series, one entry a kind: how it is fitted, told in figures, and written and read as a blob.

The seam of every kind is `fit(values (m, n), first, step) -> something with a row for each of the m series`; first and step
are seconds. A detector asks for a kind by its name, in `learns`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors import profile, season_fit
from ad_stream.detectors.isolation_forest import SeasonForests
from ad_stream.detectors.kernels.cadence import on_own_cadence
from ad_stream.models import forests, profiles, seasons
from ad_stream.models.known import KnownSeries

if TYPE_CHECKING:
    from ad_stream.detectors.profile import Profiles
    from ad_stream.detectors.season_fit import Seasons
    from ad_stream.model import Bools, Floats
    from ad_stream.models.known import SeriesName

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Kind:
    """See the module. known: (m,) of which series something was learned; why_not: of those with readings enough; enough: so
    many readings; together: of several groups of series; options: what `fit` takes beside the values."""

    format: str
    fit: Callable[..., Any]
    together: Callable[[Sequence[Any]], Any]
    known: Callable[[Any], Bools]
    figures: Callable[[Any], Figures]
    encode: Callable[[Sequence[SeriesName], Any], tuple[bytes, str]]
    decode: Callable[[bytes, str, str], KnownSeries]
    enough: int
    why_not: str


def _profiles(values: Floats, first: int, step: int) -> Profiles:  # noqa: ARG001 - readings, whenever they were
    return profile.learn(_one_column_a_reading(values))


def _seasons(
    values: Floats, first: int, step: int, holidays: Sequence[int] = (), tau: float = season_fit.TAU
) -> Seasons:
    """The season, and the profile of what it leaves: how wild a series is beside its day."""
    found = season_fit.learn(values, first, step, tuple(holidays), tau)
    season = found.season(first + step * np.arange(values.shape[1], dtype=np.float64))
    return replace(found, tail=profile.learn(_one_column_a_reading(values - season)).tail)


def _one_column_a_reading(matrix: Floats) -> Floats:
    """(m, n) -> (m, n) with slow series on their own cadence; a series that ended earlier is moved to the end for that."""
    known = np.isfinite(matrix)
    back = np.where(known.any(axis=1), known[:, ::-1].argmax(axis=1), 0)
    columns = (np.arange(matrix.shape[1]) - back[:, None]) % matrix.shape[1]
    return on_own_cadence(np.take_along_axis(matrix, columns, axis=1))[0]


def _tails(found: Profiles) -> Figures:
    return {"median_tail": _median(found.tail)}


def _of_seasons(found: Seasons) -> Figures:
    """useful: series whose season helped; next_day: their error on the day left out, as a share of repeating the day before."""
    with np.errstate(all="ignore"):
        share = np.where(found.floor > 0, found.error / found.floor, np.nan)
    return {"useful": int(found.useful.sum()), "next_day": _median(share[found.useful])}


def _of_forests(found: SeasonForests) -> Figures:
    """useful: series whose season helped; span: of their scores, from the median to what a hundredth passes."""
    spans = (found.forests.high - found.forests.usual)[found.known]
    return {"useful": int((found.seasons.useful & found.known).sum()), "span": _median(spans)}


def _median(values: Floats) -> float | None:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else None


KINDS: Mapping[str, Kind] = {
    "profile": Kind(
        profiles.FORMAT, _profiles, profile.Profiles.together, lambda found: np.isfinite(found.tail), _tails, profiles.encode,
        profiles.decode, profile.WINDOW + 60 * profile.FEWEST_HOURS, "does not move, or most of its hours are empty",
    ),
    "seasonal": Kind(
        seasons.FORMAT, _seasons, season_fit.Seasons.together, lambda found: found.known, _of_seasons, seasons.encode,
        seasons.decode, 15 * season_fit.FEWEST_BINS * season_fit.FEWEST_DAYS, "does not move, or too few quarters of an hour have readings",
    ),
    "isolation_forest": Kind(
        forests.FORMAT, SeasonForests.learn, SeasonForests.together, lambda found: found.known, _of_forests, forests.encode,
        forests.decode, 15 * season_fit.FEWEST_BINS * season_fit.FEWEST_DAYS, "does not move, or too few quarters of an hour have readings",
    ),
}  # fmt: skip
"""By the name of the model, which is also that of the command: `ad-stream train profile`."""


def known_in(label: str, blobs: Iterable[tuple[bytes, str]]) -> KnownSeries:
    """Blobs of one version with their checksums -> what it knows; InputError, which names it, where bytes are not those trained."""
    decode = KINDS[label.partition("@")[0]].decode
    return KnownSeries.together(label, (decode(blob, sha256, label) for blob, sha256 in blobs))
