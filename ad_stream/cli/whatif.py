"""The command that tries another configuration on stored windows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ad_stream.cli.options import File, Folder, From, Json, RunConfig, To
from ad_stream.cli.output.progress import bars
from ad_stream.cli.settings import detection_of, one_of, place_of, writable
from ad_stream.times import moment


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(whatif)


def whatif(
    start: From,
    end: To,
    file: File = None,
    set_: Annotated[list[str], typer.Option("--set", help="sensitivity=90, detector=ar, points=240, ...")] = [],  # noqa: B006
    device: Annotated[str | None, typer.Option(help="Only for devices that fit: 'pump-*'.", show_default=False)] = None,
    signal: Annotated[str, typer.Option(help="With --device: only for signals that fit.")] = "*",
    labels: Annotated[Path | None, typer.Option(help="CSV or Parquet: device, start, end.", show_default=False)] = None,
    html: Annotated[
        Path | None, typer.Option("--out", "--html", help="Write a page with pictures.", show_default=False)
    ] = None,
    config: RunConfig = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """Judge stored windows under other settings and print alarms and labelled events gained and lost; writes no table."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.whatif import differences
    from ad_stream.tables.catalog import SERIES_CONFIG
    from ad_stream.tables.names import local_folder
    from ad_stream.whatif import whatif as ask

    config = one_of(file, config)
    writable("--out", html)
    place = place_of(config, tables)
    folder = local_folder(
        place.tables,
        SERIES_CONFIG.name,
        "copy minutes, detections and series_config of that time into a folder, name it with --tables",
    )
    detection, proposed = _wanted(set_, device, signal, place.detection)
    with bars() as steps:
        found = ask(
            folder, detection, start=moment(start), end=moment(end), proposed=proposed, labels=labels,
            every=None if config is None else place.minutes.every, progress=lambda share: steps("judging", share),
            fold=lambda grid: place.incidents.fold(grid, place.dimensions),
        )  # fmt: skip
        settings = ", ".join(set_) + (f" for {device} {signal}" if device else "") or "the settings as they are now"
        if html is not None:
            from ad_stream.whatif.page import report

            report(found, html, settings=settings)
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        note = _note(config, {name.partition("@")[0] for name in found.versions}, place.version())
        show(differences(found, settings, html, note))


def _note(config: str | None, stored: set[str], own: str) -> str:
    """What a reader of the difference has to know about its two sides."""
    if config is None:
        return "No --config names the run's own settings, so those of --set stand over the defaults."
    if stored != {own}:
        return f"Some stored verdicts were made under other settings than those of {config}: that is in the difference, too."
    return ""


def _wanted(pairs: list[str], device: str | None, signal: str, own: Any) -> tuple[Any, Any]:
    """The settings of the run, and the row on top of series_config; either as it is or as `pairs` want it."""
    from ad_stream.series_config.edit import row_of

    if device is not None:
        plain = [pair.removeprefix("detection.") for pair in pairs]
        return own, row_of(plain, device=device, signal=signal, owner="", note="", base=own)
    return detection_of(None, pairs, own), None
