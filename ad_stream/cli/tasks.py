"""Commands over tasks: what the page Jobs sets up, and what its schedules run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ad_stream import times
from ad_stream.cli.options import Config, File, Json, RunConfig
from ad_stream.cli.series_config import user_name
from ad_stream.cli.settings import needed, writable
from ad_stream.errors import InputError

if TYPE_CHECKING:
    from ad_stream.config import Config as RunSettings

app = typer.Typer(
    name="tasks", help="A named source by columns, with schedules that train, predict and tune.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="Name of the task.", show_default=False)]
Step = Annotated[str, typer.Argument(help="train | predict | tune", show_default=False)]
AWAY = "tasks have a folder beside the tables, which are in a catalog here"


@app.command("list")
def list_tasks(file: File = None, config: Config = None, as_json: Json = False) -> None:
    """Every task with its source, its columns and its jobs."""
    from ad_stream.schedules.tasks import ACTIVE, active, newest

    loaded, folder = _opened(needed(file, config, "tasks list"))
    rows = newest(folder)
    _, wrong = active(rows, loaded)
    if as_json:
        print(
            json.dumps(
                [{**row, "changed": times.iso(row["changed"]), "wrong": wrong.get(name)} for name, row in rows.items()]
            )
        )
        return
    for name, row in rows.items():
        said = row["said"]
        told = wrong.get(name) or f"{said['feature']} of {said['source']}, {said['detector']}"
        print(
            f"{name}@{row['version']} {row['state']}: {told}"
            if row["state"] == ACTIVE
            else f"{name}@{row['version']} retired"
        )
    if not rows:
        print("No task: set one up on the page Jobs, or with 'ad-stream tasks save' (docs/schedules.md)")


@app.command()
def save(
    path: Annotated[
        Path, typer.Argument(metavar="TASK", help="YAML with name, source, feature, predict, ...", show_default=False)
    ],
    config: RunConfig = None,
) -> None:
    """Set up a task, or change it: a new version of its row; the scheduler takes it without a restart."""
    from ad_stream.config.yaml_text import YamlTextError, read_yaml
    from ad_stream.schedules.tasks import save as append

    loaded, folder = _opened(needed(None, config, "tasks save TASK --config"))
    try:
        said = read_yaml(path.read_text(encoding="utf-8"))
    except YamlTextError as error:
        raise InputError(f"{str(path)!r} {error}") from None
    if not isinstance(said, dict):
        raise InputError(f"{str(path)!r} holds no task: write name, source, feature and predict (docs/schedules.md)")
    version = append(folder, loaded, said, owner=user_name(), now=times.now())
    print(f"version {version} of {said['name']}")


@app.command()
def retire(name: Name, config: RunConfig = None) -> None:
    """Let the jobs of a task end; what it has written stays."""
    from ad_stream.schedules.tasks import retire as end

    _, folder = _opened(needed(None, config, f"tasks retire {name} --config"))
    end(folder, name, owner=user_name(), now=times.now())
    print(f"{name} is retired")


@app.command("yaml")
def show_yaml(name: Name, config: RunConfig = None) -> None:
    """Print the task as a configuration of its own, secrets masked."""
    from ad_stream.config.task_yaml import yaml_of
    from ad_stream.schedules.tasks import task_named

    loaded, folder = _opened(needed(None, config, f"tasks yaml {name} --config"))
    print(yaml_of(task_named(folder, loaded, name), loaded))


@app.command()
def run(name: Name, step: Step, config: RunConfig = None, as_json: Json = False) -> None:
    """Read the task's source to its end and judge it, then train or tune: what its jobs run. The first training also tunes."""
    from ad_stream.config.task import STEPS, config_of
    from ad_stream.errors import did_you_mean
    from ad_stream.schedules.tasks import task_named
    from ad_stream.schedules.turn import turn_of

    loaded, folder = _opened(needed(None, config, f"tasks run {name} {step} --config"))
    if step not in STEPS:
        raise InputError(f"{times.short(step)} is no step of a task: {did_you_mean(step, STEPS)}")
    task = task_named(folder, loaded, name)
    own = config_of(task, loaded)
    with turn_of(folder, name):
        told = _read(own)
        if step == "train":
            told = {**told, **_trained(own, task.model)}
        elif step == "tune":
            told = {**told, **_tuned(own)}
    print(json.dumps(told) if as_json else ", ".join(f"{key} {value}" for key, value in told.items()))


@app.command()
def export(
    name: Name,
    out: Annotated[Path | None, typer.Option("--out", help="File; else standard output.", show_default=False)] = None,
    config: RunConfig = None,
) -> None:
    """The predictions of a task as CSV: value, expected, band, score, flag and reason of each window, times in UTC."""
    from ad_stream.schedules.task_export import csv_parts
    from ad_stream.schedules.tasks import task_named

    loaded, folder = _opened(needed(None, config, f"tasks export {name} --config"))
    writable("--out", out)
    task = task_named(folder, loaded, name)
    if out is None:
        for part in csv_parts(task, loaded):
            sys.stdout.write(part)
        return
    with out.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_parts(task, loaded))


def _read(own: RunSettings) -> dict[str, Any]:
    from ad_stream.pipeline.run import run as run_stream

    done = run_stream(own, tell=lambda line: print(line, file=sys.stderr, flush=True))
    print(done.sentence(), file=sys.stderr, flush=True)
    return {name: value for name, value in done.as_dict().items() if name in ("minutes_closed", "scored", "anomalies")}


def _trained(own: RunSettings, model: str) -> dict[str, Any]:
    from ad_stream.cli.tune import first_parameters
    from ad_stream.config.schedules import DAY
    from ad_stream.config.task import LEARN_FROM
    from ad_stream.pipeline.train import train_series
    from ad_stream.tuning.parameters import USUAL, options_of

    chosen = {"days": LEARN_FROM / DAY, **USUAL.get(model, {}), **first_parameters(own, model)}
    done = train_series(own, model, days=chosen["days"], options=options_of(chosen))
    print(done.sentence(), file=sys.stderr, flush=True)
    return {"version": done.version, "learned": done.learned}


def _tuned(own: RunSettings) -> dict[str, Any]:
    from ad_stream.cli.tune import proposal_of, tell

    found = proposal_of(own)
    tell(found)
    return {name: value for name, value in found.as_dict().items() if isinstance(value, (int, float))}


def _opened(path: str) -> tuple[RunSettings, Path]:
    from ad_stream import config as settings
    from ad_stream.tables.names import local_folder

    loaded = settings.load(path)
    return loaded, local_folder(loaded.tables, "tasks", AWAY)
