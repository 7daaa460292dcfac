"""Bodies that devices pack: gzip or deflate, told by their bytes; a bomb is cut where it is too large."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Literal

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

GZIP, ZLIB = b"\x1f\x8b", (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
EITHER_HEADER, NO_HEADER = zlib.MAX_WBITS | 32, -zlib.MAX_WBITS
PLAIN = b"{[ \t\r\n\xef"
"""First bytes of JSON, a byte order mark included."""


def unpack(body: bytes | None, most: int) -> bytes | None:
    """The plain body, of at most `most` + 1 bytes, so that one too large is seen to be; itself where it is not packed.

    Half of all senders that say `deflate` leave zlib's header out, so what is neither JSON nor has a header is tried as that.
    """
    if not body or body[0] in PLAIN:
        return body
    header = EITHER_HEADER if body[:2] == GZIP or body[:2] in ZLIB else NO_HEADER
    packed = zlib.decompressobj(header)
    try:
        plain = packed.decompress(bytes(body), most + 1)
    except zlib.error:
        return body
    # Any few bytes may begin like deflate, and a packed body may be cut off: only what ends as it should is taken for one.
    return plain if packed.eof or len(plain) > most else body


def unpacked(compressed: Literal["auto"] | bool, most: int) -> Column:
    """The column `body` with what is packed unpacked; `auto`: where its first bytes are those of gzip or zlib.

    Spark has no function of its own. No JSON and no UTF-8 begins like that (`x^` does, but is no JSON), so that all other bodies stay
    out of Python; those without zlib's header are told only by trying each. Not in Arrow batches: ten thousand bombs may come in one.
    """
    unpack_one = F.udf(
        lambda body: None if (found := unpack(body, most)) is None else bytearray(found), "binary", useArrow=False
    )
    if compressed != "auto":
        return unpack_one("body")
    begins = " or ".join(f"startswith(body, X'{start.hex()}')" for start in (GZIP, *ZLIB))
    return F.coalesce(unpack_one(F.expr(f"if({begins}, body, null)")), F.col("body"))
