"""One self-contained HTML page with pictures of series, read from the Delta tables without a JVM."""

from ad_stream.report.page import Fact, Page, Section, Table, write
from ad_stream.report.picture import Picture, draw
from ad_stream.report.read import read_detections, read_rows
from ad_stream.report.series import series_report

__all__ = [
    "Fact",
    "Page",
    "Picture",
    "Section",
    "Table",
    "draw",
    "read_detections",
    "read_rows",
    "series_report",
    "write",
]
