"""Texts and numbers as instants, in Spark SQL: the forms in which devices and exports write time.

ISO 8601 (with a comma fraction, without separators, with UTC, GMT or no zone), RFC 2822, 02.03.2026 06:00, 03/02/2026 06:00
where the order is declared, epoch numbers in s, ms, us or ns, 20260302060000, .NET's /Date(ms)/ and MongoDB's {"$date": ...}.
"""

from __future__ import annotations

from dataclasses import dataclass

from ad_stream.sources.contract import storable, timestamp

NUMBER = "^ *-?([0-9]{9,20}([.][0-9]+)?|[0-9]([.][0-9]+)?E([89]|1[0-9])) *$"
UNIT = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}
"""Microseconds in one."""
MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"
COMPACT = "^ *([0-9]{4})([0-9]{2})([0-9]{2})[T ]?([0-9]{2})([0-9]{2})([0-9]{2})(.*)$"
COMPACT_NUMBER = "^ *[0-9]{14} *$"
"""A number of so many digits is no epoch time that a table could hold, in any unit."""
RFC_2822 = (
    "^ *(?:[A-Za-z]{3,9},? +)?([0-9]{1,2}) ([A-Za-z]{3})[A-Za-z]* ([0-9]{4}) +([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(.*)$"
)
PARTS = (
    "^ *([0-9]{{1,2}}){0}([0-9]{{1,2}}){0}([0-9]{{4}})[ T,]+([0-9]{{1,2}}):([0-9]{{2}}):?([0-9.]*) ?([AaPp][Mm])?(.*)$"
)
IS_WRAPPED = r"\$date|Date\("
WRAPPED = r"""(?:Date\(|"\$(?:date|numberLong)" *: *"?)([^"(){}]+)"""


@dataclass(frozen=True)
class TimeForms:
    """How times are meant that do not say it: zone of local times, unit of numbers, order of 03/02/2026 (None: not read)."""

    zone: str | None = None
    unit: str = "auto"
    day_first: bool | None = None


PLAIN = TimeForms()


