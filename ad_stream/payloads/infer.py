"""Bodies -> the section `telemetry` that reads them, and what of them it leaves out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from ad_stream.payloads.forms import DEVICES, FORMS, PAIRS, TIMES, Element, Form, reach

RICH = {"records": "auto"}
LEVELS = 6
SHOWN = 12
LOCAL = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?([.,]\d+)?$")
DATED = re.compile(r"^\s*(\d{4}-\d\d-\d\d|\d{8}T?\d{6}|\d{1,2}[./]\d{1,2}[./]\d{4}|[A-Z][a-z]{2}, \d)")
SLASHED = re.compile(r"^\s*\d{1,2}[/-]\d{1,2}[/-]\d{4}")


@dataclass(frozen=True)
class Inferred:
    """form: its name; telemetry: the section; signals: what it will read; left_out: path -> what it is; notes: what to decide."""

    form: str
    telemetry: dict[str, Any]
    signals: list[str]
    left_out: dict[str, str]
    notes: list[str]

    def yaml(self) -> str:
        """The section, with what was understood as comments."""
        shown = ", ".join(self.signals[:SHOWN]) + (
            f" and {len(self.signals) - SHOWN} more" if len(self.signals) > SHOWN else ""
        )
        lines = [f"# {self.form}; series: {shown or 'none'}"]
        lines += [f"# left out: {path} ({why})" for path, why in self.left_out.items()]
        lines += [f"# note: {note}" for note in self.notes]
        return "\n".join([*lines, yaml.safe_dump({"telemetry": self.telemetry}, sort_keys=False, width=120).rstrip()])


def infer(bodies: Sequence[Any]) -> Inferred:
    """The settings for bodies as JSON gives them; of several forms in one sample each is noted with its own."""
    elements = [element for body in bodies for element in _elements(body)]
    forms: dict[Form | None, list[Element]] = {}
    for element in elements:
        forms.setdefault(next((form for form in FORMS if form.told_by(element)), None), []).append(element)
    found = {form: _unknown(mine) if form is None else _of_form(form, mine) for form, mine in forms.items()}
    if len(found) == 1:
        return next(iter(found.values()))
    # One stream has one section: `auto` with these reads nested objects and known records of all.
    notes = [
        f"{len(forms[form])} of {len(elements)} elements: {one.form}, read best by {json.dumps(one.telemetry)}"
        for form, one in sorted(found.items(), key=lambda pair: -len(forms[pair[0]]))
    ]
    signals = list(dict.fromkeys(name for one in found.values() for name in one.signals))
    return Inferred(f"{len(found)} forms in one sample", {"signals": "auto", **RICH}, signals, {}, notes)


def _elements(body: Any) -> list[Element]:
    return [one for one in (body if isinstance(body, list) else [body]) if isinstance(one, Mapping)]


def _of_form(form: Form, elements: Sequence[Element]) -> Inferred:
    telemetry = dict(form.telemetry)
    inner = _inner(elements, telemetry.get("elements"))
    if "records" in telemetry:
        signals = _record_names(inner, telemetry["records"])
    else:
        signals = [path for path in _numbers(inner) if form.below is None or path.startswith(form.below + ".")]
        valued = [path for path in signals if path.endswith(".Value")]  # beside a status and a time of its own
        signals = valued or signals
        telemetry["signals"] = signals or "auto"
    device = next((path for path in form.device if _text(inner, path)), None)
    time = next((path for path in form.time if _is_time(inner, path)), None)
    if telemetry.get("records") == "senml" and time is not None:
        time = "t"  # under which the resolved time stands
    return _told(form.name, telemetry, signals, inner, device, time)


def _unknown(elements: Sequence[Element]) -> Inferred:
    """By what is there: a list of records or readings, else the members themselves."""
    telemetry: dict[str, Any] = {}
    path = _list_of_readings(elements)
    inner = _inner(elements, path)
    if path is not None:
        telemetry["elements"] = path
    pair = _pair(inner) if path is not None or len({len(one) for one in inner}) == 1 else None
    if pair is not None and (path is not None or _pair_repeats(inner, pair)):
        telemetry = {"signals": "auto", **telemetry, "records": dict(zip(("name", "value"), pair, strict=True))}
        signals = _record_names(inner, telemetry["records"])
    else:
        taken = {*DEVICES, *TIMES, "id", "messageId", "message_id"}
        signals = [one for one in _numbers(inner) if one.split(".")[-1] not in taken]
        nested = any("." in one for one in signals)
        telemetry = {"signals": signals if nested or path else "auto", **telemetry} if signals else {"signals": "auto"}
    device = next((one for name in DEVICES for one in _named(inner, name) if _text(inner, one)), None)
    time = next((one for name in TIMES for one in _named(inner, name) if _is_time(inner, one)), None)
    return _told("no form of the list" if path or pair else "plain members", telemetry, signals, inner, device, time)


def _told(
    name: str, telemetry: dict[str, Any], signals: list[str], inner: Sequence[Element], device: str | None, time: str | None
) -> Inferred:  # fmt: skip
    notes = []
    if device is not None and device != "deviceId":
        telemetry["device_id"] = ["system", device]
    elif device is None:
        notes.append("no member names the device: the hub has to, or name it in telemetry.device_id")
    if time is not None:
        telemetry["event_time"] = time
        text = str(next((value for one in inner if (value := reach(one, time)) is not None), ""))
        if LOCAL.match(text):
            notes.append(
                f"{time} names no zone ({text}): it is read as UTC, set telemetry.time_zone if it is local time"
            )
        if SLASHED.match(text):
            notes.append(f"{time} is {text}: set telemetry.day_first to true or false")
    left_out = {
        path: what
        for path, what in _leaves(inner).items()
        if path not in (*signals, device, time) and not _is_part(path, telemetry)
    }
    return Inferred(name, telemetry, signals, dict(list(left_out.items())[: 4 * SHOWN]), notes)


def _is_part(path: str, telemetry: Mapping[str, Any]) -> bool:
    records = telemetry.get("records")
    if records == "senml":
        return path in ("n", "v", "bn", "bt", "bv", "t", "bver")
    return isinstance(records, Mapping) and path in records.values()


def _inner(elements: Sequence[Element], path: str | None) -> list[Element]:
    """The items of the list, with the members around it."""
    if path is None:
        return list(elements)
    head = path.split(".")[0]
    return [
        {**{key: value for key, value in element.items() if key != head}, **item}
        for element in elements
        for item in (reach(element, path.rpartition(".")[0]) if "." in path else element).get(path.rpartition(".")[2])
        or []
        if isinstance(item, Mapping)
    ]


def _walk(element: Any, path: str = "", level: int = 0) -> Iterator[tuple[str, Any]]:
    if isinstance(element, Mapping) and level < LEVELS:
        for key, value in element.items():
            yield from _walk(value, f"{path}.{key}" if path else str(key), level + 1)
    elif path:
        yield path, element


def _leaves(elements: Sequence[Element]) -> dict[str, str]:
    """Path -> 'number', 'text', 'true or false', 'list' or 'nothing'; of several kinds the first that says something."""
    out: dict[str, str] = {}
    for element in elements:
        for path, value in _walk(element):
            kind = _kind(value)
            if out.get(path, "nothing") == "nothing":
                out[path] = kind
    return out


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false: name it in telemetry.switches to have it as 1 and 0"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, list):
        return f"list of {len(value)}"
    return "nothing" if value is None else "text"


def _numbers(elements: Sequence[Element]) -> list[str]:
    return [path for path, kind in _leaves(elements).items() if kind == "number"]


def _named(elements: Sequence[Element], name: str) -> list[str]:
    paths = [path for path in _leaves(elements) if path.split(".")[-1] == name]
    return sorted(paths, key=lambda path: path.count("."))


def _text(elements: Sequence[Element], path: str) -> bool:
    return any(isinstance(reach(one, path), (str, int)) and str(reach(one, path)) for one in elements)


def _is_time(elements: Sequence[Element], path: str) -> bool:
    values = [value for one in elements if (value := reach(one, path)) is not None]
    return bool(values) and all(
        (isinstance(value, str) and (DATED.match(value) or (value.isdigit() and len(value) >= 9)))
        or (isinstance(value, (int, float)) and not isinstance(value, bool) and value > 1e8)
        for value in values
    )


def _list_of_readings(elements: Sequence[Element]) -> str | None:
    """The list of objects with numbers that lies least deep, where the members around it hold no more numbers than it."""
    around = set(_numbers(elements)) - set(_named(elements, "id"))
    for path, kind in sorted(_leaves(elements).items(), key=lambda one: one[0].count(".")):
        lists = [reach(one, path) for one in elements if kind.startswith("list")]
        items = [item for one in lists if isinstance(one, list) for item in one if isinstance(item, Mapping)]
        if _numbers(items) and len(_numbers(items)) >= len(around) / 2:
            return path
    return None


def _pair(elements: Sequence[Element]) -> tuple[str, str] | None:
    for name, value in PAIRS:
        if elements and all(isinstance(one.get(name), str) and value in one for one in elements):
            return name, value
    return None


def _pair_repeats(elements: Sequence[Element], pair: tuple[str, str]) -> bool:
    return len({one[pair[0]] for one in elements}) > 1


def _record_names(elements: Sequence[Element], records: Any) -> list[str]:
    if records == "senml":
        base, names = "", []
        for one in elements:
            base = one.get("bn", base)
            names += [f"{base}{one.get('n', '')}"] if "v" in one else []
        return list(dict.fromkeys(names))
    named = [
        reach(one, records["name"]) for one in elements if isinstance(reach(one, records["value"]), (int, float, str))
    ]
    return list(dict.fromkeys(str(name) for name in named))
