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
RFC_2822 = (
    "^ *(?:[A-Za-z]{3,9},? +)?([0-9]{1,2}) ([A-Za-z]{3})[A-Za-z]* ([0-9]{4}) +([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(.*)$"
)
PARTS = "^ *([0-9]{1,2})([./-])([0-9]{1,2})[./-]([0-9]{4})[ T,]+([0-9]{1,2}):([0-9]{2}):?([0-9.]*) ?([AaPp][Mm])?(.*)$"
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


def instant(text: str, forms: TimeForms = PLAIN, near: str | None = None) -> str:
    """SQL: the instant that a text stands for, null where it is none or no table could hold it.

    near: SQL of the time near which a local time is looked for that a clock shows twice (end of summer time).
    Spark would also take a time of day (as one of today) and a bare year.
    """
    iso = _in_zone(text, timestamp(text), forms, near)
    # The usual forms are told apart first, because the patterns of the others are dear.
    others = _other(text, forms, near)
    is_iso = f"substr(ltrim({text}), 5, 1) = '-'"
    comma = _in_zone(text, timestamp(f"translate({text}, ',', '.')"), forms, near)
    dated = f"if(instr({text}, ',') > 0, {comma}, {iso})"
    return storable(
        f"case when {is_iso} then {dated} when {text} rlike '{NUMBER}' then {epoch(text, forms)} else {others} end"
    )


def epoch(text: str, forms: TimeForms = PLAIN) -> str:
    """SQL: a number as an instant; the unit by its size, where it is not declared: no two units overlap from 1973 to 2200."""
    number = f"try_cast({text} as double)"
    if forms.unit != "auto":
        return _micros(f"{number} * {UNIT[forms.unit]}D")
    size = f"abs({number})"
    unit = f"case when {size} > 1e17 then 0.001D when {size} > 1e14 then 1D when {size} > 1e11 then 1000D else 1000000D end"
    scaled = f"{number} * {unit}"
    compact = f"if({text} rlike '^ *(19|20|21)[0-9]{{12}} *$', {_iso_of(text, COMPACT, '$1-$2-$3T$4:$5:$6')}, null)"
    local = compact if forms.zone is None else _zoned(compact, forms, None)
    return f"coalesce({local}, {_micros(scaled)})"


def _micros(number: str) -> str:
    # Casts to bigint saturate; what is beyond is no time that a table could hold.
    return f"if(abs({number}) < 9e17D, timestamp_micros(cast({number} as bigint)), null)"


def _iso_of(text: str, pattern: str, replacement: str) -> str:
    return timestamp(f"regexp_replace({text}, {literal(pattern)}, {literal(replacement)})")


def _other(text: str, forms: TimeForms, near: str | None) -> str:
    """SQL: the rarer forms."""
    compact = f"regexp_replace({text}, {literal(COMPACT)}, '$1-$2-$3T$4:$5:$6$7')"
    cases = [(COMPACT, _in_zone(compact, timestamp(compact), forms, near)), (RFC_2822, _rfc_2822(text, forms, near))]
    for order, day, month in (("[./-]", 1, 3), ("[.]", 1, 3)) if forms.day_first else (("[/-]", 3, 1), ("[.]", 1, 3)):
        if order == "[.]" or forms.day_first is not None:
            pattern = PARTS.replace("([./-])", f"({order})")
            cases.append((pattern, _by_parts(text, pattern, day, month, forms, near)))
    wrapped = f"regexp_extract({text}, {literal(WRAPPED)}, 1)"
    inner = f"if(substr({wrapped}, 5, 1) = '-', {timestamp(wrapped)}, if({wrapped} rlike '{NUMBER}', {epoch(wrapped)}, null))"
    cases.append((r"\$date|Date\(", inner))
    return "case " + " ".join(f"when {text} rlike {literal(pattern)} then {sql}" for pattern, sql in cases) + " end"


def _group(text: str, pattern: str, number: int) -> str:
    return f"regexp_extract({text}, {literal(pattern)}, {number})"


def _rfc_2822(text: str, forms: TimeForms, near: str | None) -> str:
    month = f"(locate(lower({_group(text, RFC_2822, 2)}), '{MONTHS}') + 2) div 3"
    zone = f"regexp_replace(trim({_group(text, RFC_2822, 5)}), ' *[(].*', '')"
    iso = (
        f"concat({_group(text, RFC_2822, 3)}, '-', lpad(cast({month} as string), 2, '0'), '-', lpad({_group(text, RFC_2822, 1)}, 2, '0'),"
        f" 'T', {_group(text, RFC_2822, 4)}, ' ', {zone})"
    )
    return _in_zone(f"trim({iso})", timestamp(f"trim({iso})"), forms, near)


def _by_parts(text: str, pattern: str, day: int, month: int, forms: TimeForms, near: str | None) -> str:
    """SQL: day, month, year by their places; with AM or PM where one stands there."""
    half = f"lower({_group(text, pattern, 8)})"
    hour = f"cast({_group(text, pattern, 6 - 1)} as int)"
    clock = f"case {half} when 'pm' then {hour} % 12 + 12 when 'am' then {hour} % 12 else {hour} end"
    second = f"coalesce(nullif({_group(text, pattern, 7)}, ''), '00')"
    iso = (
        f"concat({_group(text, pattern, 4)}, '-', lpad({_group(text, pattern, month)}, 2, '0'), '-',"
        f" lpad({_group(text, pattern, day)}, 2, '0'), 'T', lpad(cast({clock} as string), 2, '0'), ':',"
        f" {_group(text, pattern, 6)}, ':', {second}, trim({_group(text, pattern, 9)}))"
    )
    return _in_zone(iso, timestamp(iso), forms, near)


def _in_zone(text: str, time: str, forms: TimeForms, near: str | None) -> str:
    """SQL: `time` as it is where the text names a zone, else as local time of the zone."""
    if forms.zone in (None, "UTC"):
        return time
    names_zone = f"substring(trim({text}), 12) rlike '[A-Za-z+-]'"
    return f"if({names_zone}, {time}, {_zoned(time, forms, near)})"


def _zoned(local: str, forms: TimeForms, near: str | None) -> str:
    """SQL: local time -> instant. Of two (a fold) the later one where it is not ahead of `near`; a time in a gap moves on by it."""
    zone = literal(str(forms.zone))
    first = f"to_utc_timestamp({local}, {zone})"
    if near is None:
        return first
    return f"if({later_of_fold(local, str(forms.zone))} <= {near}, {later_of_fold(local, str(forms.zone))}, {first})"


def later_of_fold(local: str, zone: str) -> str:
    """SQL: the later of two instants at which a local clock shows the time, null where there is one or none."""
    named = literal(zone)
    first = f"to_utc_timestamp({local}, {named})"
    day_on = f"({first} + interval 24 hours)"
    later = f"({local} - (from_utc_timestamp({day_on}, {named}) - {day_on}))"
    return f"if({later} > {first} and from_utc_timestamp({later}, {named}) = {local}, {later}, null)"
