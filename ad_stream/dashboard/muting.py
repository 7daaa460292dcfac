"""A mute from the page: a row of `series_config`, as `ad-stream config mute` writes it; only where a token is set."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from ad_stream import config as settings
from ad_stream import times
from ad_stream.dashboard.access import Token
from ad_stream.dashboard.changes import MOST_HOURS, refusal, wanted
from ad_stream.dashboard.formatting import MalformedError
from ad_stream.dashboard.parameters import Text
from ad_stream.errors import ConfigError, InputError
from ad_stream.series_config import edit, rows, table
from ad_stream.series_config.patterns import ANY, exactly
from ad_stream.series_config.rules import FIRST, LAST
from ad_stream.settings import Section
from ad_stream.tables.catalog import SERIES_CONFIG
from ad_stream.tables.names import local_folder

if TYPE_CHECKING:
    from ad_stream.dashboard.turns import Turns
    from ad_stream.dashboard.watcher import Watch
    from ad_stream.series_config.rules import SeriesRule


class MuteRequest(Section):
    """What the page sends. signal: None is all of the device; hours: None takes a mute back; owner: who wants it."""

    device: str = Field(min_length=1, max_length=1000)
    signal: str | None = Field(default=None, max_length=1000)
    hours: float | None = Field(default=None, gt=0, le=MOST_HOURS)
    owner: str = Field(min_length=1, max_length=100)
    note: str = Field(default="", max_length=500)


class Muting:
    """base: the run's configuration, over whose settings a row is checked."""

    def __init__(self, watch: Watch, base: settings.Config) -> None:
        self._watch, self._base = watch, base

    def standing(self, device: str, signal: str) -> dict[str, Any]:
        """The mute that holds for a series, None without one, and the command that mutes it."""
        told = {"command": command(device, signal), "mute": None}
        try:
            stored, _ = table.read(local_folder(self._base.tables, SERIES_CONFIG.name, "mute it there"))
        except InputError:  # away from this machine: the command's own answer says how
            return told
        rule = edit.applied(rows.rules_of(stored, self._base.detection), device, signal)[-1].rule
        return told | {"mute": _shown(rule, self._watch.now())}

    def write(self, wanted: MuteRequest) -> dict[str, Any]:
        """Appends the row; -> the version of the table, and what it says."""
        now, base, owner, note = self._watch.now(), self._base.detection, wanted.owner, wanted.note
        device, signal = exactly(wanted.device), exactly(wanted.signal) if wanted.signal else ANY
        if wanted.hours is None:
            row = edit.row_of(["mute=inherit"], device=device, signal=signal, owner=owner, note=note, base=base)
        else:
            last = now + timedelta(hours=wanted.hours)
            row = edit.mute_row(now, last, device=device, signal=signal, owner=owner, note=note, base=base)
        folder = local_folder(
            self._base.tables, SERIES_CONFIG.name, f"run there {table.insert_sql(SERIES_CONFIG.name, row)}"
        )
        says = edit.says(rows.rule_of(row | {"changed": now}, base))
        return {"version": table.append(folder, row, now=now), "says": says}


def add_muting(app: FastAPI, muting: Muting, token: Token, turns: Turns) -> None:
    """GET tells, POST writes."""

    @app.get("/api/mute")
    async def standing(device: Text, signal: Text) -> Any:
        return await turns.take(lambda: muting.standing(device, signal) | {"allowed": bool(token)})

    @app.post("/api/mute")
    async def change(request: Request) -> Response:
        if refused := refusal(token, "A mute"):
            return refused
        mute = await wanted(request, MuteRequest, "a mute")
        try:
            return JSONResponse(await turns.take(lambda: muting.write(mute)))
        except ConfigError as error:
            raise MalformedError(str(error)) from None


def command(device: str, signal: str) -> str:
    """What a person types for the same."""
    series = ["--device", exactly(device), "--signal", exactly(signal)]
    return shlex.join(["ad-stream", "config", "mute", *series, "--for", "2 hours"])


def _shown(rule: SeriesRule | None, now: datetime) -> dict[str, Any] | None:
    """A mute that has not ended, for the page."""
    if rule is None or rule.mute is None or rule.mute[1] <= now.timestamp():
        return None
    first, last = rule.mute
    return {
        "from": None if first == FIRST else times.iso(times.from_seconds(first)),
        "to": None if last == LAST else times.iso(times.from_seconds(last)),
        "whole": rule.signal == ANY,
        "owner": rule.owner,
        "note": rule.note,
    }
