"""Scores every minute of every device: a Spark Structured Streaming job and the detectors behind it.

`import ad_stream` loads nothing heavy; `ad_stream.detect(frame)` (pandas in, pandas out) loads its parts on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ad_stream.scoring.pandas_api import detect

__version__ = "0.1.0"
__all__ = ["__version__", "detect"]


def __getattr__(name: str) -> Any:
    if name == "detect":
        from ad_stream.scoring.pandas_api import detect

        return detect
    raise AttributeError(f"module 'ad_stream' has no attribute {name!r}")
