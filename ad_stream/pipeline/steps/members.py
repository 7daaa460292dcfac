"""The members of an element as numbers: which are signals, which of them are no numbers, and what there is to say of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ad_stream.pipeline.steps.shapes import NOT_SIGNALS
from ad_stream.sources.instants import literal

if TYPE_CHECKING:
    from ad_stream.config import Telemetry

LARGEST = "1.7976931348623157E308D"
SHOWN = 40
"""Characters of a text that a detail shows."""
ON = ("true", "on", "open", "yes", "active", "high", "running")
OFF = ("false", "off", "closed", "no", "inactive", "low", "stopped")
NO_NUMBER = r"n/?a|nan|null|nil|none|[-+]?inf(?:inity)?|unavailable|unknown|undefined|err(?:or)?|fault|ovf|overflow|bad|invalid|missing"
WORDS = (
    rf"(?is)^\s*(?!(?:{NO_NUMBER})\s*$)\p{{L}}.*|^\s*[<>#/(\[{{_@*&].*|^\s*\d+([-:/.])\d+\1\d.*|^\s*\d+[-:/]\d+.*"
    r"|^\s*(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\s*$|^\s*[0-9a-f]{8}-[0-9a-f]{4}-.*"
)
"""Texts that no sensor means as a number: words, dates, addresses, ids. Others failed at being one and are quarantined."""


@dataclass(frozen=True)
class Members:
    """SQL over `one`, and over `members` once that is there. members: name -> number; any_member, any_nan: flags; the details:
    texts for the rows of quarantine, where a member is no number and where there is none."""

    members: str
    any_member: str
    any_nan: str
    nan_detail: str
    none_detail: str


def member(telemetry: Telemetry, path: str) -> str:
    """SQL: the text of a member of `one`."""
    return f"one[{literal(telemetry.local(path))}]"


def number(text: str) -> str:
    """SQL: the finite number a text stands for, else null. Java would read '5d' and '0x1p3' as numbers, JSON users would not."""
    cast = f"try_cast({text} as double)"
    decimal = " and ".join(f"not contains({text}, '{letter}')" for letter in "dDfFxX")
    return f"if(abs({cast}) <= {LARGEST} and {decimal}, {cast}, cast(null as double))"


def switch(text: str) -> str:
    """SQL: 1 and 0 for the words of a switch, numbers as they are."""
    said = f"lower(trim({text}))"
    on, off = (",".join(literal(word) for word in words) for words in (ON, OFF))
    return f"case when {said} in ({on}) then 1D when {said} in ({off}) then 0D else {number(text)} end"


def declared(telemetry: Telemetry) -> Members:
    """The declared signals as a struct."""
    texts = {name: member(telemetry, name) for name in telemetry.signals}
    read = {name: (switch if name in telemetry.switches else number)(text) for name, text in texts.items()}
    fields = ", ".join(f"{literal(name)}, {sql}" for name, sql in read.items())
    is_nan = {name: f"({text} is not null and members[{literal(name)}] is null)" for name, text in texts.items()}
    said = " ".join(f"when {nan} then {_is(literal(name), texts[name])}" for name, nan in is_nan.items())
    names = literal(f"none of {', '.join(texts)} is there")
    return Members(
        members=f"named_struct({fields})",
        any_member=" or ".join(f"{text} is not null" for text in texts.values()),
        any_nan=" or ".join(is_nan.values()),
        nan_detail=f"case {said} end",
        none_detail=f"concat({names}, {_deeper() if telemetry.by_paths else literal('')})",
    )


def auto(telemetry: Telemetry) -> Members:
    """Numeric members as a map; objects, arrays, true, false and null are no signals, and texts by `telemetry.text`."""
    left_out = dict.fromkeys([*NOT_SIGNALS, *telemetry.device_id, telemetry.event_time, *telemetry.ignore])
    left_out |= dict.fromkeys(telemetry.local(path) for path in telemetry.paths if path in left_out)
    names = ",".join(literal(name) for name in left_out)
    switches = ",".join(literal(name) for name in telemetry.switches)
    value = "v not in ('true','false') and left(v, 1) not in ('{','[')"
    if telemetry.text == "attribute":
        value += f" and (try_cast(v as double) is not null or v not rlike {literal(WORDS)})"
    read = number("v")
    if switches:
        value, read = f"(k in ({switches}) or {value})", f"if(k in ({switches}), {switch('v')}, {read})"
    first = "get(map_keys(map_filter(members, (k, v) -> v is null)), 0)"
    return Members(
        members=f"transform_values(map_filter(one, (k, v) -> k not in ({names}) and {value}), (k, v) -> {read})",
        any_member="cardinality(members) > 0",
        any_nan="exists(map_values(members), v -> v is null)",
        nan_detail=_is(first, f"one[{first}]"),
        none_detail=f"concat('no member is a number', {_deeper()}, {_texts()})",
    )


def _is(name: str, text: str) -> str:
    comma = f"if({text} rlike '^ *[-+]?[0-9]+,[0-9]+ *$', ' (a decimal comma?)', '')"
    switched = f"if(lower(trim({text})) in ({','.join(literal(word) for word in (*ON, *OFF))}), ' (name it in telemetry.switches)', '')"
    return f"concat({name}, ' is \\'', left({text}, {SHOWN}), '\\'', {comma}, {switched})"


def _deeper() -> str:
    """SQL: in which members the numbers may lie."""
    nested = "slice(map_keys(map_filter(one, (k, v) -> left(v, 1) in ('{','['))), 1, 3)"
    inside = f"concat_ws(', ', {nested})"
    words = "': they lie deeper, in ', {0}, '; ad-stream infer reads a sample and prints the settings'"
    return f"if({inside} = '', '', concat({words.format(inside)}))"


def _texts() -> str:
    """SQL: which members are words."""
    texts = "slice(map_keys(map_filter(one, (k, v) -> left(v, 1) not in ('{','['))), 1, 5)"
    return f"if(size(one) > 0 and concat_ws(', ', {texts}) <> '', concat(', it has ', concat_ws(', ', {texts})), '')"
