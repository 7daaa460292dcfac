"""Bodies that devices pack: gzip or deflate, told by their bytes; a bomb is cut where it is too large."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from collections.abc import Callable

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
    # Any few bytes may begin like deflate; only what ends like it was packed.
    return plain if header == EITHER_HEADER or packed.eof or len(plain) > most else body


def unpacked(most: int) -> Callable[[str], Column]:
    """`unpack` as a function of a column: Spark has none of its own."""

    def of(name: str) -> Column:
        return F.udf(lambda body: None if (found := unpack(body, most)) is None else bytearray(found), "binary")(name)

    return of
