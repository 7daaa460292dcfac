"""Which detector a comparison speaks for, in a sentence and as the section that sets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ad_stream.evaluation.compare import Comparison

SHIPPED = "default"
CLEARLY = 0.03
"""By how much another has to be better than the shipped detector; less is the luck of one file."""
NOTHING = 0.1
"""Nearer than this to what random scores reach is no detection."""


@dataclass(frozen=True)
class Advice:
    """A sentence for a person, and the YAML to copy."""

    sentence: str
    yaml: str


def recommend(rows: Sequence[Comparison], points: int | None = None) -> Advice:
    """The detector with the best F1, the shipped one where none is clearly better; points: the window that all were given."""
    best = max(rows, key=lambda row: row.f1)
    shipped = next((row for row in rows if row.detector == SHIPPED), None)
    chosen = shipped if shipped is not None and best.f1 - shipped.f1 < CLEARLY else best
    more = "" if points is None else f"  points: {points}\n"
    return Advice(_sentence(chosen, best, shipped), f"detection:\n  detector: {chosen.detector}\n{more}")


def _sentence(chosen: Comparison, best: Comparison, shipped: Comparison | None) -> str:
    if best.f1 - best.random_f1 < NOTHING:
        return (
            f"None of them finds these events much better than chance (F1 {best.f1:.2f}, chance {best.random_f1:.2f}): look at the"
            " labels, or at more of the past. To go on with:"
        )
    if chosen is shipped and best is not shipped:
        rival = f"{best.detector} is no more than {max(best.f1 - chosen.f1, 0.005):.2f} better, which one file does not prove"
        return f"Take {chosen.detector}: F1 {chosen.f1:.2f}; {rival}."
    beside = f", {SHIPPED} reaches {shipped.f1:.2f}" if shipped is not None and chosen is not shipped else ""
    return f"Take {chosen.detector}: F1 {chosen.f1:.2f}{beside}. Judge it again on data that you did not choose it on."
