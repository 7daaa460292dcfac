"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Devices = Annotated[int, typer.Option(min=1, help="Devices of the fleet.")]
Minutes = Annotated[int, typer.Option(min=1, help="Length of the run.")]
Seed = Annotated[int, typer.Option(help="Another seed is another fleet with other faults.")]
