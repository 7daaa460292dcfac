"""What a row of quarantine says beside its reason: the member, its text, and the setting that helps.

Told from the kept beginning of the body once the row is rejected, so that no reading pays for it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ad_stream.pipeline.steps.members import WORDS
from ad_stream.pipeline.steps.shapes import LOOSE, NOT_SIGNALS, OFF, ON, SIGNED

if TYPE_CHECKING:
    from ad_stream.config import Telemetry

SHOWN, LONGEST, NAMED = 40, 200, 3
"""Characters of a text that a detail shows, of a detail, and paths that one names."""
LEVELS = 8
ZONES, NEAR_ZONE = 900, 120
"""Seconds: time zones differ by whole quarters of an hour; a clock this near to one is taken for a zone."""
INFER = "ad-stream infer prints the settings that read a sample"
HELP = {
    "empty": "the message has no body",
    "not_utf8": "if bodies are packed, set telemetry.compressed: true",
    "too_large": "set telemetry.max_body",
    "too_deep": "set telemetry.max_depth",
    "too_many_elements": "set telemetry.max_elements",
    "too_many_members": "set telemetry.max_members, or declare telemetry.signals",
    "no_device": "name the member that holds it in telemetry.device_id",
}
"""Reason -> the way out, where it is the same for every message."""
MEMBER = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*("(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|-?NaN|-?Infinity)')
COMMA = re.compile(r"\s*[-+]?[0-9]+,[0-9]+\s*")
WORD = re.compile(WORDS.replace(r"\p{L}", r"[^\W\d_]"))


def detail(reason: str, body: bytes | None, element: int, off: int | None, telemetry: Telemetry) -> str | None:
    """body: as much of it as is kept; element: its number in the body; off: seconds that its time is ahead of the hub's."""
    if reason in HELP:
        return HELP[reason]
    if reason == "future_time":
        return None if off is None else f"{telemetry.event_time} is {off} s ahead of the hub{_zone(off)}"
    if reason not in ("bad_time", "not_a_number", "no_signal"):
        return None
    one = _element(bytes(body or b""), element, telemetry)
    say = {"bad_time": _bad_time, "not_a_number": _not_a_number, "no_signal": _no_signal}[reason]
    said = say(one, telemetry)
    return None if said is None else re.sub(r"[\x00-\x1f]", " ", said[:LONGEST])


def _zone(off: int) -> str:
    near = abs(off - round(off / ZONES) * ZONES) <= NEAR_ZONE
    return ", local time of a zone? set telemetry.time_zone" if near else ""


def _bad_time(one: Mapping[str, Any], telemetry: Telemetry) -> str | None:
    text = _text(_at(one, telemetry.local(telemetry.event_time)))
    slashes = re.match(r"\s*\d{1,2}[/-]\d{1,2}[/-]\d{4}", text)
    return f"{telemetry.event_time} is '{text}'{', set telemetry.day_first' if slashes else ''}" if text else None


def _not_a_number(one: Mapping[str, Any], telemetry: Telemetry) -> str | None:
    names = _others(one, telemetry) if telemetry.signals == "auto" else telemetry.signals
    for name in names:
        value = _at(one, telemetry.local(name))
        if (
            value is None
            or _is_number(value)
            or (telemetry.signals == "auto" and isinstance(value, (bool, dict, list)))
        ):
            continue
        text = _text(value)
        if telemetry.signals == "auto" and telemetry.text == "attribute" and WORD.search(text):
            continue
        comma = " (a decimal comma?)" if COMMA.fullmatch(text) else ""
        switch = " (name it in telemetry.switches)" if text.strip().lower() in (*ON, *OFF) else ""
        return f"{name} is '{text}'{comma}{switch}"
    return None


