"""Commands over the tables of a configuration: views, maintain."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from ad_stream.cli.options import Config, File, Json, Set
from ad_stream.cli.settings import needed
from ad_stream.config.overrides import overrides


def add_to(app: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    app.command()(views)
    app.command()(maintain)


def views(
    file: File = None,
    config: Config = None,
    set_: Set = [],  # noqa: B006 (typer wants the list)
    readers: Annotated[
        str | None, typer.Option(help="Also the grants that let this group read the views.", show_default=False)
    ] = None,
) -> None:
    """Print the SQL of the views for Power BI and dashboards; a run and `maintain` make them by themselves."""
    from ad_stream import config as settings
    from ad_stream.tables.views import script

    run = settings.load(needed(file, config, "views"), overrides(set_))
    print(script(run.tables, run.minutes.grid, readers), end="")


def maintain(file: File = None, config: Config = None, set_: Set = [], as_json: Json = False) -> None:  # noqa: B006
    """Put the small files of the tables together and remove old ones; may run beside the stream."""
    from ad_stream import config as settings
    from ad_stream.pipeline.operation.maintenance import maintain as tidy_up

    loaded = settings.load(needed(file, config, "maintain"), overrides(set_))
    summary = tidy_up(loaded, progress=None if as_json else lambda table: print(table, file=sys.stderr, flush=True))
    print(json.dumps(summary.as_dict()) if as_json else summary.sentence())
