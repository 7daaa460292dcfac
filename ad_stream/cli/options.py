"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Devices = Annotated[int, typer.Option(min=1, help="Devices of the fleet.")]
Minutes = Annotated[int, typer.Option(min=1, help="Length of the run.")]
Seed = Annotated[int, typer.Option(help="Another seed is another fleet with other faults.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for messages, tables and the report.")]
TablesFolder = Annotated[Path, typer.Option("--tables", help="Folder that a run wrote its tables to.")]
Json = Annotated[bool, typer.Option("--json", help="The answer as JSON on standard output.")]
From = Annotated[str, typer.Option("--from", help="First minute, UTC: 2026-11-01T00:00Z.", show_default=False)]
To = Annotated[str, typer.Option("--to", help="First minute that is left out.", show_default=False)]
Config = Annotated[str, typer.Option("--config", "-c", help="YAML file, such as conf/local.yaml.", show_default=False)]
RunConfig = Annotated[str | None, typer.Option("--config", "-c", help="The run's YAML file: its tables, its settings.")]
Folder = Annotated[Path | None, typer.Option("--tables", help="The folder with the tables, else that of --config.")]
Set = Annotated[list[str], typer.Option("--set", help="One setting over the file's: detection.sensitivity=90.")]