def literal(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def let(value: str, name: str, inside: str) -> str:
    """SQL: an expression that names a value, so that it is written and computed once; Spark interprets what is inside."""
    return f"transform(array({value}), {name} -> {inside})[0]"


def instant(text: str, forms: TimeForms = PLAIN, near: str | None = None) -> str:
    """SQL: the instant that a text stands for, null where it is none or no table could hold it."""
    return let(raw_instant(text, forms, near), "i", storable("i"))


def raw_instant(text: str, forms: TimeForms = PLAIN, near: str | None = None) -> str:
    """SQL: the instant that a text stands for, null where it is none; it may be one that no table can hold.

    near: SQL of the latest time that is likely; of two instants of a local time (end of summer time) the later one counts where
    it is not beyond. Spark would also take a time of day (as one of today) and a bare year.
    """
    # The usual forms are told apart first, because the patterns of the others are dear.
    is_iso = f"substr(ltrim({text}), 5, 1) = '-' and instr({text}, ',') = 0"
    is_number = f"{text} rlike '{NUMBER}' and {text} not rlike '{COMPACT_NUMBER}'"
    others = let(text, "t", _other("t", forms, near))
    return f"case when {is_iso} then {_in_zone(text, forms, near)} when {is_number} then {epoch(text, forms)} else {others} end"


def epoch(text: str, forms: TimeForms = PLAIN) -> str:
    """SQL: a number as an instant; the unit by its size, where it is not declared: no two units overlap from 1973 to 2200."""
    number = f"try_cast({text} as double)"
    unit = f"{UNIT[forms.unit]}D" if forms.unit != "auto" else (
        f"case when abs({number}) > 1e17 then 0.001D when abs({number}) > 1e14 then 1D when abs({number}) > 1e11 then 1000D"
        " else 1000000D end"
    )  # fmt: skip
    # Casts to bigint saturate; what is beyond is no time that a table could hold.
    return f"timestamp_micros(cast(least(greatest({number} * {unit}, -9e17D), 9e17D) as bigint))"


def _other(text: str, forms: TimeForms, near: str | None) -> str:
    """SQL: the rarer forms, as ISO text where they can be written so."""
    cases = [
        ("^ *[0-9]{4}-", f"translate({text}, ',', '.')"),
        (COMPACT, f"regexp_replace({text}, {literal(COMPACT)}, '$1-$2-$3T$4:$5:$6$7')"),
        (RFC_2822, _rfc_2822(text)),
        (PARTS.format("[.]"), _by_parts(text, PARTS.format("[.]"), 1, 2)),
    ]
    if forms.day_first is not None:
        pattern = PARTS.format("[/-]")
        cases.append((pattern, _by_parts(text, pattern, *((1, 2) if forms.day_first else (2, 1)))))
    iso = "case " + " ".join(f"when {text} rlike {literal(pattern)} then {sql}" for pattern, sql in cases) + " end"
    wrapped = f"regexp_extract({text}, {literal(WRAPPED)}, 1)"
    inner = f"if(substr(w, 5, 1) = '-', {timestamp('w')}, if(w rlike '{NUMBER}', {epoch('w')}, null))"
    is_wrapped = f"if({text} rlike {literal(IS_WRAPPED)}, {let(wrapped, 'w', inner)}, null)"
    return let(iso, "n", f"if(n is null, {is_wrapped}, {_in_zone('n', forms, near)})")


def _group(text: str, pattern: str, number: int) -> str:
    return f"regexp_extract({text}, {literal(pattern)}, {number})"


def _rfc_2822(text: str) -> str:
    month = f"(locate(lower({_group(text, RFC_2822, 2)}), '{MONTHS}') + 2) div 3"
    zone = f"regexp_replace(trim({_group(text, RFC_2822, 5)}), ' *[(].*', '')"
    return (
        f"trim(concat({_group(text, RFC_2822, 3)}, '-', lpad(cast({month} as string), 2, '0'), '-',"
        f" lpad({_group(text, RFC_2822, 1)}, 2, '0'), 'T', {_group(text, RFC_2822, 4)}, ' ', {zone}))"
    )


def _by_parts(text: str, pattern: str, day: int, month: int) -> str:
    """SQL: day, month, year by their places, as ISO text; with AM or PM where one stands there."""
    half, hour = f"lower({_group(text, pattern, 7)})", f"cast({_group(text, pattern, 4)} as int)"
    clock = f"case {half} when 'pm' then {hour} % 12 + 12 when 'am' then {hour} % 12 else {hour} end"
    second = f"coalesce(nullif({_group(text, pattern, 6)}, ''), '00')"
    return (
        f"concat({_group(text, pattern, 3)}, '-', lpad({_group(text, pattern, month)}, 2, '0'), '-',"
        f" lpad({_group(text, pattern, day)}, 2, '0'), 'T', lpad(cast({clock} as string), 2, '0'), ':',"
        f" {_group(text, pattern, 5)}, ':', {second}, trim({_group(text, pattern, 8)}))"
    )


def _in_zone(text: str, forms: TimeForms, near: str | None) -> str:
    """SQL: ISO text -> instant; of a text that names no zone the local time of the devices' zone."""
    time = timestamp(text)
    if forms.zone in (None, "UTC"):
        return time
    names_zone = f"substring(trim({text}), 12) rlike '[A-Za-z+-]'"
    return f"if({names_zone}, {time}, {let(time, 'l', _zoned('l', str(forms.zone), near))})"


def _zoned(local: str, zone: str, near: str | None) -> str:
    """SQL: local time -> instant. Of two (a fold) the later one where it is not beyond `near`; a time in a gap moves on by it."""
    first = f"to_utc_timestamp({local}, {literal(zone)})"
    if near is None:
        return first
    return let(later_of_fold(local, zone), "later", f"if(later <= {near}, later, {first})")


def later_of_fold(local: str, zone: str) -> str:
    """SQL: the later of two instants at which a local clock shows the time, null where there is one or none."""
    named = literal(zone)
    later = f"({local} - (from_utc_timestamp(f + interval 24 hours, {named}) - (f + interval 24 hours)))"
    is_fold = f"if(b > f and from_utc_timestamp(b, {named}) = {local}, b, null)"
    return let(f"to_utc_timestamp({local}, {named})", "f", let(later, "b", is_fold))
