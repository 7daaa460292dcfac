"""What is known of series by their names, and blobs of it.

A blob is NumPy's npz, read without pickle, so that reading it can run no code: `names` (UTF-8, device and signal in turn,
each ended by the character 0, which no name holds), and the arrays of its kind, one row a series. Its SHA-256 stands beside
it in the table and is checked whenever it is read.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.errors import InputError
from ad_stream.models.checksum import check, digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Objects = NDArray[np.object_]
    Arrays = dict[str, NDArray[Any]]

SeriesName = tuple[str, str]


@dataclass(frozen=True)
class KnownSeries:
    """What one version knows: label, such as 'profile@3'; numbers by (device, signal), as `Windows.profiles` wants them; shared: what is
    too large for that and is told to the detector (`WindowDetector.knowing`), the first number then says which of it."""

    label: str
    numbers: Mapping[SeriesName, Sequence[float] | Floats] = field(default_factory=dict)
    shared: tuple[object, ...] = ()

    @property
    def name(self) -> str:
        """Of the model, as detectors ask for it in `learns`."""
        return self.label.partition("@")[0]

    def rows(self, devices: Objects, signals: Objects) -> Floats:
        """(n,), (n,) names -> (n, k), NaN where nothing is known; the first number of a series that is known is finite."""
        width = max((len(one) for one in self.numbers.values()), default=1)
        out = np.full((len(devices), width), np.nan)
        for row, name in enumerate(zip(devices, signals, strict=True)):
            numbers = self.numbers.get(name)
            if numbers is not None:
                out[row, : len(numbers)] = numbers
        return out

    @classmethod
    def together(cls, label: str, parts: Iterable[KnownSeries]) -> KnownSeries:
        """All series of several blobs of one version."""
        found: dict[SeriesName, Sequence[float] | Floats] = {}
        shared: list[object] = []
        for part in parts:
            if part.shared:
                ahead = len(shared)
                found |= {name: np.r_[numbers[0] + ahead, numbers[1:]] for name, numbers in part.numbers.items()}
                shared += part.shared
            else:
                found |= part.numbers
        return cls(label, found, tuple(shared))


def encode(names: Sequence[SeriesName], **arrays: NDArray[Any]) -> tuple[bytes, str]:
    """Names (m,), arrays (m, ...) -> the blob and its SHA-256."""
    text = "".join(f"{device}\0{signal}\0" for device, signal in names)
    out = io.BytesIO()
    np.savez_compressed(out, names=np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8), **arrays)  # type: ignore[arg-type]
    blob = out.getvalue()
    return blob, digest(blob)


def decode(blob: bytes, sha256: str, label: str, wanted: Iterable[str]) -> tuple[list[SeriesName], Arrays]:
    """What `encode` made. InputError, which names the model, for anything else: other bytes than those the table told of, an
    object in the archive, an array that is missing or has not one row a series."""
    check(blob, sha256, label)
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as archive:
            names, arrays = archive["names"], {name: archive[name] for name in wanted}
        parts = names.tobytes().decode("utf-8", "surrogatepass").split("\0")[:-1]
        series = list(zip(parts[0::2], parts[1::2], strict=True))
        wrong = [name for name, array in arrays.items() if array.ndim == 0 or len(array) != len(series)]
        if wrong:
            raise ValueError(f"{wrong[0]} has not one row for each of {len(series)} series")
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"the model {label} cannot be read ({type(error).__name__}: {error}): train it again"
        ) from None
    return series, arrays
