"""Profiles of many series as a blob, and as what scoring asks.

The blob is NumPy's npz, read without pickle, so that reading it can run no code: `names` (UTF-8, device and signal in
turn, each ended by the character 0, which no name holds), `tail` (float32) and `hours` (uint32), one a series. Its SHA-256
stands beside it in the table and is checked whenever it is read.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.errors import InputError
from ad_stream.models.checksum import check, digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.detectors.profile import Profiles
    from ad_stream.model import Floats

    Objects = NDArray[np.object_]

FORMAT = "npz/profile/1"
SeriesName = tuple[str, str]


@dataclass(frozen=True)
class KnownProfiles:
    """What is known of series: label, such as 'profile@3'; tails by (device, signal)."""

    label: str
    tails: Mapping[SeriesName, float] = field(default_factory=dict)

    def rows(self, devices: Objects, signals: Objects) -> Floats:
        """(n,), (n,) names -> (n, 1) as `Windows.profiles` wants them, NaN where nothing is known."""
        tails = [self.tails.get(name, np.nan) for name in zip(devices, signals, strict=True)]
        return np.array(tails, dtype=np.float64).reshape(-1, 1)

    @classmethod
    def together(cls, label: str, parts: Iterable[KnownProfiles]) -> KnownProfiles:
        """All series of several blobs of one version."""
        return cls(label, {name: tail for part in parts for name, tail in part.tails.items()})


def encode(names: Sequence[SeriesName], profiles: Profiles) -> tuple[bytes, str]:
    """Names (m,) and profiles of m series -> the blob of those that are known, and its SHA-256."""
    known = np.flatnonzero(np.isfinite(profiles.tail))
    text = "".join(f"{names[one][0]}\0{names[one][1]}\0" for one in known.tolist())
    out = io.BytesIO()
    np.savez_compressed(
        out,
        names=np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8),
        tail=profiles.tail[known].astype("<f4"),
        hours=profiles.hours[known].astype("<u4"),
    )
    blob = out.getvalue()
    return blob, digest(blob)


@lru_cache(maxsize=256)
def decode(blob: bytes, sha256: str, label: str) -> KnownProfiles:
    """What `encode` made; remembered, so that a worker reads each version once. InputError, which names the model, for
    anything else: other bytes than those the table told of, an object in the archive, arrays of different lengths."""
    check(blob, sha256, label)
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
            names, tail = arrays["names"], arrays["tail"]
        parts = names.tobytes().decode("utf-8", "surrogatepass").split("\0")[:-1]
        found = zip(zip(parts[0::2], parts[1::2], strict=True), tail.astype(np.float64).tolist(), strict=True)
        return KnownProfiles(label, dict(found))
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"the model {label} cannot be read ({type(error).__name__}: {error}): train it again"
        ) from None
