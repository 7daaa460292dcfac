"""Commands to see it work: demo, simulate, report, status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from ad_stream.cli.progress import bars

Out = Annotated[Path, typer.Option("--out", help="Folder for messages, tables and the report.")]
Devices = Annotated[int, typer.Option(min=1, help="Devices of the fleet.")]
Minutes = Annotated[int, typer.Option(min=1, help="Length of the run.")]
TablesFolder = Annotated[Path, typer.Option("--tables", help="Folder that a run wrote its tables to.")]
Json = Annotated[bool, typer.Option("--json", help="The answer as JSON on standard output.")]
Seed = Annotated[int, typer.Option(help="Another seed is another fleet with other faults.")]


class Place(str, Enum):
    """Where `simulate` leaves its messages."""

    FILES = "files"
    KAFKA = "kafka"
    EVENT_HUBS = "event-hubs"


def add_to(app: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    app.command()(demo)
    app.command()(simulate)
    app.command()(status)
    app.command()(report)


def demo(
    seed: Seed = 0,
    devices: Devices = 50,
    minutes: Minutes = 1440,
    data: Annotated[Path | None, typer.Option(help="Your own CSV instead: device, timestamp, value.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file.")] = None,
    out: Out = Path(".ad_stream/demo"),
) -> None:
    """Send a simulated day, or your own CSV, through the real stream; print what it found and write a report."""
    from ad_stream.cli import printed
    from ad_stream.demo import demo as run_demo
    from ad_stream.demo import own

    with bars() as steps:
        if data is None:
            result = run_demo(out, devices=devices, minutes=minutes, seed=seed, steps=steps)
            text, numbers = printed.simulated(result), result.as_dict()
        else:
            mine = own(data, out, steps=steps)
            text, numbers = printed.own(mine), mine.as_dict()
    if json_file is not None:
        json_file.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    printed.show(text)


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder for the message files.")] = Path(".ad_stream/in"),
    seed: Seed = 0,
    devices: Devices = 50,
    minutes: Minutes = 1440,
    start: Annotated[str, typer.Option(help="First minute, UTC.")] = "2026-11-01T00:00Z",
    faults: Annotated[bool, typer.Option(help="Spikes, dips, shifts, drifts, stuck values, silences.")] = True,
    bad_traffic: Annotated[bool, typer.Option(help="Malformed, late, doubled and other odd messages.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="The truth as JSON on standard output.")] = False,
    to: Annotated[Place, typer.Option(help="Also hold them in a broker on this machine until Ctrl-C.")] = Place.FILES,
    port: Annotated[int, typer.Option(help="Port of the Kafka broker.")] = 9092,
) -> None:
    """Write the messages of a device fleet with known faults, as files that the files source reads.

    With --to, messages that the folder already holds are taken as they are.
    """
    from ad_stream.arguments import moment
    from ad_stream.simulate import simulate as write_messages
    from ad_stream.simulate.truth import TRUTH_FILE

    if to is not Place.FILES and next(out.glob("*.jsonl"), None):
        _hold(to, out, port)
        return
    with bars() as steps:
        truth = write_messages(
            out,
            devices=devices,
            minutes=minutes,
            seed=seed,
            start=moment(start),
            faults=faults,
            bad_traffic=bad_traffic,
            progress=lambda done, total: steps("simulating", done / total),
        )
    if as_json:
        print((out / TRUTH_FILE).read_text(encoding="utf-8"), end="")
    else:
        print(f"{truth.messages:,} messages of {devices} devices with {len(truth.faults)} faults in {out}")
    if to is not Place.FILES:
        _hold(to, out, port)


def _hold(to: Place, folder: Path, port: int) -> None:
    from ad_stream.simulate.serve import serve

    with suppress(KeyboardInterrupt):
        serve("kafka" if to is Place.KAFKA else "event-hubs", folder, port=port, ready=_wait)


def _wait(messages: int, sections: Mapping[str, Any]) -> None:
    import threading

    import yaml

    print(f"{messages:,} messages wait for a run with these settings; Ctrl-C ends it\n")
    print(yaml.safe_dump(dict(sections), sort_keys=False, width=1000), flush=True)
    threading.Event().wait()


def status(tables: TablesFolder = Path(".ad_stream/tables"), as_json: Json = False) -> None:
    """Print what the tables of a running or stopped stream say about its health."""
    from ad_stream.cli import printed
    from ad_stream.status import status as look

    found = look(tables)
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        printed.show(printed.status(found))


def report(
    device: Annotated[str, typer.Argument(help="Device to draw.", show_default=False)],
    tables: TablesFolder = Path(".ad_stream/tables"),
    signal: Annotated[str | None, typer.Option(help="One signal of it; without it all.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First minute, UTC.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="First minute that is left out.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path("report.html"),
    png: Annotated[Path | None, typer.Option(help="Folder for a PNG picture of each signal.")] = None,
) -> None:
    """Write one HTML page, and pictures, with a device's values, expected band and flags; without times its last day."""
    from ad_stream.arguments import moment
    from ad_stream.report import series_report

    first, last = (moment(text) if text else None for text in (start, end))
    written = series_report(tables, out, device=device, signal=signal, start=first, end=last, pictures=png)
    print(*written, sep="\n")
