"""The page: facts and tables at the top, pictures below, one HTML file that needs no network.

The pictures' data stand in the page as JSON and are drawn when they are scrolled into view.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from ad_stream.report import plotly
from ad_stream.report.picture import Picture

PACKED = "application/gzip;base64"
MOST_PLAIN = 200_000
"""Characters of pictures that stand in the page as plain JSON."""


@dataclass(frozen=True)
class Fact:
    """A number at the top of the page, with what it is made of."""

    label: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class PageTable:
    """Rows of plain text. links: one picture id or '' per row, marks: one CSS class or '' per row."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    links: Sequence[str] = ()
    marks: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class PageSection:
    """Pictures under a heading. wide: one below the other over the whole width; linked: on one time axis, so that a stretch
    chosen in one is shown in all."""

    title: str
    note: str
    pictures: Sequence[Picture]
    wide: bool = False
    linked: bool = False


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str
    note: str
    facts: Sequence[Fact]
    tables: Sequence[PageTable] = field(default=())
    sections: Sequence[PageSection] = field(default=())


def write(page: Page, path: Path) -> Path:
    """Write the page; -> its path. One that stood there stays until this one is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(f".{path.name}.new")
    whole.write_text(render(page), encoding="utf-8")
    return whole.replace(path)


def render(page: Page) -> str:
    """The page as HTML text; whatever the data hold is shown as text, never run."""
    pictures = [picture.as_dict() for section in page.sections for picture in section.pictures]
    return Template(_asset("page.html")).substitute(
        title=escape(page.title),
        note=escape(page.note),
        facts="".join(_fact(fact) for fact in page.facts),
        tables="".join(_table(table) for table in page.tables),
        sections="".join(_section(section) for section in page.sections),
        pictures=_data(json.dumps(pictures, separators=(",", ":"), allow_nan=False)),
        css=_asset("page.css"),
        # One file is a module of the live page; here there are no modules, for a file has no address to take them from.
        js=_asset("picture.js").replace("export ", "") + _asset("page.js"),
        plotly=_packed(plotly.packed()),
    )


def _data(text: str) -> str:
    """The element with the pictures; packed where that pays."""
    if len(text) > MOST_PLAIN:
        return f'<script type="{PACKED}" id="pictures">{_packed(gzip.compress(text.encode(), 6, mtime=0))}</script>'
    # A "<" could end the script element or open another, whatever string it stands in.
    return f'<script type="application/json" id="pictures">{text.replace("<", chr(92) + "u003c")}</script>'


def _packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _fact(fact: Fact) -> str:
    detail = f"<small>{escape(fact.detail)}</small>" if fact.detail else ""
    return f"<div><dt>{escape(fact.label)}</dt><dd>{escape(fact.value)}{detail}</dd></div>"


def _table(table: PageTable) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    body = "".join(_row(table, number) for number in range(len(table.rows)))
    note = f"<p>{escape(table.note)}</p>" if table.note else ""
    return (
        f"<section><h2>{escape(table.title)}</h2>{note}"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>'
    )


def _row(table: PageTable, number: int) -> str:
    first, *others = (escape(cell) for cell in table.rows[number])
    if table.links and table.links[number]:
        first = f'<a href="#{escape(table.links[number])}">{first}</a>'
    mark = f' class="{escape(table.marks[number])}"' if table.marks and table.marks[number] else ""
    return f"<tr{mark}>" + "".join(f"<td>{cell}</td>" for cell in (first, *others)) + "</tr>"


def _section(section: PageSection) -> str:
    figures = "".join(_figure(picture) for picture in section.pictures)
    kinds = " broad" * section.wide + " linked" * section.linked
    head = f"<h2>{escape(section.title)}</h2><p>{escape(section.note)}</p>"
    return f'<section>{head}<div class="pictures{kinds}">{figures}</div></section>'


def _figure(picture: Picture) -> str:
    save = '<button type="button" title="The rows of this picture as a file">CSV</button>'
    caption = f"<b>{escape(picture.title)}</b><span>{escape(picture.caption)}</span>"
    return (
        f'<figure id="{escape(picture.id)}" class="{escape(picture.kind)}">'
        f'<figcaption>{save}{caption}</figcaption><div class="plot"></div></figure>'
    )


def _asset(name: str) -> str:
    return (files("ad_stream.report") / "assets" / name).read_text(encoding="utf-8")
