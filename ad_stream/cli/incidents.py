"""Commands over incidents: list them and check them; say what one was; ask and propose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ad_stream import times
from ad_stream.cli.options import Folder, Json, RunConfig
from ad_stream.cli.series_config import user_name
from ad_stream.cli.settings import place_of
from ad_stream.errors import InputError
from ad_stream.times import moment

if TYPE_CHECKING:
    from ad_stream import config as settings

Incident = Annotated[
    str, typer.Argument(help="Id of the incident, as `ad-stream incidents` prints it.", show_default=False)
]
Note = Annotated[str, typer.Option(help="Why.", show_default=False)]
Owner = Annotated[str | None, typer.Option(help="Who says so; without it your user name.", show_default=False)]
Days = Annotated[float, typer.Option(min=0.01, help="So many days back from the newest window.")]


def add_to(app: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    for command in (incidents, ack, close, label, missed, ask, propose):
        app.command()(command)


def incidents(
    open_only: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    site: Annotated[str | None, typer.Option(help="Of one site, or of one device.", show_default=False)] = None,
    start: Annotated[str | None, typer.Option("--from", help="Opened since, UTC, or open.", show_default=False)] = None,
    kpi: Annotated[bool, typer.Option("--kpi", help="How many there are for an operator, by EEMUA 191.")] = False,
    operators: Annotated[int, typer.Option(min=1, help="With --kpi: who shares them.")] = 1,
    verify: Annotated[
        bool, typer.Option("--verify", help="Fold the verdicts again and compare; exit code 1: differs.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit code 1 where the stream is stale or in trouble.")
    ] = False,
    config: RunConfig = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """List incidents, newest first; or check the table, or the stream itself."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.incidents import incident_table
    from ad_stream.monitoring.incidents import Listed
    from ad_stream.monitoring.incidents import incidents as listed

    place, folder = _stored(config, tables)
    if verify:
        _verify(folder, place, as_json)
    elif check:
        _check(folder, place, as_json)
    elif kpi:
        _kpi(folder, place, moment(start) if start else None, operators, as_json)
    else:
        found = listed(folder, Listed(open_only, site, moment(start) if start else None))
        print(json.dumps(found, default=_text)) if as_json else show(incident_table(found))


