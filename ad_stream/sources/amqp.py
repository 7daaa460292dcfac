"""AMQP 1.0 primitives, as Kafka headers carry them, to text: SQL expressions over a binary column.

What was sent over AMQP reaches a Kafka reader as the encoded bytes, type code included: the device `dev-1` is
b"\\xa1\\x05dev-1". Codes and layouts: AMQP 1.0 (OASIS, 2012), part 1, section 1.6.

Text that a Kafka client wrote has no code. No UTF-8 text begins with one of the codes from 0x80 to 0xb3. The codes
below 0x80 are letters, too: they count only where the length fits and the bytes are no printable text.
"""

from __future__ import annotations

WIDE_NUMBERS = {"80": ("ulong", 8), "81": ("long", 8), "83": ("timestamp, ms since 1970", 8)}
NARROW_NUMBERS = {
    "50": ("ubyte", 1), "51": ("byte", 1), "52": ("smalluint", 1), "53": ("smallulong", 1), "54": ("smallint", 1),
    "55": ("smalllong", 1), "60": ("ushort", 2), "61": ("short", 2), "70": ("uint", 4), "71": ("int", 4),
}  # fmt: skip
"""Hexadecimal code -> (type, bytes of its value)."""
SIGNED = {"51", "54", "55", "61", "71", "81", "83"}
CONSTANTS = {"5601": "true", "5600": "false"}
TEXT_8, TEXT_32 = ("A1", "A3", "A0"), ("B1", "B3", "B0")
"""string, symbol and binary, with a length of one byte or of four."""


def text(name: str) -> str:
    """SQL: the binary column `name` as text; null for null.

    Numbers and timestamps are decimal, a uuid as it is usually written, plain UTF-8 as it is. Of true, false and 0
    the one-byte forms are taken for the letters A, B, C and D. Anything else, or cut short, is read as UTF-8.
    """
    code, plain = f"hex(substring({name}, 1, 1))", _utf8(name)
    cases = [
        _case(
            f"{code} in {TEXT_8} and {_unsigned(name, 2, 1)} = octet_length({name}) - 2", _utf8(f"substring({name}, 3)")
        ),
        _case(f"hex({name}) = '40'", "null"),
        _case(f"encode({plain}, 'UTF-8') = {name} and not {plain} rlike '\\\\p{{Cntrl}}'", plain),
        _case(
            f"{code} in {TEXT_32} and {_unsigned(name, 2, 4)} = octet_length({name}) - 5",
            _utf8(f"substring({name}, 6)"),
        ),
        _case(f"{code} = '98' and octet_length({name}) = 17", _uuid(name)),
    ]
    for number, (_, size) in {**WIDE_NUMBERS, **NARROW_NUMBERS}.items():
        value = _signed(name, size) if number in SIGNED else _unsigned(name, 2, size)
        cases.append(_case(f"{code} = '{number}' and octet_length({name}) = {1 + size}", f"cast({value} as string)"))
    cases += [_case(f"hex({name}) = '{boolean}'", f"'{word}'") for boolean, word in CONSTANTS.items()]
    return f"case {' '.join(cases)} else {plain} end"


def moment(value: str) -> str:
    """SQL: the text `value` as a timestamp: ms since 1970, or ISO 8601, in JSON's quotes or not; null where it is neither."""
    bare = f"trim(both '\"' from {value})"
    return f"if({bare} rlike '^-?[0-9]{{9,15}}$', timestamp_millis(try_cast({bare} as bigint)), try_cast({bare} as timestamp))"


def _utf8(bytes_: str) -> str:
    """SQL: bytes as text, with a replacement character for what is no UTF-8; decode() fails there on Spark 4."""
    return f"cast(encode(cast({bytes_} as string), 'UTF-8') as string)"


def _case(condition: str, value: str) -> str:
    return f"when {condition} then {value}"


def _unsigned(name: str, first: int, size: int) -> str:
    return f"cast(conv(hex(substring({name}, {first}, {size})), 16, 10) as decimal(20, 0))"


def _signed(name: str, size: int) -> str:
    number = _unsigned(name, 2, size)
    return f"({number} - if({number} >= {2 ** (8 * size - 1)}, {2 ** (8 * size)}, 0))"


def _uuid(name: str) -> str:
    digits = f"lower(hex(substring({name}, 2)))"
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    return f"concat_ws('-', {', '.join(f'substring({digits}, {first}, {size})' for first, size in parts)})"
