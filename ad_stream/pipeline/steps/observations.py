"""What is counted while elements become readings, and told by the progress of a batch under `observedMetrics`.

`clocks`: local times that a clock shows twice or never, where a zone resolves them. `attributes`: readings with texts that were
left out as attributes, and the names of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Column, DataFrame

NAMES, SEPARATOR = "attribute_names", "\x1f"
CLOCKS, ATTRIBUTES = "clocks", "attributes"
SLOTS, SALTED = 4, 2
MOST, LONGEST = 32, 2048
"""Names of one reading, and characters of them: what is told is bounded, whatever devices send."""


def joined(words: str) -> str:
    """SQL: an array of names as one text, null where there is none."""
    text = f"left(array_join(slice({words}, 1, {MOST}), '{SEPARATOR}'), {LONGEST})"
    return f"if(size({words}) > 0, {text}, null)"


def observed(placed: DataFrame) -> DataFrame:
    """Counts what its columns tell of (`body_times.with_time`, `members.auto`); without them nothing is added to the plan."""
    if "in_fold" in placed.columns:
        counts = [F.count(F.when(F.col(name), 1)).alias(to) for name, to in (("in_fold", "folds"), ("in_gap", "gaps"))]
        placed = placed.observe(CLOCKS, *counts)
    return placed.observe(ATTRIBUTES, *_attributes()) if NAMES in placed.columns else placed


def _attributes() -> list[Column]:
    """How many readings, and sets of names: the first and the last of each slot. Into the salted ones other sets fall each minute.

    No aggregate function that Spark observes collects texts, and a fleet sends few sets of names.
    """
    names, minute = F.col(NAMES), F.expr("unix_micros(enqueued_time) div 60000000")
    slots = [(F.pmod(F.xxhash64(names), F.lit(SLOTS)), number) for number in range(SLOTS)]
    slots += [(F.pmod(F.xxhash64(names, minute), F.lit(SALTED)), number) for number in range(SALTED)]
    mine = [F.when(names.isNotNull() & (slot == number), names) for slot, number in slots]
    first = [F.min(one).alias(f"first_{number}") for number, one in enumerate(mine)]
    return [F.count(names).alias("readings"), *first, *(F.max(one).alias(f"last_{n}") for n, one in enumerate(mine))]


def names_in(seen: Mapping[str, Any]) -> set[str]:
    """The names that one report of `attributes` holds."""
    texts = [text for name, text in seen.items() if name != "readings" and text]
    return {name for text in texts for name in text.split(SEPARATOR)}
