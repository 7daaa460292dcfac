"""Section `joint`: which devices' signals are judged together, and when their joint verdict is an alarm."""

from __future__ import annotations

from pydantic import Field

from ad_stream.settings import Section


class Joint(Section):
    """Several signals together (docs/joint.md), where `enabled` is true and a model was trained (`ad-stream train --joint`).

    devices: patterns of the devices that are trained, ignore: patterns of signals that are left out (* any characters, ? one).
    threshold: nats of an alarm, above 0; higher flags less. top: contributors that a row names. most_flags_a_day: a model that
    would flag its own training days more often than this is refused.
    """

    enabled: bool = False
    devices: list[str] = Field(default=["*"], min_length=1)
    ignore: list[str] = Field(default=[])
    threshold: float = Field(default=6.0, gt=0)
    top: int = Field(default=3, ge=1, le=30)
    most_flags_a_day: float = Field(default=2.0, gt=0)
