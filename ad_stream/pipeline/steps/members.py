"""The members of an element as numbers: which are signals, which of them are no numbers, and what there is to say of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ad_stream.pipeline.steps.shapes import NOT_SIGNALS, OFF, ON, refused, unique
from ad_stream.sources.contract import quoted

if TYPE_CHECKING:
    from ad_stream.config import Telemetry

ANY_NAN = "exists(map_values(members), v -> v is null)"
LARGEST = "1.7976931348623157E308D"
NO_NUMBER = r"n/?a|nan|null|nil|none|[-+]?inf(?:inity)?|unavailable|unknown|undefined|err(?:or)?|fault|ovf|overflow|bad|invalid|missing"
WORDS = (
    rf"(?is)^\s*(?!(?:{NO_NUMBER})\s*$)\p{{L}}.*|^\s*[<>#/(\[{{_@*&].*|^\s*\d+([-:/.])\d+\1\d.*|^\s*\d+[-:/]\d+.*"
    r"|^\s*(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\s*$|^\s*[0-9a-f]{8}-[0-9a-f]{4}-.*"
)
"""Texts that no sensor means as a number: words, dates, addresses, ids. Others failed at being one and are quarantined."""


@dataclass(frozen=True)
class Members:
    """SQL over `one`, and over `members` once that is there.

    members: name -> number; any_member, any_nan: flags; refused: whether the element as a whole gives no signal though it has members.
    raw: columns for the step before, so that a number is looked at without being made again. words: the names of texts that were
    left out as attributes, null where there are none; None: texts are no attributes here.
    """

    members: str
    any_member: str
    any_nan: str
    refused: str = "false"
    raw: tuple[str, ...] = ()
    words: str | None = None


def member(telemetry: Telemetry, path: str) -> str:
    """SQL: the text of a member of `one`."""
    return f"one[{quoted(telemetry.local(path))}]"


def number(text: str) -> str:
    """SQL: the number a text stands for, else null. Java would read '5d' and '0x1p3' as numbers, JSON users would not."""
    decimal = " and ".join(f"not contains({text}, '{letter}')" for letter in "dDfFxX")
    return f"try_cast(if({decimal}, {text}, null) as double)"


def finite(number: str) -> str:
    """SQL: a number, null where it is infinite or none."""
    return f"if(abs({number}) <= {LARGEST}, {number}, cast(null as double))"


def switch(text: str) -> str:
    """SQL: 1 and 0 for the words of a switch, numbers as they are."""
    said = f"lower(trim({text}))"
    on, off = (",".join(quoted(word) for word in words) for words in (ON, OFF))
    return f"case when {said} in ({on}) then 1D when {said} in ({off}) then 0D else {number(text)} end"


def declared(telemetry: Telemetry) -> Members:
    """The declared signals as a struct. Nothing here is a lambda: the steps of declared signals are compiled."""
    texts = {name: member(telemetry, name) for name in telemetry.signals}
    read = [(switch if name in telemetry.switches else number)(text) for name, text in texts.items()]
    fields = ", ".join(f"{quoted(name)}, {finite(f'number_{place}')}" for place, name in enumerate(texts))
    is_nan = {name: f"({text} is not null and members[{quoted(name)}] is null)" for name, text in texts.items()}
    return Members(
        members=f"named_struct({fields})",
        any_member=" or ".join(f"{text} is not null" for text in texts.values()),
        any_nan=" or ".join(is_nan.values()),
        raw=tuple(f"{sql} as number_{place}" for place, sql in enumerate(read)),
    )


def auto(telemetry: Telemetry) -> Members:
    """Numeric members as a map; null is nothing, and what else is no number goes by `telemetry.text`.

    Attributes are words, true and false, lists, and objects deeper than `nested`; `quarantine` has rows for words only.
    """
    left_out = dict.fromkeys([*NOT_SIGNALS, *telemetry.device_id, telemetry.event_time, *telemetry.ignore])
    left_out |= dict.fromkeys(telemetry.local(path) for path in telemetry.paths if path in left_out)
    names = ",".join(quoted(name) for name in left_out)
    switches = ",".join(quoted(name) for name in telemetry.switches)
    are_attributes = telemetry.text == "attribute"
    taken, read = f"k not in ({names})", number("v")
    if not are_attributes:
        value = "v not in ('true','false') and left(v, 1) not in ('{','[')"
        taken += f" and (k in ({switches}) or {value})" if switches else f" and {value}"
    if switches:
        read = f"if(k in ({switches}), {switch('v')}, {read})"
    members, words = _told(are_attributes, switches)
    return Members(
        members=members,
        any_member="cardinality(members) > 0",
        any_nan=ANY_NAN,
        refused=_refused(telemetry),
        raw=(f"transform_values(map_filter({unique('one')}, (k, v) -> {taken}), (k, v) -> {read}) as numbers",),
        words=words,
    )


def _told(are_attributes: bool, switches: str) -> tuple[str, str | None]:
    """SQL over `numbers`: what of them are members, and the names of attributes. Where all are finite they are left as they are:
    each function of maps copies its map."""
    are_finite = f"not exists(map_values(numbers), v -> coalesce(abs(v) > {LARGEST}, true))"
    is_word = f"v is null and one[k] rlike {quoted(WORDS)}" + (f" and k not in ({switches})" if switches else "")
    kept = f"map_filter(numbers, (k, v) -> not ({is_word}))" if are_attributes else "numbers"
    members = f"if({are_finite}, numbers, transform_values({kept}, (k, v) -> {finite('v')}))"
    words = f"if({are_finite}, cast(null as array<string>), map_keys(map_filter(numbers, (k, v) -> {is_word})))"
    return members, words if are_attributes else None


def _refused(telemetry: Telemetry) -> str:
    # Of a record the name is a text: it is no number, or was left out as an attribute. Only such elements are looked at.
    may_be = f"words is not null or {ANY_NAN}" if telemetry.text == "attribute" else ANY_NAN
    nested = "exists(map_values(one), v -> left(v, 1) in ('{','['))"
    bare = f"not exists(map_values(members), v -> v is not null) and {nested}"
    is_record = f"{refused()} or " if telemetry.records == "refuse" else ""
    return f"if({may_be}, coalesce({is_record}({bare}), false), false)"
