"""Bodies that devices pack: gzip, or deflate with its header, told by their first bytes; a bomb is cut where it is too large."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import Column

GZIP, DEFLATE = b"\x1f\x8b", (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
EITHER_HEADER = zlib.MAX_WBITS | 32


def unpack(body: bytes | None, most: int) -> bytes | None:
    """The plain body, of at most `most` + 1 bytes, so that one too large is seen to be; itself where it is not packed."""
    if body is None or not (body[:2] == GZIP or body[:2] in DEFLATE):
        return body
    try:
        return zlib.decompressobj(EITHER_HEADER).decompress(bytes(body), most + 1)
    except zlib.error:
        return body


def unpacked(most: int) -> Callable[[str], Column]:
    """`unpack` as a function of a column: Spark has none of its own."""

    def of(name: str) -> Column:
        return F.udf(lambda body: None if (found := unpack(body, most)) is None else bytearray(found), "binary")(name)

    return of
