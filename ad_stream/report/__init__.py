"""One self-contained HTML page with pictures of series, read from the Delta tables without a JVM; pictures as PNG."""

from ad_stream.report.page import Fact, Page, PageSection, PageTable, write
from ad_stream.report.picture import Picture, draw, overview
from ad_stream.report.png import NO_LETTERING, Lettering, figure_of, png, svg
from ad_stream.report.series import pictures_of, read_series, series_page, series_report

__all__ = [
    "NO_LETTERING",
    "Fact",
    "Lettering",
    "Page",
    "PageSection",
    "PageTable",
    "Picture",
    "draw",
    "figure_of",
    "overview",
    "pictures_of",
    "png",
    "read_series",
    "series_page",
    "series_report",
    "svg",
    "write",
]
