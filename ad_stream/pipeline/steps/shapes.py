"""Elements of nested bodies in one flat shape: a map from the path of a member to its text, as a flat body gives it at once.

Three changes, each only where the settings or the body ask for it: the items of a list become the elements (`from_list`), records
of a name and a value become members (`from_records`), members of nested objects stand under their path (`flat`). SQL texts
throughout: what is nested arrives as JSON text in its map, and is read level by level.

Maps are put together by `_map` only: Spark fails a whole batch for a key that stands twice, and JSON may repeat one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ad_stream.sources.contract import quoted
from ad_stream.sources.instants import let

if TYPE_CHECKING:
    from ad_stream.config import Telemetry

NOT_SIGNALS = (
    "id", "deviceId", "device_id", "messageId", "message_id", "time", "timestamp", "ts", "date", "datetime",
    "eventTime", "event_time", "enqueuedTime", "enqueued_time",
)  # fmt: skip
"""Members that `signals: auto` never takes for a signal: ids and times."""
ON = ("true", "on", "open", "yes", "active", "high", "running")
OFF = ("false", "off", "closed", "no", "inactive", "low", "stopped")
"""Words of a switch for 1 and 0."""
MAP = "map<string,string>"
PAIRS = "array<struct<key:string,value:string>>"
LOOKED_AT = 512
"""Characters of a body in which a second record is looked for."""
SENML_ABSOLUTE = 2**28
"""Smaller times of SenML are relative to the time of the message (RFC 8428, 4.5.3)."""
SIGNED = (("n", "v"), ("DisplayName", "Value"), ("NodeId", "Value"))
"""Name and value of records that no other body has: SenML, OPC UA."""
LOOSE = (
    ("name", "value"), ("Name", "Value"), ("id", "value"), ("id", "v"), ("tag", "value"), ("TagName", "Value"), ("key", "value"),
    ("signal", "value"), ("metric", "value"), ("sensor", "value"), ("parameter", "value"), ("n", "v"), ("type", "value"),
)  # fmt: skip
"""Name and value of records that are told from other bodies only by an array that repeats the value under several names."""


def at(element: str, path: str) -> str:
    """SQL: the text of a member by its path; a member whose very name is the path comes first."""
    head, *rest = path.split(".")
    if not rest:
        return f"{element}[{quoted(path)}]"
    below = "$" + "".join(f"[{_in_quotes(part)}]" for part in rest)
    return f"coalesce({element}[{quoted(path)}], get_json_object({element}[{quoted(head)}], {quoted(below)}))"


def _in_quotes(part: str) -> str:
    return "'" + part.replace("'", "") + "'"


def unique(element: str) -> str:
    """SQL: the map with each member once, the last as JSON parsers take it; only repeated ones cost."""
    repeats = f"size(array_distinct(map_keys({element}))) < size({element})"
    return f"if({repeats}, {_map(f'map_entries({element})')}, {element})"


def _map(pairs: str) -> str:
    """SQL: pairs -> map; of pairs with one key the last counts."""
    last = "filter(p, (x, i) -> not exists(slice(p, i + 2, size(p)), y -> y.key = x.key))"
    whole = "size(array_distinct(transform(p, x -> x.key))) = size(p)"
    return let(pairs, "p", f"map_from_entries(if({whole}, p, {last}))")


def replaced(element: str, name: str, value: str) -> str:
    """SQL: the map with another text for a member that it has."""
    return _map(
        f"transform(map_entries({element}), p -> if(p.key = {quoted(name)}, struct(p.key as key, {value} as value), p))"
    )


def flat(element: str, levels: int, *, kept: Iterable[str] = (), left_out: Iterable[str] = ()) -> str:
    """SQL: the map with members of nested objects under their path, `levels` deep.

    kept: members that stay as they are (devices, times); left_out: names that are no signals in nested objects either.
    """
    pairs = f"map_entries({element})"
    for _ in range(levels):
        pairs = _deeper(pairs, kept)
    names = ",".join(quoted(name) for name in left_out)
    if names:
        pairs = f"filter({pairs}, p -> instr(p.key, '.') = 0 or substring_index(p.key, '.', -1) not in ({names}))"
    return _map(pairs)


def _deeper(pairs: str, kept: Iterable[str]) -> str:
    stays = "".join(f" and p.key <> {quoted(name)}" for name in dict.fromkeys(kept))
    inner = f"map_entries(from_json(p.value, '{MAP}'))"
    named = f"transform({inner}, q -> struct(concat(p.key, '.', q.key) as key, q.value as value))"
    # A text that only begins like an object stays one.
    return (
        f"flatten(transform({pairs}, p -> if(left(p.value, 1) = '{{'{stays}, coalesce({named}, array(p)), array(p))))"
    )


def from_list(elements: str, path: str) -> str:
    """SQL: elements -> one element per item of their list, the members around it beside its own, which win."""
    head = quoted(path.split(".")[0])
    items = f"from_json({at('e', path)}, 'array<{MAP}>')"
    around = f"filter(map_entries(e), p -> p.key <> {head})"
    each = f"transform({items}, x -> {_map(f'concat({around}, map_entries(x))')})"
    return f"flatten(transform({elements}, e -> coalesce({each}, array(e))))"


def from_records(elements: str, name: str, value: str, kept: Iterable[str]) -> str:
    """SQL: elements that are records -> elements with one member, named and valued by the record, and the members in `kept`."""
    member = f"struct({at('e', name)} as key, {at('e', value)} as value)"
    return f"transform({elements}, e -> {_record(member, 'e', kept)})"


def _record(member: str, element: str, kept: Iterable[str]) -> str:
    own = [f"struct({quoted(path)} as key, {at(element, path)} as value)" for path in dict.fromkeys(kept)]
    pairs = f"filter(array({', '.join([member, *own])}), p -> p.key is not null and p.value is not null)"
    return f"if({element} is null, null, {_map(pairs)})"


def from_senml(elements: str, kept: Iterable[str], time: str | None) -> str:
    """SQL: a SenML pack (RFC 8428) -> elements with one member; base name, time and value hold until they are given again.

    time: the member under which the resolved time (seconds) stands; one relative to the message is left out.
    """
    start = f"named_struct('bn', cast(null as string), 'bt', 0D, 'bv', 0D, 'out', cast(array() as array<{MAP}>))"
    number = "coalesce(try_cast(e['{0}'] as double), {1})"
    base = {"bt": number.format("bt", "s.bt"), "bv": number.format("bv", "s.bv")}
    value = f"if({base['bv']} = 0D, e['v'], cast({base['bv']} + try_cast(e['v'] as double) as string))"
    seconds = f"({base['bt']} + {number.format('t', '0D')})"
    moment = f"if({seconds} >= {SENML_ABSOLUTE}, cast({seconds} as string), null)"
    name = "concat(coalesce(e['bn'], s.bn, ''), coalesce(e['n'], ''))"
    others = [path for path in kept if path != time]
    own = [f"struct({quoted(path)} as key, {at('e', path)} as value)" for path in others]
    own += [f"struct({quoted(time)} as key, {moment} as value)"] if time else []
    pairs = f"filter(array({', '.join([f'struct({name} as key, {value} as value)', *own])}), p -> p.value is not null)"
    step = (
        f"named_struct('bn', coalesce(e['bn'], s.bn), 'bt', {base['bt']}, 'bv', {base['bv']},"
        f" 'out', concat(s.out, array(if(e is null, null, {_map(pairs)}))))"
    )
    return f"aggregate({elements}, {start}, (s, e) -> {step}).out"


def are_records(elements: str, kept: Sequence[str]) -> list[tuple[str, str, str]]:
    """(SQL whether the elements are such records, name, value): told by signature, or by one value under several names.

    kept: members that name the device. Where they differ, or an element holds further numbers, the elements are no loose
    records: they are readings of several devices, or objects that happen to have a name.
    """
    devices = " and ".join(
        f"size(array_distinct(transform({elements}, e -> e[{quoted(path)}]))) = 1" for path in dict.fromkeys(kept)
    )
    first = f"get({elements}, 0)"
    found = []
    for name, value in SIGNED:
        named = f"{first}['{name}'] is not null and try_cast({first}['{name}'] as double) is null"
        named = f"({named} or {first}['bn'] is not null)" if name == "n" else named
        beside = " and ".join(f"{first}['{other}'] is null" for other in ("DisplayName",) if name == "NodeId")
        found.append((f"{first}['{value}'] is not null and {named}{' and ' + beside if beside else ''}", name, value))
    for name, value in LOOSE:
        several = f"size(array_distinct(transform({elements}, e -> e['{name}']))) = size({elements})"
        worded = f"{first}['{name}'] is not null and try_cast({first}['{name}'] as double) is null"
        told = f"size({elements}) > 1 and {first}['{value}'] is not null and {worded} and {several}"
        known = ",".join(quoted(one) for one in (value, *NOT_SIGNALS, *kept))
        more = f"map_filter({first}, (k, v) -> k not in ({known}) and try_cast(v as double) is not null)"
        found.append((f"{told} and size({more}) = 0 and {devices or 'true'}", name, value))
    return found


def refused() -> str:
    """SQL over `one`, `members` and `cut`: whether an element is a record of a name and a value, so that as members all of its
    kind would be one series. Loose names are told by the body around it: an array that has a second one, and no other number."""
    cases = []
    for name, value in (*SIGNED, *LOOSE):
        several = f'(?s)^\\s*\\[.*"{name}"\\s*:\\s*"([^"]*)".*"{name}"\\s*:\\s*"(?!\\1")'
        told = f"substring(cast(cut as string), 1, {LOOKED_AT}) rlike {quoted(several)}"
        if name == "n":
            told = f"(one['bn'] is not null or {told})"
        if (name, value) not in SIGNED:
            told = f"{told} and size(map_filter(members, (k, v) -> v is not null)) <= 1"
        worded = f"one['{name}'] is not null and try_cast(one['{name}'] as double) is null"
        valued = f"one['{value}'] is not null"
        # A nested value stands under its path by now.
        valued = f"({valued} or one['Value.Value'] is not null)" if value == "Value" else valued
        cases.append(f"({valued} and {worded}" + ("" if value == "Value" and name != "Name" else f" and {told}") + ")")
    return " or ".join(cases)


def reshaped(elements: str, telemetry: Telemetry, kept: list[str], time: str | None) -> str:
    """SQL: what becomes of the elements of a body before each is a row; the same elements where nothing asks for it."""
    if telemetry.list_path is not None:
        elements = from_list(elements, telemetry.list_path)
    if telemetry.records == "senml":
        return from_senml(elements, kept, time)
    if isinstance(telemetry.records, dict):
        name, value = (telemetry.local(telemetry.records[part]) for part in ("name", "value"))
        return from_records(elements, name, value, kept)
    if telemetry.records != "auto" or telemetry.signals != "auto":
        return elements
    return _as_told(elements, kept, time)


def _as_told(elements: str, kept: list[str], time: str | None) -> str:
    cases = []
    for told, name, value in are_records("r", [path for path in kept if path != time]):
        if (name, value) == SIGNED[0]:
            records = from_senml("r", kept, time)
        else:
            # OPC UA nests its value where the publisher sends times and quality with it.
            records = from_records("r", name, f"{value}.Value" if value == "Value" else value, kept)
            plain = from_records("r", name, value, kept)
            records = f"if(left(get(r, 0)['{value}'], 1) = '{{', {records}, {plain})" if value == "Value" else plain
        cases.append(f"when {told} then {records}")
    return let(elements, "r", f"case {' '.join(cases)} else r end")
