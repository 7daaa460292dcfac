"""The command that looks for better settings: tune."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ad_stream import times
from ad_stream.cli.options import Config, File, Json
from ad_stream.cli.series_config import user_name
from ad_stream.cli.settings import needed
from ad_stream.errors import InputError

if TYPE_CHECKING:
    from ad_stream.config import Config as RunSettings
    from ad_stream.tuning.bench import Wish
    from ad_stream.tuning.proposal import TuningProposal

USED = "tuning reads tables in a folder of this machine: copy minutes and series_config into one"


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(tune)


def tune(
    file: File = None,
    config: Config = None,
    days: Annotated[
        int, typer.Option(min=2, max=60, help="So many days are looked at, a quarter of them as later time.")
    ] = 14,
    alarms: Annotated[float, typer.Option(min=0, help="Budget: alarms per series and day, at most.")] = 0.1,
    seconds: Annotated[
        float, typer.Option(min=1, help="Budget: of work; the same command goes on where it ended.")
    ] = 600,
    model: Annotated[
        str | None,
        typer.Option(
            help="Tune for this detector, seasonal or isolation_forest; else the run's own.", show_default=False
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Only for devices that fit: 'pump-*'.")] = "*",
    series: Annotated[int, typer.Option(min=1, help="So many series are drawn.")] = 100,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write what is proposed: a row of series_config, a trained version.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Propose model parameters and a sensitivity from stored windows, with alarms gained and lost on later time."""
    from ad_stream import config as settings
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.tune import proposal_told
    from ad_stream.tuning.bench import Wish

    loaded = settings.load(needed(file, config, "tune"))
    wish = Wish(days=days, alarms=alarms, seconds=seconds, model=model, device=device, series=series)
    found = proposal_of(loaded, wish)
    print(json.dumps(found.as_dict())) if as_json else show(proposal_told(found))
    if apply:
        print(_applied(loaded, found), file=sys.stderr if as_json else sys.stdout)


def proposal_of(loaded: RunSettings, wish: Wish | None = None) -> TuningProposal:
    """With a bar on stderr."""
    from ad_stream.cli.output.progress import bars
    from ad_stream.tuning.bench import Wish as Usual
    from ad_stream.tuning.tune import tune as looked_for

    with bars() as steps:
        return looked_for(folder_of(loaded), loaded, wish or Usual(), progress=lambda share: steps("trying", share))


def tell(found: TuningProposal) -> None:
    """On stderr."""
    from rich.console import Console

    from ad_stream.cli.output.tune import proposal_told

    Console(stderr=True).print(proposal_told(found), soft_wrap=True)


def first_parameters(loaded: RunSettings, name: str, detector: str | None = None) -> dict[str, float]:
    """Those of the live version of a model; where there is none those that a tuning for this detector (None: the run's own) chooses,
    whose proposal is told on stderr."""
    from ad_stream.models.stored import live_parameters
    from ad_stream.tuning.bench import Wish

    live = live_parameters(folder_of(loaded), name)
    if live:
        return live
    try:
        found = proposal_of(loaded, Wish(model=detector))
    except InputError as error:  # too little is stored: the training says what it can learn
        print(f"not tuned: {error}", file=sys.stderr, flush=True)
        return {}
    tell(found)
    return {} if found.model is None else dict(found.model.proposed)


def folder_of(loaded: RunSettings) -> Path:
    """Of the tables; InputError where they are not on this machine."""
    from ad_stream.tables.names import local_folder

    return local_folder(loaded.tables, "minutes", USED)


def _applied(loaded: RunSettings, found: TuningProposal) -> str:
    """Writes what is proposed -> what was written."""
    if not found.changes:
        return "Nothing was written: the settings stay as they are."
    done = []
    if found.settings:
        done.append(_row(loaded, found))
    if found.retrains and found.model is not None:
        from ad_stream.pipeline.train import train_series
        from ad_stream.tuning.parameters import options_of

        chosen = found.model.proposed
        # A version is of all series that have one; forests are for a chosen few.
        devices = [found.device if found.model.name == "isolation_forest" else "*"]
        learn = train_series(loaded, found.model.name, days=chosen["days"], devices=devices, options=options_of(chosen))
        done.append(learn.sentence())
    return "\n".join(done)


def _row(loaded: RunSettings, found: TuningProposal) -> str:
    from ad_stream.series_config import edit, table

    if found.ruled:
        raise InputError(
            f"{found.ruled} series like {found.device!r} have a sensitivity that somebody set, and a row for all would take its "
            "place: name others with --device, or copy the YAML"
        )
    pairs = [f"{name}={value}" for name, value in found.settings.items()]
    note = f"tune, {found.budget:g} alarms per series and day"
    row = edit.row_of(pairs, device=found.device, signal="*", owner=user_name(), note=note, base=loaded.detection)
    version = table.append(folder_of(loaded), row, now=times.now())
    return f"version {version} of series_config: device {found.device}: {', '.join(pairs)}; from the next batch on"
