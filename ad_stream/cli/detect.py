"""The command that answers for a person's file in seconds, without Spark."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ad_stream.cli.options import (
    Decimal,
    DeviceColumn,
    Json,
    Order,
    RunConfig,
    Sheet,
    SignalColumn,
    Time,
    TimeZone,
    Value,
    detect_line,
    read_options_of,
)  # fmt: skip
from ad_stream.errors import InputError

if TYPE_CHECKING:
    from ad_stream.own_data.verdicts import OwnVerdicts


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(detect)


def detect(
    file: Annotated[
        Path | None,
        typer.Argument(help="CSV of any separator, JSON lines, Parquet or a workbook; .gz too.", show_default=False),
    ] = None,
    time: Time = None,
    value: Value = [],  # noqa: B006 (typer wants the list)
    device: DeviceColumn = None,
    signal: SignalColumn = None,
    time_zone: TimeZone = None,
    date_order: Order = None,
    decimal: Decimal = None,
    sheet: Sheet = None,
    set_: Annotated[list[str], typer.Option("--set", help="sensitivity=90, detector=ar, points=240, ...")] = [],  # noqa: B006
    config: RunConfig = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            help="In place of a file: a source of --config, with --device, --from and --to (docs/named_sources.md).",
        ),
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="Begin of the range, UTC, with --source.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="End of the range, UTC, with --source.")] = None,
    png: Annotated[
        Path | None, typer.Option("--png", help="A picture to write, too, with --source; .svg likewise.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path("report.html"),
    as_json: Json = False,
) -> None:
    """Judge a file of your own, or a device of a named source, without Spark: print alarms with their reasons and write a report."""
    from ad_stream.cli.settings import detection_of, writable
    from ad_stream.own_data.judge import judge

    writable("--out", out)
    writable("--png", png)
    if source is not None:
        asked = {"source": source, "device": device, "signal": signal, "from": start, "to": end}
        _of_source(
            {name: text for name, text in asked.items() if text is not None}, file, config, set_, png, out, as_json
        )
        return
    if file is None or (start, end, png) != (None, None, None):
        raise InputError("--from, --to and --png belong to --source NAME: give that, or a file alone")
    read_options = read_options_of(time, value, device, signal, time_zone, date_order, decimal, sheet)
    verdicts = judge(file, detection_of(config, set_), read_options=read_options)
    _print(verdicts, detect_line(file, read_options, set_=set_, config=config), out, as_json)


def _of_source(
    asked: dict[str, str],
    file: Path | None,
    config: str | None,
    set_: list[str],
    png: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    from ad_stream import config as settings
    from ad_stream.config.overrides import overrides
    from ad_stream.own_data.on_demand import ask, line_of, picture
    from ad_stream.own_data.question import Form, SourceQuestion
    from ad_stream.readers.registry import reader_of

    if file is not None or config is None:
        raise InputError("--source NAME takes the place of a file and needs --config, which says what the source is")
    found = settings.load(config)
    question = SourceQuestion.of({**overrides([one.removeprefix("detection.") for one in set_]), **asked})
    verdicts = ask(reader_of(question.source, found.sources), question, question.judged_by(found.detection))
    if png is not None:
        form: Form = "svg" if png.suffix.lower() == ".svg" else "png"
        png.write_bytes(picture(verdicts, form, question.lettering))
    _print(verdicts, f"{line_of(question)} {shlex.join(['--config', config])}", out, as_json)
    if png is not None and not as_json:
        print(f"picture {png}")


def _print(verdicts: OwnVerdicts, line: str, out: Path, as_json: bool) -> None:
    """line: the command that asked."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.own_data import next_lines, own_answer
    from ad_stream.own_data.next_steps import next_steps
    from ad_stream.own_data.page import page
    from ad_stream.report import write

    written = write(page(verdicts, command=line), out)
    if as_json:
        index = verdicts.index
        print(
            json.dumps(
                {
                    "rows": index.rows,
                    "devices": index.devices,
                    "signals": list(index.signals),
                    "understood": dict(index.understood),
                    "rows_scored": verdicts.rows_scored,
                    "flagged": verdicts.flagged,
                    "alarms": verdicts.alarm_rows(),
                    "report": str(written),
                }
            )
        )
        return
    show(own_answer(verdicts))
    show("")
    show(next_lines(next_steps(verdicts, line)))
    print(f"\nreport  {written}")
