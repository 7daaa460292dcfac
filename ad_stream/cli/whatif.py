"""The command that tries another configuration on stored minutes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ad_stream.arguments import moment, overrides
from ad_stream.cli.progress import bars
from ad_stream.cli.series import Config, Folder, Json, place_of


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(whatif)


def whatif(
    start: Annotated[str, typer.Option("--from", help="First minute, UTC: 2026-11-01T00:00Z.", show_default=False)],
    end: Annotated[str, typer.Option("--to", help="First minute that is left out.", show_default=False)],
    set_: Annotated[list[str], typer.Option("--set", help="sensitivity=90, detector=ar, points=240, ...")] = [],  # noqa: B006
    device: Annotated[str | None, typer.Option(help="Only for devices that fit: 'pump-*'.", show_default=False)] = None,
    signal: Annotated[str, typer.Option(help="With --device: only for signals that fit.")] = "*",
    labels: Annotated[Path | None, typer.Option(help="CSV or Parquet: device, start, end.", show_default=False)] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures.", show_default=False)] = None,
    config: Config = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """Judge stored minutes under other settings and print alarms and labelled events gained and lost; writes no table."""
    from ad_stream.cli import printed, printed_whatif
    from ad_stream.series.table import local
    from ad_stream.whatif import whatif as ask

    place = place_of(config, tables)
    folder = local(
        place.tables, "copy minutes, detections and series_config of that time into a folder, name it with --tables"
    )
    detection, wish = _wanted(set_, device, signal, place.detection)
    with bars() as steps:
        found = ask(
            folder, detection, start=moment(start), end=moment(end), wish=wish, labels=labels,
            progress=lambda share: steps("judging", share),
        )  # fmt: skip
        settings = ", ".join(set_) + (f" for {device} {signal}" if device else "") or "the settings as they are now"
        if html is not None:
            from ad_stream.whatif.page import report

            report(found, html, settings=settings)
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        note = _note(config, {name.partition("@")[0] for name in found.versions}, place.version())
        printed.show(printed_whatif.whatif(found, settings, html, note))


def _note(config: str | None, stored: set[str], own: str) -> str:
    """What a reader of the difference has to know about its two sides."""
    if config is None:
        return "No --config names the run's own settings, so those of --set stand over the defaults."
    if stored != {own}:
        return f"Some stored verdicts were made under other settings than those of {config}: that is in the difference, too."
    return ""


def _wanted(pairs: list[str], device: str | None, signal: str, own: Any) -> tuple[Any, Any]:
    """The settings of the run, and the row on top of series_config; either as it is or as `pairs` want it."""
    from ad_stream.config import parse_detection
    from ad_stream.series.edit import row_of

    plain = [pair.removeprefix("detection.") for pair in pairs]
    if device is not None:
        return own, row_of(plain, device=device, signal=signal, owner="", note="", base=own)
    return parse_detection({**own.model_dump(), **overrides(plain)}), None
