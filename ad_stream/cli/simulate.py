"""The command `simulate`: messages of a fleet, brokers that hold them, and a receiver for pushes."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ad_stream.cli.options import Devices, Minutes, Seed
from ad_stream.cli.output.progress import bars
from ad_stream.errors import InputError

if TYPE_CHECKING:
    from ad_stream.simulate.power_bi.receiver import PowerBIReceiver

DEFAULT = "messages"


class _MessagesByDefault(TyperGroup):
    """`ad-stream simulate FOLDER` goes on to mean the messages."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, "-h", "--help"}:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="simulate",
    cls=_MessagesByDefault,
    help="Write the messages of a device fleet with known faults, or receive pushes as Power BI does.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Destination(str, Enum):
    """Where `simulate` leaves its messages."""

    FILES = "files"
    KAFKA = "kafka"
    EVENT_HUBS = "event-hubs"


@app.command(DEFAULT)
def messages(
    out: Annotated[Path, typer.Argument(help="Folder for the message files.")] = Path(".ad_stream/in"),
    seed: Seed = 0,
    devices: Devices = 50,
    minutes: Minutes = 1440,
    start: Annotated[str, typer.Option(help="First minute, UTC.")] = "2026-11-01T00:00Z",
    faults: Annotated[bool, typer.Option(help="Spikes, dips, shifts, drifts, stuck values, silences.")] = True,
    bad_traffic: Annotated[bool, typer.Option(help="Malformed, late, doubled and other odd messages.")] = True,
    sites: Annotated[int, typer.Option(min=0, help="Sites, which device names begin with; they get faults, too.")] = 0,
    count: Annotated[
        list[str], typer.Option("--count", help="So many faults of a kind: chatter=5. Several are possible.")
    ] = [],  # noqa: B006
    as_json: Annotated[bool, typer.Option("--json", help="The truth as JSON on standard output.")] = False,
    to: Annotated[
        Destination, typer.Option(help="Also hold them in a broker on this machine until Ctrl-C.")
    ] = Destination.FILES,
    port: Annotated[int, typer.Option(help="Port of the Kafka broker.")] = 9092,
) -> None:
    """Write the messages of a device fleet with known faults, as files that the files source reads.

    With --to, messages that the folder already holds are taken as they are.
    """
    from ad_stream.simulate import FaultPlan
    from ad_stream.simulate import simulate as write_messages
    from ad_stream.simulate.devices.fleet import SITE_PATTERN
    from ad_stream.simulate.devices.truth import TRUTH_FILE
    from ad_stream.times import moment

    counts = _counts(count)
    if counts and not faults:
        raise InputError("--count asks for faults and --no-faults for none: leave out one of them")
    if to is not Destination.FILES and next(out.glob("*.jsonl"), None):
        _hold(to, out, port)
        return
    with bars() as steps:
        truth = write_messages(
            out,
            devices=devices,
            minutes=minutes,
            seed=seed,
            start=moment(start),
            faults=FaultPlan(overrides=counts) if faults else False,
            sites=sites,
            bad_traffic=bad_traffic,
            progress=lambda done, total: steps("simulating", done / total),
        )
    if as_json:
        print((out / TRUTH_FILE).read_text(encoding="utf-8"), end="")
    else:
        print(f"{truth.messages:,} messages of {devices} devices with {len(truth.faults)} faults in {out}")
        if sites:
            print(f"sites for a configuration: dimensions: {{device: '{SITE_PATTERN}'}}")
    if to is not Destination.FILES:
        _hold(to, out, port)


def _counts(pairs: list[str]) -> dict[str, int]:
    """['chatter=5'] -> {'chatter': 5}."""
    found = {}
    for pair in pairs:
        kind, _, number = pair.partition("=")
        if not number.isdecimal():
            raise InputError(f"--count {pair!r} has no kind and number: write it like --count chatter=5")
        found[kind] = int(number)
    return found


def _hold(to: Destination, folder: Path, port: int) -> None:
    from ad_stream.simulate.serve import serve

    with suppress(KeyboardInterrupt):
        serve("kafka" if to is Destination.KAFKA else "event-hubs", folder, port=port, ready=_wait)


def _wait(messages: int, sections: Mapping[str, Any]) -> None:
    import yaml

    print(f"{messages:,} messages wait for a run with these settings; Ctrl-C ends it\n")
    print(yaml.safe_dump(dict(sections), sort_keys=False, width=1000), flush=True)
    threading.Event().wait()


@app.command("powerbi")
def power_bi(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1, 0 takes a free one.")] = 8077,
    faults: Annotated[float, typer.Option(min=0, max=1, help="Share of requests that meet a fault.")] = 0.0,
    kinds: Annotated[str, typer.Option(help="Which: 429, 500, hang, close, half; commas between.")] = "",
    seed: Annotated[int, typer.Option(help="Another seed is another sequence of faults.")] = 0,
    tile: Annotated[bool, typer.Option(help="Whether requests over 15,000 bytes break a rule.")] = True,
    requests_per_second: Annotated[float, typer.Option(min=0.1, max=5, help="The dataset's limit.")] = 1.0,
    rows_per_hour: Annotated[int, typer.Option(min=1, help="The dataset's limit.")] = 1_000_000,
    closed: Annotated[bool, typer.Option("--closed", help="Refuse new datasets, as from 2027-10-31 on.")] = False,
    seconds: Annotated[float | None, typer.Option(min=0, help="End by itself; without it at Ctrl-C.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What came, at the end, as JSON.")] = False,
) -> None:
    """Receive pushes as a Power BI streaming dataset does: every limit enforced, misbehaving where told to."""
    from ad_stream.simulate.power_bi.receiver import PowerBIReceiver, random_trouble, troubles

    chosen = troubles(kinds.split(",")) if kinds else troubles()
    receiver = PowerBIReceiver(
        port=port, keep_rows=False, streaming_tile=tile, requests_per_second=requests_per_second,
        rows_per_hour=rows_per_hour, trouble=random_trouble(seed, faults, chosen), closed=closed,
    )  # fmt: skip
    with receiver, suppress(KeyboardInterrupt):
        print(f"push URL  {receiver.url}\nREST      {receiver.api}  (dataset: dataset, token: local-key)", flush=True)
        _watch(receiver, seconds, quiet=as_json)
    found = receiver.summary()
    print(json.dumps(found) if as_json else _told(found))
    for violation in [] if as_json else dict.fromkeys(found["violations"]):
        print(f"broken rule: {violation}")


def _watch(receiver: PowerBIReceiver, seconds: float | None, *, quiet: bool) -> None:
    """A line whenever something came, until the seconds are over."""
    stop, before = threading.Event(), receiver.summary()
    timer = threading.Timer(seconds or 0, stop.set)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    while not stop.wait(1.0 if seconds is None else min(1.0, seconds)):
        if not quiet and (now := receiver.summary()) != before:
            print(_told(now), flush=True)
            before = now


def _told(found: Mapping[str, Any]) -> str:
    answers = ", ".join(f"{count:,} {answer}" for answer, count in found["answers"].items()) or "none"
    return (
        f"{found['rows']:,} rows taken ({found['anomalies']:,} anomalies) in {found['requests']:,} requests: {answers}; "
        f"{len(found['violations'])} rules broken"
    )
