"""The command that reads a sample of messages: infer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from typer import Typer


def add_to(app: Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    app.command()(infer)


def infer(
    sample: Annotated[
        Path, typer.Argument(help="A few messages as devices send them, one a line, or lines of a files source.")
    ],
) -> None:
    """Print the section `telemetry` that reads a sample of messages, and what of them it would leave out."""
    from ad_stream.payloads.infer import infer as of_bodies
    from ad_stream.payloads.sample import bodies_in

    bodies, broken = bodies_in(sample)
    if broken:
        print(f"ad-stream: warning: {broken} lines of {sample} are no JSON and were passed over", file=sys.stderr)
    print(of_bodies(bodies).yaml())