def _no_signal(one: Mapping[str, Any], telemetry: Telemetry) -> str:
    if telemetry.signals != "auto":
        return _undeclared(one, telemetry.signals)
    if telemetry.records == "refuse" and (pair := _record(one)) is not None:
        setting = "senml" if pair == SIGNED[0] else f"{{name: {pair[0]}, value: {pair[1]}}}"
        return f"{pair[0]} is the name of a signal and {pair[1]} its value: set telemetry.records: {setting}; {INFER}"
    names = (*NOT_SIGNALS, *telemetry.paths, *telemetry.ignore)
    paths = [
        path for path, value in _walk(one) if "." in path and _is_number(value) and path.split(".")[-1] not in names
    ]
    if paths:
        return f"the numbers lie deeper, e.g. {', '.join(dict.fromkeys(paths[:NAMED]))}; {INFER}"
    texts = [name for name, value in one.items() if value is not None and not isinstance(value, (dict, list))]
    return "no member is a number" + (f", it has {', '.join(texts[:5])}" if texts else "")


def _undeclared(one: Mapping[str, Any], signals: Sequence[str]) -> str:
    last = {name.rpartition(".")[2] for name in signals}
    paths = [path for path, _ in _walk(one) if "." in path and path.split(".")[-1] in last]
    deeper = f": deeper there is {', '.join(paths[:NAMED])}; {INFER}" if paths else ""
    return f"none of {', '.join(signals)} is there{deeper}"


def _record(one: Mapping[str, Any]) -> tuple[str, str] | None:
    """Members that hold the name of a signal and its value."""
    for name, value in (*SIGNED, *LOOSE):
        if isinstance(one.get(name), str) and not _is_number(one[name]) and one.get(value) is not None:
            # OPC UA nests its value where the publisher sends times and quality with it.
            return name, f"{value}.Value" if isinstance(one[value], dict) and "Value" in one[value] else value
    return None


def _others(one: Mapping[str, Any], telemetry: Telemetry) -> Iterator[str]:
    left_out = {*NOT_SIGNALS, *telemetry.paths, *telemetry.ignore}
    nested = telemetry.nested
    return (path for path, _ in _walk(one, nested) if path not in left_out)


def _element(body: bytes, element: int, telemetry: Telemetry) -> Mapping[str, Any]:
    """The element as JSON gives it; of a torn body the members that its beginning shows."""
    text = body.decode("utf-8-sig", errors="replace").rstrip("\0")
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            whole = [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            whole = {name: _value(value) for name, value in reversed(MEMBER.findall(text))}
    if telemetry.list_path is not None:
        head = whole if isinstance(whole, list) else [whole]
        whole = [
            item for one in head if isinstance(one, dict) for item in _listed(_at(one, telemetry.list_path)) or [one]
        ]
    items = whole if isinstance(whole, list) else [whole]
    one = items[element] if element < len(items) else None
    one = one if isinstance(one, dict) else {}
    if isinstance(telemetry.records, dict):
        name, value = (_at(one, telemetry.local(telemetry.records[part])) for part in ("name", "value"))
        return {str(name): value}
    return one


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _value(token: str) -> Any:
    try:
        return json.loads(token)
    except ValueError:
        return token


def _at(one: Mapping[str, Any], path: str) -> Any:
    """The member of that name, else the one under that path."""
    if path in one:
        return one[path]
    found: Any = one
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _walk(one: Any, levels: int = LEVELS, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path -> member; objects and the first items of lists by their own members, so many levels deep."""
    if isinstance(one, dict) and levels >= 0:
        for name, value in one.items():
            yield from _walk(value, levels - 1, f"{path}.{name}" if path else str(name))
    elif isinstance(one, list) and one and isinstance(one[0], dict) and levels >= 0:
        yield from _walk(one[0], levels, f"{path}[]")
    elif path:
        yield path, one


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    try:
        return math.isfinite(float(value)) and "_" not in str(value)
    except (ValueError, OverflowError):
        return False


def _text(value: Any) -> str:
    """A member as text, short."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text[:SHOWN]
