"""YAML of strangers: read within bounds that are checked on its events, before anything is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

MOST_BYTES = 1024 * 1024
MOST_DEPTH = 32
MOST_NODES = 20_000
"""Values in all, each alias counting as all that it stands for."""


class YamlTextError(ValueError):
    """Why the text cannot be read: what is wrong and, where it is known, the line."""


def read_yaml(text: str) -> Any:
    """The one document of the text; YamlTextError for what is no YAML, or too deep, too long or too much."""
    if len(text) > MOST_BYTES:
        raise YamlTextError(f"is longer than {MOST_BYTES // 1024} KiB: leave out what is no setting")
    try:
        _check(yaml.parse(text, Loader=yaml.SafeLoader))
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise YamlTextError(f"is no valid YAML{where}: {getattr(error, 'problem', None) or 'mend it'}") from None
    except YamlTextError:
        raise
    except (ValueError, OverflowError, RecursionError) as error:  # such as the 99th of a month
        told = str(error).split(";")[0] or type(error).__name__
        raise YamlTextError(f"holds a value that is none: {told}; put it in quotes") from None


def _check(events: Iterator[Any]) -> None:
    open_ones: list[tuple[str | None, int]] = []
    sizes: dict[str, int] = {}
    nodes = 0
    for event in events:
        before = nodes
        if isinstance(event, yaml.AliasEvent):
            nodes += _size_of(event, sizes)
        elif isinstance(event, yaml.NodeEvent):
            nodes += 1
        if nodes > MOST_NODES:
            raise YamlTextError(f"holds more than {MOST_NODES:,} values, aliases written out: leave some out")
        if isinstance(event, yaml.CollectionStartEvent):
            open_ones.append((event.anchor, before))
            if len(open_ones) > MOST_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise YamlTextError(f"is nested deeper than {MOST_DEPTH} levels in line {line}")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, start = open_ones.pop()
            if anchor is not None:
                sizes[anchor] = nodes - start
        elif isinstance(event, yaml.ScalarEvent) and event.anchor is not None:
            sizes[event.anchor] = 1


def _size_of(alias: Any, sizes: dict[str, int]) -> int:
    if alias.anchor not in sizes:
        line = alias.start_mark.line + 1
        raise YamlTextError(f"has an alias of what is not whole before it, in line {line}: write it out")
    return sizes[alias.anchor]
