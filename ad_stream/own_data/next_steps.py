"""What a person may do with the answer, each with the line to type; also where nothing was found."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ad_stream.model import AUTO
from ad_stream.own_data.verdicts import means

if TYPE_CHECKING:
    from collections.abc import Callable

    from ad_stream.own_data.verdicts import OwnVerdicts

MORE, LESS = 99, 80
"""Sensitivities that flag more, and less, than the default of 95."""
MOST_NAMES = 3
JUDGED_WITH = ("--set", "--config")
"""Options of `detect` that say how to judge; the other commands take those that say how to read."""
BY = "a counter by its rate, a state by the time it lasts"


def next_steps(verdicts: OwnVerdicts, command: str) -> list[tuple[str, str]]:
    """(to do what, the line); command: `ad-stream detect FILE` with the options that it was given."""
    words = shlex.split(command)[2:]
    if verdicts.as_a_whole:
        return [
            ("be told only of what exceeds most days", _again(words, "threshold=p95")),
            ("give each two weeks a season and a level of their own", _again(words, "longterm=true")),
        ]
    if "--source" in words:
        return [*_kinds(verdicts, words), *_first(verdicts, words)]
    read = _without(words, lambda option, _: option in JUDGED_WITH)
    streamed = shlex.join(["ad-stream", "demo", "--data", *read])
    evaluated = shlex.join(["ad-stream", "evaluate", *read])
    return [
        *_kinds(verdicts, words),
        *_first(verdicts, words),
        ("compare the detectors, once a column label says 1 where something happened", evaluated),
        ("send it through the real stream, into tables", streamed),
        ("judge a source of your own all day", "ad-stream run --config conf/local.yaml"),
    ]


def _without(words: list[str], drop: Callable[[str, str], bool]) -> list[str]:
    """The words without those options, and their values, that are to be dropped."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    gone = {place + offset for place, pair in enumerate(pairs) if drop(*pair) for offset in (0, 1)}
    return [word for place, word in enumerate(words) if place not in gone]


def _again(words: list[str], setting: str) -> str:
    """The same command with one setting more, or with another value of it."""
    name = setting.partition("=")[0]
    kept = _without(words, lambda option, value: option == "--set" and _name(value) == name)
    return shlex.join(["ad-stream", "detect", *kept, "--set", setting])


def _name(setting: str) -> str:
    return setting.partition("=")[0].removeprefix("detection.").strip()


def _kinds(verdicts: OwnVerdicts, words: list[str]) -> list[tuple[str, str]]:
    """Counters and states that were judged as levels."""
    looks = verdicts.looks()
    if not looks:
        return []
    said = " and ".join(
        f"{_few(names)} as the {kind}s they seem to be"
        if len(names) > 1
        else f"{names[0]} as the {kind} it seems to be"
        for kind, names in looks.items()
    )
    series = len(verdicts.by_series())
    alone = len(looks) == 1 and sum(map(len, looks.values())) == series
    kind = next(iter(looks)) if alone else AUTO
    return [(f"judge {said} ({BY})", _again(words, f"kind={kind}"))]


def _few(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")


def _first(verdicts: OwnVerdicts, words: list[str]) -> list[tuple[str, str]]:
    if verdicts.alarms:
        return [
            ("be told less", _again(words, f"sensitivity={LESS}")),
            ("be told more", _again(words, f"sensitivity={MORE}")),
        ]
    if not verdicts.rows_scored:
        return [
            (
                "have rows judged: none has enough history, a series needs 30 rows",
                _again(words, "max_gap=60"),
            )
        ]
    near = verdicts.nearest()
    assert near is not None
    at = f"{verdicts.series_name(near['device_id'], near['signal'])} at {verdicts.shown(near['device_id'], near['minute'])}"
    low, high = near["expected"] - near["lower_margin"], near["expected"] + near["upper_margin"]
    told = f"be told of less: the nearest to a flag was {at}, {near['value']:.6g} ({means(str(near['reason']))}, {low:.6g} to {high:.6g})"
    return [(told, _again(words, f"sensitivity={MORE}"))]
