"""Commands around a Power BI streaming dataset: create, test, schema."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ad_stream import times

if TYPE_CHECKING:
    from ad_stream.push.base import Row

app = typer.Typer(
    name="powerbi",
    help="Create a Power BI streaming dataset, test it with one row, or print its columns.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Config = Annotated[
    str | None,
    typer.Option("--config", "-c", help="YAML file with a push target of kind power_bi.", show_default=False),
]
Target = Annotated[str | None, typer.Option(help="Name of the target, where there are several.")]
DEVICE, SIGNAL = "ad-stream-test", "test"


@app.command()
def schema(config: Config = None, target: Target = None) -> None:
    """Print the dataset's columns as JSON: name and dataType, as Power BI writes them."""
    from ad_stream.push.targets.power_bi_rows import checked, definition

    columns = _options(config, target).get("columns") if config else None
    print(json.dumps(definition(checked(columns)), indent=1))


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the dataset is called in Power BI.")] = "ad_stream",
    tenant_id: Annotated[str, typer.Option(envvar="AZURE_TENANT_ID", help="Of the service principal.")] = "",
    client_id: Annotated[str, typer.Option(envvar="AZURE_CLIENT_ID", help="Of the service principal.")] = "",
    client_secret: Annotated[str, typer.Option(help="A reference to its secret.")] = "${env:AZURE_CLIENT_SECRET}",
    group: Annotated[str | None, typer.Option(help="Id of the workspace; without it 'My workspace'.")] = None,
    token: Annotated[str | None, typer.Option(help="Instead: a reference to a bearer token.")] = None,
    api: Annotated[str, typer.Option(help="Address of the REST interface.")] = "",
) -> None:
    """Create a streaming dataset by REST and print the `push` section that writes to it."""
    import yaml

    from ad_stream.push.targets.power_bi import API, principal
    from ad_stream.push.targets.power_bi_dataset import create as make
    from ad_stream.secrets import Secret

    given = Secret(token).reveal if token else principal(tenant_id, client_id, client_secret)
    dataset = make(name, token=given, group=group, api=api or API)
    target = {"kind": "power_bi", "dataset": dataset, "group": group, "tenant_id": tenant_id or None,
              "client_id": client_id or None, "client_secret": str(Secret(client_secret)), "api": api or None}  # fmt: skip
    print(yaml.safe_dump({"push": [{k: v for k, v in target.items() if v}]}, sort_keys=False).rstrip())


@app.command()
def test(
    config: Config = None,
    target: Target = None,
    url: Annotated[str | None, typer.Option(help="Instead: a reference to a push URL, or the URL itself.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as JSON on standard output.")] = False,
) -> None:
    """Send one row of a device called ad-stream-test and say what came back."""
    from ad_stream.errors import InputError
    from ad_stream.push.registry import by_kind

    if (config is None) == (url is None):
        raise InputError("there is no dataset to test: give either --config or --url")
    pusher = by_kind("power_bi", **(_options(str(config), target) if url is None else {"url": url}))
    began = time.monotonic()
    (found,) = pusher.push(iter([marked_row()]), pusher.seconds)
    taken, seconds = found.state == "delivered", round(time.monotonic() - began, 3)
    if as_json:
        print(json.dumps({"taken": taken, "error": found.error, "seconds": seconds, "device": DEVICE}))
    elif taken:
        print(f"Power BI took the row of device {DEVICE!r} in {seconds:.2f} s: it is on the dataset's tiles now")
    else:
        print(f"Power BI did not take the row: {found.error}")
    raise typer.Exit(0 if taken else 1)


def marked_row() -> Row:
    """A normal row of now that nobody takes for a device's."""
    from ad_stream.push.base import COLUMNS, FLAGS

    row: dict[str, Any] = dict.fromkeys(COLUMNS, 0.0) | {
        "minute": times.now().replace(second=0, microsecond=0), "device_id": DEVICE, "signal": SIGNAL,
        "reason": "normal", "detector": "none", "points": 0, "imputed": 0, "slow_reason": "normal", "slow_onset": None,
    }  # fmt: skip
    return row | dict.fromkeys(("is_positive", "is_negative", "continuing", *FLAGS), False)


def _options(config: str, target: str | None) -> dict[str, Any]:
    """The settings of the target of that name, or of the only one of kind power_bi."""
    from ad_stream import config as settings
    from ad_stream.errors import InputError

    ours = [one for one in settings.load(config).push if one.kind == "power_bi" and target in (None, one.name)]
    if len(ours) != 1:
        which = (
            f"no push target {target!r} of kind power_bi" if target else f"{len(ours)} push targets of kind power_bi"
        )
        raise InputError(f"{config!r} has {which}: name one with --target, or give --url")
    return ours[0].options()
