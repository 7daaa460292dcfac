"""A picture as a PNG file: the same data as the page's, drawn by matplotlib without a display or a browser."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.grid import MINUTE, Grid
from ad_stream.report.picture import Picture, overview

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ad_stream.model import Floats

INCHES, DOTS = (11.0, 4.2), 120
THEMES = {
    "light": {
        "page": "#ffffff", "ink": "#1b1f24", "soft": "#5b6470", "line": "#d6dae0", "value": "#1f5fbf",
        "band": "#468259", "expected": "#3f7d54", "flag": "#c62828",
    },
    "dark": {
        "page": "#14171b", "ink": "#e6e9ed", "soft": "#9aa4b0", "line": "#343b44", "value": "#7fb2ff",
        "band": "#78c896", "expected": "#86c79b", "flag": "#ff6b6b",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Lettering:
    """What stands at a picture in place of its own title, and along its axes; log: a logarithmic value axis, which begins with the
    smallest value above 0."""

    title: str = ""
    xlabel: str = ""
    ylabel: str = ""
    log: bool = False


NO_LETTERING = Lettering()


def svg(picture: Picture, lettering: Lettering = NO_LETTERING) -> bytes:
    """The picture as an SVG file."""
    out = BytesIO()
    figure(picture, lettering=lettering).savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def png(picture: Picture, *, theme: str = "light", lettering: Lettering = NO_LETTERING) -> bytes:
    """The picture as a PNG file, INCHES at DOTS an inch; theme: light or dark."""
    drawn, out = figure(picture, theme=theme, lettering=lettering), BytesIO()
    # Without the software's name in it, equal data give equal bytes on one installation.
    drawn.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def figure_of(verdicts: pd.DataFrame, *, title: str, values: pd.Series[float] | None = None) -> Figure:
    """Rows of one series of `detections`, or what `ad_stream.detect` gave with the `values` it judged -> a figure for a notebook.

    values: with the index of the verdicts, which `detect` keeps; None where `verdicts` has the column `value`.
    """
    import pandas as pd

    rows = verdicts if values is None else verdicts.assign(value=values)
    rows = rows.rename(columns={"timestamp": "minute"})
    seconds = pd.api.types.is_numeric_dtype(rows["minute"])
    rows = rows.assign(minute=pd.to_datetime(rows["minute"], utc=True, unit="s" if seconds else None))
    rows = rows.sort_values("minute").reset_index(drop=True)
    step = rows["minute"].diff().median().total_seconds() if len(rows) > 1 else MINUTE.seconds
    flags = int(rows["is_anomaly"].eq(True).fillna(False).sum())
    caption, grid = f"{flags} flagged of {len(rows)}", Grid(max(1, round(step)))
    return figure(overview(rows, id="series", title=title, caption=caption, grid=grid))


def figure(picture: Picture, *, theme: str = "light", lettering: Lettering = NO_LETTERING) -> Figure:
    """The picture as a matplotlib figure: artists labelled value, expected, expected band, flagged above and below."""
    from matplotlib.figure import Figure

    color = THEMES[theme]
    drawn = Figure(figsize=INCHES, dpi=DOTS, facecolor=color["page"], layout="constrained")
    axes = drawn.add_subplot(facecolor=color["page"])
    times = np.array(picture.times, dtype="datetime64[s]")
    value = _numbers(picture.value)
    axes.fill_between(
        times, _numbers(picture.lower), _numbers(picture.upper), color=color["band"], alpha=0.22, linewidth=0,
        label="expected band",
    )  # fmt: skip
    axes.plot(times, _numbers(picture.expected), color=color["expected"], linewidth=1, linestyle=":", label="expected")
    axes.plot(times, value, color=color["value"], linewidth=1.4, label="value")
    for side, marker in (("above", "^"), ("below", "v")):
        at = np.array([flag == side for flag in picture.flags], dtype=bool)
        axes.scatter(times[at], value[at], marker=marker, s=52, color=color["flag"], zorder=3, label=f"flagged {side}")
    _dress(axes, picture, color, lettering)
    return drawn


def _dress(axes: Axes, picture: Picture, color: dict[str, str], lettering: Lettering) -> None:
    """Title, time axis, legend and the quiet lines around them."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    # A device's name may hold dollar signs, which would begin a formula.
    axes.set_title(
        lettering.title or picture.title,
        parse_math=False,
        loc="left",
        color=color["ink"],
        fontsize=12,
        fontweight="bold",
        pad=22,
    )
    axes.annotate(
        f"{picture.caption}; UTC", (0, 1), parse_math=False, xytext=(0, 8), xycoords="axes fraction", textcoords="offset points",
        color=color["soft"], fontsize=9,
    )  # fmt: skip
    for write, text in ((axes.set_xlabel, lettering.xlabel), (axes.set_ylabel, lettering.ylabel)):
        if text:
            write(text, parse_math=False, color=color["soft"], fontsize=9)
    above = [value for value in picture.value if value is not None and value > 0]
    if lettering.log and above:
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(bottom=min(above) / 1.1)
    axes.margins(x=0.01)
    axes.grid(color=color["line"], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=color["soft"], labelsize=9, length=0)
    axes.xaxis.get_offset_text().set_color(color["soft"])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1.0), ncols=5, frameon=False, fontsize=8.5, labelcolor=color["soft"],
        handlelength=1.4, columnspacing=1.2,
    )  # fmt: skip


def _numbers(values: list[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
