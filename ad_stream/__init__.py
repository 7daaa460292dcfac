"""Scores every minute of every device: a Spark Structured Streaming job and the detectors behind it.

`import ad_stream` loads nothing heavy; `ad_stream.detect(frame)` (pandas in, pandas out) loads its parts on first use, and so
do `detect_joint` and `train_joint` for several signals of a device together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ad_stream.scoring.joint_api import detect_joint, train_joint
    from ad_stream.scoring.pandas_api import detect

__version__ = "0.1.0"
__all__ = ["__version__", "detect", "detect_joint", "train_joint"]


def __getattr__(name: str) -> Any:
    if name == "detect":
        from ad_stream.scoring.pandas_api import detect

        return detect
    if name in ("detect_joint", "train_joint"):
        from ad_stream.scoring import joint_api

        return getattr(joint_api, name)
    raise AttributeError(f"module 'ad_stream' has no attribute {name!r}")
