"""`/api/sources` and `/detect`: the named sources, how far the landed one has come, a look at one, and a detection on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response

from ad_stream.config.masking import masked
from ad_stream.dashboard.changes import refusal, told
from ad_stream.dashboard.parameters import Text
from ad_stream.errors import AdStreamError
from ad_stream.readers.contract import moment_of, us_of
from ad_stream.readers.registry import reader_of
from ad_stream.readers.sample import sample
from ad_stream.sources.landing.settings import LandingSource

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.dashboard.access import Token
    from ad_stream.dashboard.turns import Turns

PLACES = ("host", "url", "path", "project")
MOST_POINT_BY_POINT = 5_000
"""Readings that a detector judges one by one for a page: about two CPU seconds of the process that answers all pages."""
MEDIA = {"json": "application/json", "png": "image/png", "svg": "image/svg+xml"}


class SourceDesk:
    """config: gives the configuration as it is now."""

    def __init__(self, config: Callable[[], Config], now: Callable[[], datetime]) -> None:
        self._config, self._now = config, now

    def overview(self) -> dict[str, Any]:
        """Each source by its name: where it is, secrets masked, and what the run has landed of it."""
        config = self._config()
        shown = dict(
            masked({"sources": {name: one.model_dump(mode="json") for name, one in config.sources.items()}}).settings
        )
        rows = [
            {
                "name": name, "kind": one["kind"],
                "place": next((str(one[key]) for key in PLACES if one.get(key)), ""),
                **self._landed(name, config),
            }
            for name, one in shown["sources"].items()
        ]  # fmt: skip
        return {"sources": rows}

    def _landed(self, name: str, config: Config) -> dict[str, Any]:
        source = config.source
        if not isinstance(source, LandingSource) or source.origin != name:
            return {"state": "on demand"}
        from ad_stream.landing.status import status

        found = status(Path(source.path), self._now())
        said = {"error": found.error, "error_at": found.error_at, "rows_an_hour": found.rows_an_hour}
        if found.state is None:
            return {"state": "away" if found.away else "not begun", **said}
        lag = (us_of(self._now()) - found.state.position) / 1_000_000
        named = config.sources[name]
        usual = (named.settle + 3 * source.every).total_seconds()
        return {
            "state": "away" if found.away else "lands" if lag <= usual else "behind", **said, "lag": round(lag, 3),
            "position": moment_of(found.state.position).isoformat().replace("+00:00", "Z"),
            "rows": found.state.rows, "again": found.state.again, "unseen": found.state.unseen,
        }  # fmt: skip

    def look(self, name: str) -> dict[str, Any]:
        """A check of a source, its columns and its first readings as the stream takes them; error: why it cannot be read."""
        reader = told(lambda: reader_of(name, self._config().sources))
        found: dict[str, Any] = {"error": None, "columns": [], "rows": []}
        try:
            found["columns"] = [vars(one) for one in reader.columns()]
            reader.check()
            found["rows"] = [{**row, "value": _finite(row["value"])} for row in sample(reader)]
        except AdStreamError as error:
            found["error"] = str(error)
        return found

    def detect(self, asked: Mapping[str, Any]) -> tuple[bytes, str]:
        """The answer and its media type; InputError for what is wrong, or too much for a page."""
        from ad_stream.detectors.s_h_esd_range import RangeTest
        from ad_stream.own_data.on_demand import MOST_READINGS, answer, ask
        from ad_stream.own_data.question import SourceQuestion

        question = SourceQuestion.of(asked)
        how = question.judged_by()
        reader = reader_of(question.source, self._config().sources)
        most = MOST_READINGS if isinstance(how, RangeTest) else MOST_POINT_BY_POINT
        return answer(ask(reader, question, how, most), question), MEDIA.get(question.form, "text/html")


def add_sources(app: FastAPI, desk: SourceDesk, token: Token, turns: Turns) -> None:
    """GET tells; a source itself is asked only where a token says who may."""

    @app.get("/api/sources")
    async def sources() -> Any:
        return await turns.take(lambda: told(desk.overview) | {"allowed": bool(token)})

    @app.get("/api/sources/look")
    async def look(source: Text) -> Any:
        if refused := refusal(token, "A look at a source"):
            return refused
        return await turns.take(lambda: desk.look(source))

    @app.get("/detect")
    async def detect(request: Request) -> Response:
        if refused := refusal(token, "A look at a source"):
            return refused
        from ad_stream.own_data.question import value_of

        asked = {name: value_of(name, text) for name, text in request.query_params.items()}
        # A page would run its own script under this address, so the forms are those that hold none.
        content, media = await turns.take(lambda: told(lambda: desk.detect({**asked, "format": _form(asked)})))
        return Response(content, media_type=media, headers={"Cache-Control": "no-store"})


def _form(asked: Mapping[str, Any]) -> Any:
    form = asked.get("format", "json")
    return "png" if form == "html" else form


def _finite(value: float | None) -> float | None:
    return value if value is not None and value - value == 0 else None
