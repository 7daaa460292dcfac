"""The drawing library of both pages: plotly.js, its basic part, as published (assets/plotly.LICENSE), packed with gzip."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

VERSION = "4.1.1"
SHA256 = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"
"""Of the unpacked script, `plotly-basic.min.js` of the npm package plotly.js-basic-dist-min."""


def packed() -> bytes:
    """The script, packed."""
    return (files("ad_stream.report") / "assets" / "plotly-basic.min.js.gz").read_bytes()


@cache
def script() -> bytes:
    """The script as it is."""
    return gzip.decompress(packed())