def ack(
    incident: Incident,
    until: Annotated[
        str | None, typer.Option(help="Up to then, UTC; without it to the end.", show_default=False)
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Take it back.")] = False,
    note: Note = "",
    owner: Owner = None,
    config: RunConfig = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """Say that somebody has seen an incident: only a worse level and its end are told from then on."""
    row = {"action": "unack" if off else "ack", "incident_id": incident, "until": moment(until) if until else None}
    _say(row, note, owner, config, tables, as_json)


def close(
    incident: Incident, note: Note = "", owner: Owner = None, config: RunConfig = None, tables: Folder = None, as_json: Json = False
) -> None:  # fmt: skip
    """End an incident; its series open again once they were back, or at a jump beyond what they had reached."""
    _say({"action": "close", "incident_id": incident}, note, owner, config, tables, as_json)


def label(
    incident: Incident,
    was: Annotated[str, typer.Argument(help="true | false | expected | unsure", show_default=False)],
    asked: Annotated[
        str | None, typer.Option(help="Why it was asked about, as `ad-stream ask` prints it.", show_default=False)
    ] = None,
    weight: Annotated[float | None, typer.Option(help="Likewise.", show_default=False)] = None,
    note: Note = "",
    owner: Owner = None,
    config: RunConfig = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """Say what an incident was: worth telling, nothing, planned, or nobody knows. Changes no verdict by itself."""
    row = {"action": "label", "incident_id": incident, "label": was, "asked": asked, "weight": weight}
    _say(row, note, owner, config, tables, as_json)


def missed(
    device: Annotated[str, typer.Argument(help="The device.", show_default=False)],
    start: Annotated[str, typer.Option("--from", help="When it began, UTC.", show_default=False)],
    end: Annotated[str, typer.Option("--to", help="When it was over.", show_default=False)],
    signal: Annotated[str | None, typer.Option(help="One signal of it.", show_default=False)] = None,
    note: Note = "",
    owner: Owner = None,
    config: RunConfig = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """Say that something happened to a device that no incident told of."""
    row = {"action": "missed", "device": device, "signal": signal, "started": moment(start), "ended": moment(end)}
    _say(row, note, owner, config, tables, as_json)


def ask(
    days: Days = 28,
    most: Annotated[int, typer.Option(min=1, help="So many questions.")] = 10,
    scope: Annotated[str | None, typer.Option(help="Only about this device.", show_default=False)] = None,
    config: RunConfig = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """Print the incidents whose labels would tell most, each with the command that answers."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.incidents import questions
    from ad_stream.whatif.ask import ask as drawn

    place, folder = _stored(config, tables)
    start, end = _span(folder, days)
    found = drawn(folder, place, start=start, end=end, most=most, device=scope)
    print(json.dumps([vars(one) for one in found])) if as_json else show(questions(found))


def propose(
    days: Days = 28,
    answers: Annotated[
        int, typer.Option(min=2, help="Most incidents of a series that would go with one proposal.")
    ] = 20,
    wrong: Annotated[
        float, typer.Option(min=0, max=0.4, help="Share of true incidents that people are taken to call false.")
    ] = 0.0,
    config: RunConfig = None,
    tables: Folder = None,
    as_json: Json = False,
) -> None:
    """Print which settings would save incidents, what they would lose, and what the labels prove; applies nothing."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.incidents import proposals
    from ad_stream.whatif.propose import propose as proposed

    place, folder = _stored(config, tables)
    start, end = _span(folder, days)
    found = proposed(folder, place, start=start, end=end, answers=answers, wrong=wrong)
    print(json.dumps([one.as_dict() for one in found])) if as_json else show(proposals(found, start, end))


def _verify(folder: Path, place: settings.Config, as_json: bool) -> None:
    from ad_stream.monitoring.verify_incidents import verify

    found = verify(folder, place)
    if as_json:
        print(json.dumps({**vars(found), "differences": found.differences}))
    else:
        print(f"{found.stored} rows of incident_events, {found.differences} differences from the verdicts folded again")
        if found.note:
            print(f"{found.earlier} of them are not compared: {found.note}")
        for name, rows in (("missing", found.missing), ("unknown", found.unknown), ("different", found.different)):
            print(*(f"{name}: {' '.join(map(str, row))}" for row in rows[:10]), sep="\n", end="\n" if rows else "")
    if found.differences:
        raise typer.Exit(1)


def _check(folder: Path, place: settings.Config, as_json: bool) -> None:
    from ad_stream.monitoring.incidents import stale

    most = place.incidents.stalled_after + place.minutes.watermark + 2 * place.minutes.every
    why = stale(folder, now=times.now(), most=most)
    print(json.dumps({"ok": why is None, "why": why}) if as_json else why or "the stream is up to date")
    if why is not None:
        raise typer.Exit(1)


def _kpi(folder: Path, place: settings.Config, start: datetime | None, operators: int, as_json: bool) -> None:
    from ad_stream.incidents.kpi import kpi
    from ad_stream.monitoring.incidents import acked_at
    from ad_stream.monitoring.incidents import incidents as listed

    every = [one for one in listed(folder) if one["state"] != "withdrawn" and one["kind"] != "pipeline"]
    first, end = _span(folder, None)
    start = start or first
    found = kpi(
        [one for one in every if start <= one["opened"] < end], acked_at(folder), start=start, end=end, operators=operators,
        together=place.incidents.together,
    )  # fmt: skip
    print(json.dumps(vars(found)) if as_json else found.sentence())


def _span(folder: Path, days: float | None) -> tuple[datetime, datetime]:
    """So many days up to the newest window, None: all."""
    from ad_stream.tables.reader import grid_of, stored_span

    span = stored_span(folder)
    if span is None:
        raise InputError("there is no window yet: run the stream first")
    first, last = span[0], span[1] + grid_of(folder).every
    return (first if days is None else max(first, last - timedelta(days=days))), last


def _say(
    row: Mapping[str, Any], note: str, owner: str | None, config: str | None, tables: Path | None, as_json: bool
) -> None:
    from ad_stream.incidents.feedback import check
    from ad_stream.monitoring.incidents import say
    from ad_stream.tables import people
    from ad_stream.tables.incidents import FEEDBACK

    said = {**row, "owner": owner or user_name(), "note": note or None}
    check({**said, "changed": times.now()})
    folder = _folder(place_of(config, tables).tables, people.insert_sql("{}", said), FEEDBACK.name)
    version = say(folder, said, now=times.now())
    about = said.get("incident_id") or said.get("device")
    text = f"version {version}: {said['action']} {said.get('label') or ''}".strip()
    print(
        json.dumps({"version": version, "row": said}, default=_text)
        if as_json
        else f"{text} {about}; from the next batch on"
    )


def _stored(config: str | None, tables: Path | None) -> tuple[settings.Config, Path]:
    """The settings of the run, and the folder of its tables."""
    place = place_of(config, tables)
    return place, _folder(place.tables, "SELECT * FROM {} ORDER BY minute DESC", "incident_events")


def _folder(tables: settings.Tables, sql: str, table: str) -> Path:
    """The folder of the tables; where they are elsewhere, the error says the `sql` that does it there, {} for the table."""
    from ad_stream.tables.names import local_folder, name

    return local_folder(tables, table, f"run there {sql.replace('{}', name(tables, table), 1)}")


def _text(value: object) -> str:
    return times.iso(value) if isinstance(value, datetime) else str(value)
