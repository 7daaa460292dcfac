"""Commands over what is learned: train it, list it, choose what streams use."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ad_stream.cli.options import Config, File, Json, RunConfig, Set
from ad_stream.cli.settings import needed
from ad_stream.config.overrides import overrides
from ad_stream.times import moment

if TYPE_CHECKING:
    from ad_stream.config import Config as RunSettings
    from ad_stream.pipeline.train import Training


class TrainGroup(TyperGroup):
    """`train --joint` is `train joint`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, ["joint" if one == "--joint" else one for one in args])


DAY = 86_400
train_app = typer.Typer(help="Learn from stored windows.", no_args_is_help=True, cls=TrainGroup)
models_app = typer.Typer(help="What was learned: list it, choose the version that streams use.", no_args_is_help=True)
Days = Annotated[float, typer.Option(min=1, max=400, help="How far back to learn from.")]
Until = Annotated[str | None, typer.Option(help="First minute that is left out, UTC.", show_default=False)]
Candidate = Annotated[bool, typer.Option("--candidate", help="Store it, but do not use it yet.")]
Name = Annotated[str, typer.Argument(help="Name of the model: profile, seasonal, isolation_forest or joint.")]
Devices = Annotated[
    list[str], typer.Option("--device", help="Pattern of the devices to learn, pump-*; may be repeated.")
]
Holidays = Annotated[
    list[str], typer.Option("--holiday", help="A day (UTC) that is a holiday, 2026-12-25; may be repeated.")
]
Tuned = Annotated[
    bool,
    typer.Option(
        "--tuned", help="With the parameters of the live version; the first time with those that tune chooses."
    ),
]
Tau = Annotated[
    float, typer.Option(min=0.0001, max=100, help="How much the trend may bend, as Prophet's changepoint_prior_scale.")
]


@train_app.command()
def profile(
    file: File = None,
    config: Config = None,
    days: Days = 14,
    until: Until = None,
    candidate: Candidate = False,
    set_: Set = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Learn how wild each series is by itself (docs/detectors.md); streams use it from their next batch on."""
    _train(_of_series("profile", days, until, candidate), needed(file, config, "train profile"), set_, as_json)


@train_app.command()
def seasonal(
    file: File = None,
    config: Config = None,
    days: Days = 28,
    until: Until = None,
    candidate: Candidate = False,
    holiday: Holidays = [],  # noqa: B006
    tau: Tau = 0.05,
    tuned: Tuned = False,
    set_: Set = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Learn the day and the week of each series; the detector seasonal uses them from the next batch on."""
    holidays = [int(moment(one).timestamp() // DAY) for one in holiday]
    learn = _of_series("seasonal", days, until, candidate, tuned=tuned, holidays=holidays, tau=tau)
    _train(learn, needed(file, config, "train seasonal"), set_, as_json)


@train_app.command()
def joint(
    file: File = None,
    config: Config = None,
    days: Days = 14,
    until: Until = None,
    candidate: Candidate = False,
    set_: Set = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Learn how the signals of each device hang together (docs/joint.md); `train --joint` is the same."""
    from ad_stream.pipeline.train_joint import train_joint

    learn = partial(train_joint, **_over(days, until, candidate))
    _train(learn, needed(file, config, "train joint"), set_, as_json)


@train_app.command("isolation_forest")
def isolation_forest(
    file: File = None,
    config: Config = None,
    days: Days = 14,
    until: Until = None,
    candidate: Candidate = False,
    device: Devices = ["*"],  # noqa: B006
    tuned: Tuned = False,
    set_: Set = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Grow an isolation forest for each series; the detector isolation_forest uses them from the next batch on."""
    learn = _of_series("isolation_forest", days, until, candidate, devices=device, tuned=tuned)
    _train(learn, needed(file, config, "train isolation_forest"), set_, as_json)


def _of_series(
    name: str,
    days: float,
    until: str | None,
    candidate: bool,
    *,
    devices: Sequence[str] = ("*",),
    tuned: bool = False,
    **options: Any,
) -> Callable[[RunSettings], Training]:
    def learn(config: RunSettings) -> Training:
        from ad_stream.cli.tune import first_parameters
        from ad_stream.pipeline.train import train_series

        chosen = {"days": days, **options} | (first_parameters(config, name, name) if tuned else {})
        given = _over(chosen.pop("days"), until, candidate)
        return train_series(config, name, devices=devices, options=chosen, **given)

    return learn


def _over(days: float, until: str | None, candidate: bool) -> dict[str, Any]:
    """What every training is told: of which days, and whether streams use it at once."""
    return {"days": days, "until": None if until is None else moment(until), "live": not candidate}


def _train(learn: Callable[[RunSettings], Training], path: str, set_: list[str], as_json: bool) -> None:
    from ad_stream import config as settings

    done = learn(settings.load(path, overrides(set_)))
    print(json.dumps(done.as_dict()) if as_json else done.sentence())


@models_app.command("list")
def list_models(file: File = None, config: Config = None, set_: Set = [], as_json: Json = False) -> None:  # noqa: B006
    """Every version with its state, newest first."""
    from ad_stream import config as settings
    from ad_stream.models.stored import versions
    from ad_stream.tables.names import local_folder

    loaded = settings.load(needed(file, config, "models list"), overrides(set_))
    found = versions(
        local_folder(loaded.tables, "models", "ask it with SELECT name, version, state, figures FROM models")
    )
    if as_json:
        print(json.dumps(found))
        return
    for row in found:
        kind = "devices" if row["name"] == "joint" else "series"
        print(
            "{name}@{version} {state}: learned {learned} of {series} {kind}, {first} to {last}".format(kind=kind, **row)
        )


@models_app.command("diff")
def diff_models(
    config: RunConfig,
    old: Annotated[int, typer.Argument(help="One version.")],
    new: Annotated[int, typer.Argument(help="Another one.")],
    name: Name = "profile",
    set_: Set = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """What changed between two versions: settings, figures, series gained and lost."""
    from ad_stream import config as settings
    from ad_stream.models.diff import diff
    from ad_stream.tables.names import local_folder

    loaded = settings.load(needed(None, config, "models diff 1 2 --config"), overrides(set_))
    found = diff(local_folder(loaded.tables, "models", "ask it with SELECT * FROM models"), name, old, new)
    print(json.dumps(found.as_dict()) if as_json else "\n".join(found.lines()))


@models_app.command()
def activate(
    config: RunConfig,
    version: Annotated[int, typer.Argument(help="Its version.")],
    name: Name = "profile",
    set_: Set = [],  # noqa: B006
) -> None:
    """Let streams and backfills use this version from their next batch on; the one before is retired."""
    _choose(config, set_, name, version)
    print(f"{name}@{version} is live")


@models_app.command()
def retire(config: RunConfig, name: Name = "profile", set_: Set = []) -> None:  # noqa: B006
    """Go on without: the plain rule judges from the next batch on."""
    _choose(config, set_, name, None)
    print(f"no version of {name} is live any more")


def _choose(config: str | None, set_: list[str], name: str, version: int | None) -> None:
    from ad_stream import config as settings
    from ad_stream.pipeline.operation.session import session
    from ad_stream.pipeline.store.delta import DeltaTables
    from ad_stream.pipeline.train import activate as make_live

    loaded = settings.load(needed(None, config, "models activate 1 --config"), overrides(set_))
    tables = DeltaTables(session("files", loaded.spark), loaded.tables, grid=loaded.minutes.grid)
    tables.create()
    make_live(tables, name, version)
