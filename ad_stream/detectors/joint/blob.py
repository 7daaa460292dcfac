"""A model as bytes and back: NumPy's npz, read without pickle, so that reading it can run no code."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors.joint.model import JointArrays, JointModel
from ad_stream.detectors.joint.relation import BLOCK, TAUS
from ad_stream.detectors.joint.state import MEMORY_DAYS, RESIDUALS, JointState
from ad_stream.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = "joint/1"
"""Raised when a rule changes, so that a model is never judged by another one than it was trained for."""

_STATE = "state_"
_ARRAYS: dict[str, tuple[int | str, ...]] = {
    "mean": ("features",),
    "covariance": ("features", "features"),
    "innovation": ("d", "features"),
    "level": ("d", "features"),
    "power": (RESIDUALS, "d"),
    "high": (RESIDUALS, "d"),
    "tails": (2, 2),
}
_STATES: dict[str, tuple[int | str, ...]] = {"averages": (len(TAUS), "d"), "power": (RESIDUALS, "d"), "rows": ()}
"""Shapes of the arrays that are not one number a signal."""


def encode(model: JointModel) -> bytes:
    """The model as an npz archive; `decode` gives back the same bits."""
    names = "".join(f"{name}\0" for name in model.signals).encode("utf-8", "surrogatepass")
    header = {
        "format": np.frombuffer(FORMAT.encode(), dtype=np.uint8),
        "signals": np.frombuffer(names, dtype=np.uint8),
        "step_seconds": np.float64(model.step_seconds),
        "rows": np.int64(model.rows),
    }
    arrays = {f.name: getattr(model.arrays, f.name) for f in fields(JointArrays)}
    state = {_STATE + f.name: getattr(model.state, f.name) for f in fields(JointState)}
    out = io.BytesIO()
    np.savez_compressed(out, **header, **arrays, **state)
    return out.getvalue()


def decode(blob: bytes) -> JointModel:
    """What `encode` made; InputError, one sentence, for anything else."""
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
        if stored["format"].tobytes().decode() != FORMAT:
            raise ValueError(f"its format is {stored['format'].tobytes().decode()!r}, not {FORMAT!r}")
        return _model(stored)
    except (ValueError, KeyError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"the joint model cannot be read ({type(error).__name__}: {error}): train it again") from None


def _model(stored: dict[str, NDArray[Any]]) -> JointModel:
    signals = tuple(stored["signals"].tobytes().decode("utf-8", "surrogatepass").split("\0")[:-1])
    arrays = JointArrays(**{f.name: stored[f.name] for f in fields(JointArrays)})
    state = JointState(**{f.name: stored[_STATE + f.name] for f in fields(JointState)})
    d, day = len(signals), len(state.recent) // MEMORY_DAYS
    for owner, special in ((arrays, _ARRAYS), (state, _STATES | {"recent": (MEMORY_DAYS * day,)})):
        for field in fields(owner):
            want = special.get(field.name, ("d",))
            shape = tuple(d if size == "d" else BLOCK * d if size == "features" else size for size in want)
            if np.shape(getattr(owner, field.name)) != shape:
                raise ValueError(f"{field.name} has the shape {np.shape(getattr(owner, field.name))}, not {shape}")
    return JointModel(signals, float(stored["step_seconds"]), int(stored["rows"]), arrays, state)
