"""Commands over the named sources of a configuration: what there is, whether it can be read, and what a row becomes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ad_stream.cli.options import Json, Set

if TYPE_CHECKING:
    from ad_stream.readers.contract import RangeReader
    from ad_stream.readers.settings import NamedSource

app = typer.Typer(help="Databases, services and files by name: list, check, columns, sample.", no_args_is_help=True)

Named = Annotated[str, typer.Argument(metavar="NAME", help="Of the source in the section sources.", show_default=False)]
NamedOrAll = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Of one source, else all.", show_default=False)
]
FromConfig = Annotated[str, typer.Option("--config", "-c", help="The YAML file with the section sources.")]
DEFAULT_CONFIG = "conf/local.yaml"
ROWS = 20


@app.command("list")
def list_(config: FromConfig = DEFAULT_CONFIG, set_: Set = [], as_json: Json = False) -> None:  # noqa: B006
    """The sources of a configuration, secrets masked."""
    from ad_stream.config.masking import masked

    found = {name: one.model_dump(mode="json", by_alias=True) for name, one in _sources(config, set_).items()}
    shown = dict(masked({"sources": found}).settings)["sources"]
    if as_json:
        print(json.dumps(shown))
        return
    for name, settings in shown.items():
        place = next((str(settings[key]) for key in ("host", "url", "path") if settings.get(key)), "")
        print(f"{name}: {settings['kind']}, {place}")
    if not shown:
        print(f"{config} names no source: write a section sources (docs/sources.md)")


@app.command()
def check(name: NamedOrAll = None, config: FromConfig = DEFAULT_CONFIG, set_: Set = [], as_json: Json = False) -> None:  # noqa: B006
    """Try each source: address, credentials, columns and their types; exit code 1 where one cannot be read."""
    from ad_stream.errors import AdStreamError

    found = _sources(config, set_)
    told: dict[str, str] = {}
    for one in [name] if name is not None else list(found):
        try:
            _reader(one, found).check()
            told[one] = ""
        except AdStreamError as error:
            told[one] = str(error)
    if as_json:
        print(json.dumps({one: {"fine": not said, "error": said or None} for one, said in told.items()}))
    else:
        for one, said in told.items():
            print(said if said else f"{one}: can be read")
    if any(told.values()):
        raise typer.Exit(1)


@app.command()
def columns(name: Named, config: FromConfig = DEFAULT_CONFIG, set_: Set = [], as_json: Json = False) -> None:  # noqa: B006
    """The columns that a source has, with their types."""
    found = _reader(name, _sources(config, set_)).columns()
    if as_json:
        print(json.dumps([vars(one) for one in found]))
        return
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        print(f"{one.name:{width}}  {one.type}")


@app.command()
def sample(
    name: Named,
    config: FromConfig = DEFAULT_CONFIG,
    set_: Set = [],  # noqa: B006
    start: Annotated[
        str | None, typer.Option("--from", help="Begin of the span, UTC; else the oldest reading.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many readings.")] = ROWS,
    as_json: Json = False,
) -> None:
    """The first readings of a source as the stream would take them."""
    from ad_stream.readers.sample import sample as first_readings

    found = first_readings(_reader(name, _sources(config, set_)), start, rows)
    if as_json:
        print(json.dumps(found))
        return
    for one in found:
        print(f"{one['time']}  {one['device']}  {one['signal']} = {one['value']}")
    if not found:
        print(f"{name} holds no reading there")


def _sources(config: str, pairs: list[str]) -> dict[str, NamedSource]:
    from ad_stream import config as settings
    from ad_stream.config.overrides import overrides

    return settings.load(config, overrides(pairs)).sources


def _reader(name: str, sources: dict[str, NamedSource]) -> RangeReader[NamedSource]:
    from ad_stream.readers.registry import reader_of

    return reader_of(name, sources)
