"""Commands over the table `series_config`: config list, set, mute, history."""

from __future__ import annotations

import getpass
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ad_stream import times
from ad_stream.cli.options import Folder, Json, RunConfig
from ad_stream.cli.settings import place_of
from ad_stream.errors import InputError
from ad_stream.times import moment

if TYPE_CHECKING:
    from ad_stream import config as settings
    from ad_stream.series_config.table import Row

Device = Annotated[str, typer.Option("--device", help="Pattern of the device, such as 'pump-*'.", show_default=False)]
Signal = Annotated[str, typer.Option("--signal", help="Pattern of the signal.")]
Owner = Annotated[str | None, typer.Option(help="Who wants it; without it your user name.", show_default=False)]
Note = Annotated[str, typer.Option(help="Why.", show_default=False)]

MOST_NAMED = 5
"""Series that are named where a pattern fits many."""

app = typer.Typer(name="config", help="Show and change settings of single devices and signals.", no_args_is_help=True)


def add_to(parent: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    parent.add_typer(app)


@app.command("list")
def show(
    device: Annotated[str | None, typer.Option(help="What applies to this device.", show_default=False)] = None,
    signal: Annotated[str | None, typer.Option(help="One signal of it; without it all that are stored.")] = None,
    config: RunConfig = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """Print the rules in force, or what applies to one device and says so."""
    from ad_stream.cli.output import console
    from ad_stream.cli.output.series_config import applied_table, rule_table
    from ad_stream.series_config import edit, rows, table
    from ad_stream.tables.reader import signals_of

    place, folder = _opened(config, tables, "SELECT * FROM {} ORDER BY changed DESC")
    found, version = table.read(folder)
    rules = rows.rules_of(found, place.detection)
    if device is None:
        print(json.dumps(_rules(rules, version))) if as_json else console.show(rule_table(rules, version))
        return
    names = [signal] if signal else signals_of(folder, device) or ["*"]
    applied = {name: edit.applied(rules, device, name) for name in names}
    if as_json:
        print(json.dumps({name: {one.setting: one.value for one in holds} for name, holds in applied.items()}))
    else:
        console.show(applied_table(device, applied))


@app.command("set")
def put(
    pairs: Annotated[list[str], typer.Argument(help="sensitivity=90 direction=up; =inherit gives a setting back.")],
    device: Device,
    signal: Signal = "*",
    owner: Owner = None,
    note: Note = "",
    config: RunConfig = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """Change settings of the series that the patterns fit, from the stream's next batch on."""
    from ad_stream.series_config import edit

    place = place_of(config, tables)
    said = edit.row_of(pairs, device=device, signal=signal, owner=owner or user_name(), note=note, base=place.detection)
    _append(place, said, as_json)


@app.command()
def mute(
    device: Device,
    signal: Signal = "*",
    start: Annotated[str | None, typer.Option("--from", help="Muted from here on, UTC; without it now.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Flagged again from here on, UTC.")] = None,
    length: Annotated[str | None, typer.Option("--for", help="In place of --to: '2 hours'.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Take a mute back.")] = False,
    owner: Owner = None,
    note: Note = "",
    config: RunConfig = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """Judge and store the series that the patterns fit as always, but flag nothing for a while."""
    from ad_stream.durations import parse_duration
    from ad_stream.series_config import edit

    place, who = place_of(config, tables), owner or user_name()
    if off:
        said = edit.row_of(["mute=inherit"], device=device, signal=signal, owner=who, note=note, base=place.detection)
        _append(place, said, as_json)
        return
    if (end is None) == (length is None):
        raise InputError("a mute needs an end: give either --to 2026-11-02T06:00Z or --for '2 hours'")
    first = moment(start) if start else times.now()
    try:
        last = moment(end) if end else first + parse_duration(length)
    except ValueError as error:
        raise InputError(f"--for {length!r}: {error}") from None
    said = edit.mute_row(first, last, device=device, signal=signal, owner=who, note=note, base=place.detection)
    _append(place, said, as_json)


@app.command()
def history(
    last: Annotated[int, typer.Option(min=1, help="So many versions.")] = 20,
    config: RunConfig = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """Print who changed what and when, version by version: the number behind the @ in `config_version`."""
    from ad_stream.cli.output import console
    from ad_stream.cli.output.series_config import change_table
    from ad_stream.series_config import table

    place, folder = _opened(config, tables, "DESCRIBE HISTORY {}")
    changes = table.changes(folder, last)
    if as_json:
        print(json.dumps([vars(one) for one in changes], default=_text))
    else:
        console.show(change_table(changes, place.detection))


def _append(place: settings.Config, said: Row, as_json: bool) -> None:
    from ad_stream.series_config import edit, rows, table
    from ad_stream.series_config.fitting import fitting

    folder = _folder(place.tables, table.insert_sql("{}", said))
    version = table.append(folder, said, now=times.now())
    fits, known = fitting(folder, str(said["device"]), str(said["signal"]))
    if as_json:
        told = {"version": version, "row": said, "series": len(fits), "known_series": known}
        print(json.dumps(told, default=_text))
        return
    what = edit.says(rows.rule_of({**said, "changed": times.now()}, place.detection))
    print(f"version {version}: device {said['device']}, signal {said['signal']}: {what}; from the next batch on")
    print(_fits(fits, known))


def _fits(fitting: list[str], known: int) -> str:
    """How many series that have been seen the patterns fit, and which."""
    if not known:
        return "No series has been seen yet; those that fit will take it from their first window on."
    if not fitting:
        return f"It fits none of the {known:,} series seen so far; those that come and fit will take it."
    more = f" and {len(fitting) - MOST_NAMED:,} more" if len(fitting) > MOST_NAMED else ""
    return f"It fits {len(fitting):,} of {known:,} series seen so far: {', '.join(fitting[:MOST_NAMED])}{more}."


def _opened(config: str | None, tables: Path | None, sql: str) -> tuple[settings.Config, Path]:
    """The run's configuration and the folder of its tables; `sql` as for `_folder`."""
    place = place_of(config, tables)
    return place, _folder(place.tables, sql)


def _folder(tables: settings.Tables, sql: str) -> Path:
    """The folder of the tables; where they are elsewhere, the error says the `sql` that does it there, {} for the table."""
    from ad_stream.tables.catalog import SERIES_CONFIG
    from ad_stream.tables.names import local_folder, name

    return local_folder(
        tables, SERIES_CONFIG.name, f"run there {sql.replace('{}', name(tables, SERIES_CONFIG.name), 1)}"
    )


def _rules(rules: Any, version: int | None) -> dict[str, Any]:
    from ad_stream.series_config import edit

    listed = [
        {name: getattr(one, name) for name in ("device", "signal", "owner", "note")}
        | {"says": edit.says(one), "changed": _text(one.changed)}
        for one in reversed(rules.rules)
    ]
    return {"version": version, "rules": listed, "ignored": list(rules.refused)}


def _text(value: object) -> str:
    return times.iso(value.astimezone(timezone.utc)) if isinstance(value, datetime) else str(value)


def user_name() -> str:
    """Who is at the keyboard."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
