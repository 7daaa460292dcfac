"""Texts and numbers as instants, in Spark SQL: the forms in which devices and exports write time.

ISO 8601 (with a comma fraction, without separators, with UTC, GMT or no zone), RFC 2822, 02.03.2026 06:00, 03/02/2026 06:00
where the order is declared, epoch numbers in s, ms, us or ns, 20260302060000, .NET's /Date(ms)/ and MongoDB's {"$date": ...}.

The usual forms are read at once (`usual`). The patterns of the others are dear; they are rewritten as usual ones (`rewritten`)
where one of them is met (`is_rare`), by steps that Spark interprets.
"""

from __future__ import annotations

from dataclasses import dataclass

from ad_stream.sources.contract import quoted, storable, timestamp

NUMBER = "^ *-?([0-9]{9,13}([.][0-9]+)?|[0-9][.][0-9]+E([89]|1[012])) *$"
"""Epoch seconds and milliseconds; Spark hands 1793491450.5 over as 1.7934914505E9."""
ANY_NUMBER = "^ *-?([0-9]{1,13}|[0-9]{15,20})([.][0-9]+)?(E[0-9]+)? *$"
"""Fourteen digits are yyyyMMddHHmmss: as an epoch time no table could hold them, in any unit."""
MICROS, NANOS = "^ *(-?[0-9]{9,11})([0-9]{6}) *$", "^ *(-?[0-9]{9,11})([0-9]{9}) *$"
"""Told by their size, as seconds and milliseconds are: no two overlap from 1973 to 2200."""
UNIT = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""In a second."""
WRAPPED = r'^ *(?:/Date[(](-?[0-9]+)(?:[+-][0-9]{4})?[)]/|[{] *"[$]date" *: *(?:[{] *"[$]numberLong" *: *)?"?([^"{}]+)"?[ }]*) *$'
COMPACT = "^ *([0-9]{4})([0-9]{2})([0-9]{2})[T ]?([0-9]{2})([0-9]{2})([0-9]{2})(.*)$"
PARTS = "^ *([0-9]{{1,2}}){0}([0-9]{{1,2}}){0}([0-9]{{4}})[ T,]+([0-9]{{1,2}}:[0-9]{{2}}(?::[0-9.]+)?) ?(?:[AaPp][Mm])?(.*)$"
DATED = "^ *([0-9]{4}-[0-9]{1,2}-[0-9].*)$"
RFC_2822 = (
    "^ *(?:[A-Za-z]{3,9},? +)?([0-9]{1,2} [A-Za-z]{3})[a-z]*( [0-9]{4}) +([0-9]{2}:[0-9]{2}(?::[0-9]{2})?) *([^( ]*).*$"
)
RFC_FORMATS = "d MMM yyyy HH:mm[:ss][ z][ xx]"


@dataclass(frozen=True)
class TimeForms:
    """How times are meant that do not say it: zone of local times, unit of numbers, order of 03/02/2026 (None: not read)."""

    zone: str | None = None
    unit: str = "auto"
    day_first: bool | None = None


PLAIN = TimeForms()


def let(value: str, name: str, inside: str) -> str:
    """SQL: an expression that names a value, so that it is written and computed once; Spark interprets what is inside."""
    return f"transform(array({value}), {name} -> {inside})[0]"


def instant(text: str) -> str:
    """SQL: the instant that a text of any form stands for, null where it is none or no table could hold it; interpreted."""
    rest = let(f"if({is_rare(text)}, {rewritten(text)}, {text})", "t", usual("t"))
    return let(rest, "i", storable("i"))


def usual(text: str) -> str:
    """SQL: ISO 8601 text with a date, or epoch seconds or milliseconds as a number; null where it is neither.

    Spark would also take a time of day (as one of today) and a bare year.
    """
    number = f"try_cast({text} as double)"
    epoch = f"timestamp_micros(cast({number} * if(abs({number}) > 1e11, 1000, 1000000) as bigint))"
    # Dates are told apart first because the pattern is dear.
    return (
        f"if(substr(ltrim({text}), 5, 1) = '-', {timestamp(text)},"
        f" if({text} rlike '{NUMBER}', {epoch}, cast(null as timestamp)))"
    )


def is_rare(text: str, forms: TimeForms = PLAIN) -> str:
    """SQL: whether a text is in none of the usual forms, or a number whose unit is declared; false for null."""
    # Each mention looks the text up anew.
    rare = f"(substr(ltrim({text}), 5, 1) <> '-' or instr({text}, ',') > 0)"
    number = f" and {text} not rlike '{NUMBER}'" if forms.unit == "auto" else ""
    return f"coalesce({rare}{number}, false)"


def rewritten(text: str, forms: TimeForms = PLAIN) -> str:
    """SQL: a text in a rarer form as ISO text or seconds, any other as it is. Each pattern leaves alone what it does not fit."""
    plain = let(f"regexp_replace({text}, {quoted(WRAPPED)}, '$1$2')", "w", _seconds("w", forms))
    return let(plain, "x", _in_usual_form("x", forms))


def _seconds(text: str, forms: TimeForms) -> str:
    """SQL: the number of an epoch time in seconds, other texts as they are."""
    whole = f"cast(try_cast(try_cast(trim({text}) as double) as decimal(20, 0)) as string)"
    if forms.unit != "auto":
        number = f"cast(try_cast(try_cast(trim({text}) as double) / {UNIT[forms.unit]}D as decimal(20, 6)) as string)"
        return f"if({text} rlike '{ANY_NUMBER}', {number}, {text})"
    digits = f"if({text} rlike '^ *-?[0-9][.][0-9]+E1[3-9] *$', {whole}, {text})"
    return f"regexp_replace(regexp_replace({digits}, '{MICROS}', '$1.$2'), '{NANOS}', '$1.$2')"


def _in_usual_form(text: str, forms: TimeForms) -> str:
    iso = f"regexp_replace({text}, {quoted(COMPACT)}, '$1-$2-$3T$4:$5:$6$7')"
    iso = f"regexp_replace({iso}, {quoted(PARTS.format('[.]'))}, '$3-$2-$1T$4$5')"
    if forms.day_first is not None:
        order = "$3-$2-$1T$4$5" if forms.day_first else "$3-$1-$2T$4$5"
        iso = f"regexp_replace({iso}, {quoted(PARTS.format('[/-]'))}, '{order}')"
    dated = f"nullif(translate(regexp_extract({iso}, {quoted(DATED)}, 1), ',', '.'), '')"
    if forms.day_first is not None:
        dated = _by_half_days(text, dated)
    rfc = f"try_to_timestamp(trim(regexp_replace({text}, {quoted(RFC_2822)}, '$1$2 $3 $4')), '{RFC_FORMATS}')"
    return f"coalesce({dated}, if({text} rlike {quoted(RFC_2822)}, concat(cast({rfc} as string), 'Z'), null), {text})"


def _by_half_days(text: str, iso: str) -> str:
    """SQL: with AM and PM: 12 AM is midnight, 12 PM noon."""
    hour = f"try_cast(regexp_extract({text}, '([0-9]{{1,2}}):', 1) as int)"
    later = f"{text} rlike '(?i)[0-9] ?pm' and {hour} < 12"
    earlier = f"{text} rlike '(?i)[0-9] ?am' and {hour} = 12"
    moved = "cast(try_cast(d as timestamp) {} interval 12 hours as string)"
    return let(
        iso, "d", f"case when {later} then {moved.format('+')} when {earlier} then {moved.format('-')} else d end"
    )
