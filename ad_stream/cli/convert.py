"""The command that makes a table of a pickle, which nothing else here reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(convert)


def convert(
    file: Annotated[Path, typer.Argument(help="A pandas frame or series, pickled.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="The Parquet file to write.", show_default=False)],
) -> None:
    """Write a pickled pandas frame as Parquet, running nothing that the pickle names beyond what a table needs."""
    from ad_stream.cli.settings import writable
    from ad_stream.errors import InputError
    from ad_stream.readings.frame_pickle import convert as written

    if out.suffix != ".parquet":
        raise InputError(f"the second file is {str(out)!r}: name one that ends in .parquet")
    writable("OUT", out)
    rows = written(file, out)
    print(f"{out}: {rows:,} rows; try: ad-stream detect {out}")
