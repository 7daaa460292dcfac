"""The settings that a command judges by: those of a run's file, with `--set` over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.config.overrides import overrides

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ad_stream.config import Detection


def detection_of(config: str | None, pairs: Sequence[str], base: Detection | None = None) -> Detection:
    """The section `detection`: of the file, else `base`, else as shipped; pairs: `sensitivity=90`, with or without its section."""
    from ad_stream import config as settings

    if base is None:
        base = settings.parse_detection({}) if config is None else settings.load(config).detection
    return settings.parse_detection(
        {**base.model_dump(), **overrides([one.removeprefix("detection.") for one in pairs])}
    )
