"""`GET /telemetry/{device}/{days}`: the stored windows of a device as `pandas.read_json` reads them, a column a signal.

Notebooks of the retired service's multivariate samples fetched their data from such a function, with its key as `?code=`; that
works here too. No part of an address is logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from fastapi import FastAPI, Request, Response

from ad_stream.azure_api.admission import RefusedError
from ad_stream.errors import InputError
from ad_stream.tables.reader import Value, grid_of, read_rows
from ad_stream.times import now as system_clock

if TYPE_CHECKING:
    from ad_stream.azure_api.server import Desk

LONGEST_DAYS = 366.0
MOST_ROWS = 2_000_000
"""Windows of all signals together."""
TIME = "timestamp"
AT_ONCE = 2


def add_to(app: FastAPI, desk: Desk, tables: Path, *, clock: Callable[[], datetime] = system_clock) -> None:
    """The path, on the tables of a run."""
    grid_of(tables)  # The package that reads tables may be missing beside a server: said now, not to the first caller.
    reading = asyncio.Semaphore(AT_ONCE)

    async def telemetry(request: Request) -> Response:
        async def work(_: bytes) -> Response:
            device, days = _asked(request)
            async with reading:
                found = await asyncio.to_thread(readings, tables, device, clock() - timedelta(days=days))
            return Response(found, media_type="application/json")

        key = request.query_params.get("code")
        return await desk.guarded(request, "telemetry", lambda: desk.small(request, work, most=0), key=key)

    app.add_api_route("/telemetry/{device:path}/{days}", telemetry, methods=["GET"], operation_id="telemetry")


def readings(tables: Path, device: str, since: datetime) -> bytes:
    """JSON, a row for each window from `since` on in the order of time: timestamp and a value or null for each signal.

    RefusedError where there is none (404), or too much (400).
    """
    where: list[tuple[str, str, Value]] = [("device_id", "=", device), ("minute", ">=", since)]
    try:
        rows = read_rows(tables, "minutes", ["signal", "minute", "revision", "value"], where, MOST_ROWS)
    except InputError as error:
        raise RefusedError(400, "BadArgument", f"{error}.") from None
    if rows.empty:
        raise RefusedError(
            404, "NoData", f"No window of the device {device!r:.260} is stored from {since:%Y-%m-%d %H:%M}Z on."
        )
    latest = rows.sort_values("revision").drop_duplicates(["signal", "minute"], keep="last")
    wide = latest.pivot(index="minute", columns="signal", values="value").sort_index()
    wide = wide.rename(columns={TIME: f"{TIME}_value"})
    wide.insert(0, TIME, wide.index.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return str(wide.to_json(orient="records", double_precision=15)).encode()


def _asked(request: Request) -> tuple[str, float]:
    """Device and days as the caller wrote them: routes see paths in lower case. RefusedError where they are no days."""
    raw = [part for part in request.scope["raw_path"].decode("latin-1").split("/") if part]
    device, text = unquote("/".join(raw[1:-1])), unquote(raw[-1])
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days <= LONGEST_DAYS:
        raise RefusedError(
            400,
            "BadArgument",
            f"The days are {text!r:.40}: write /telemetry/<device>/<days>, at most {LONGEST_DAYS:g}.",
        )
    return device, days
