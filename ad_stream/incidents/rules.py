"""When an incident opens, closes, comes again and is told: every threshold of the fold, in windows of the grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

RULES = 2
"""Version of the fold: raised whenever the same verdicts give other rows. 1: planned silences were told, and who was moved
with its site to its level of before was back on it."""
LOW, MEDIUM, HIGH = "low", "medium", "high"
LEVELS = (LOW, MEDIUM, HIGH)


@dataclass(frozen=True)
class FoldRules:
    """Spans count windows of the grid, those of an episode count windows that have a row and are not muted.

    open_severity      a flag this severe opens an incident at once
    open_out, open_of  so do so many windows out of the band among the last so many (at most 16)
    close_after        quiet windows in a row that end an episode; doubled at each return, up to `longest_hold`
    new_level_after    windows out of the band without a flag, after which where the value stands is the new level
    reopen_within      windows after its end in which a flag continues an episode
    remember           windows after a new level in which a way back to the old one is no new incident
    together           windows within which episodes of a site belong to one incident, counted from its latest member,
    together_most      and at most so many from its first
    update_every       windows between two messages about an open incident, where it did not grow worse by severity
    medium, high       least severity of these levels; below is low
    chattering_from    returns of an incident from which on it chatters
    flood_over, flood_under, flood_span  more openings than that in so many windows begin a flood, fewer end it
    silence_after      windows without a row after which a series may be silent
    silence_seen       windows that it must have been seen for
    gone_after         windows after which a silent series counts as gone
    """

    open_severity: float = 0.36
    open_out: int = 3
    open_of: int = 5
    close_after: int = 10
    longest_hold: int = 60
    new_level_after: int = 240
    reopen_within: int = 60
    remember: int = 1440
    together: int = 3
    together_most: int = 30
    update_every: int = 15
    medium: float = 0.44
    high: float = 0.6
    chattering_from: int = 3
    flood_over: int = 10
    flood_under: int = 5
    flood_span: int = 10
    silence_after: int = 10
    silence_seen: int = 120
    gone_after: int = 1440

    def level(self, severity: float) -> int:
        """The place in LEVELS of a severity from 0 to 1."""
        return (severity >= self.medium) + (severity >= self.high)

    def on(self, seconds: int) -> FoldRules:
        """Rules whose spans are written in minutes, on windows of so many seconds: never less than two windows, as many
        as a span of one minute has on a grid of minutes where it is one."""
        spans = {name: max(-(-60 * getattr(self, name) // seconds), min(getattr(self, name), 2)) for name in SPANS}
        return replace(self, **spans)


SPANS = (
    "close_after", "longest_hold", "new_level_after", "reopen_within", "remember", "together", "together_most", "update_every",
    "flood_span", "silence_after", "silence_seen", "gone_after",
)  # fmt: skip
"""The fields of FoldRules that are spans of time."""
