"""What the multivariate API does, request by request, without HTTP: bytes and words in, an answer or a ContractError out."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ad_stream.azure_api.multivariate import answers, sources
from ad_stream.azure_api.multivariate.download import shown
from ad_stream.azure_api.multivariate.faults import fault
from ad_stream.azure_api.multivariate.questions import GENERAL, detect_question, train_question
from ad_stream.azure_api.multivariate.runner import JobRunner
from ad_stream.azure_api.multivariate.store import (
    FAILED,
    MODEL,
    MODELS,
    READY,
    RESULTS,
    UNFINISHED,
    JobStore,
    Record,
    rows_file,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ad_stream.azure_api.multivariate.settings import MultivariateSettings

PAGE, LARGEST_PAGE = 10, 100
PROBES = 4
"""Sources that are looked at at once."""


@dataclass(frozen=True)
class Found:
    """What goes back to a client."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = "application/json"


class Multivariate:
    """The models of one state folder, which is taken at once; ConfigError where another server keeps it."""

    def __init__(self, settings: MultivariateSettings) -> None:
        self.settings = settings
        self.store = JobStore(settings.state)
        self.store.open()
        self._runner: JobRunner | None = None
        self._probes: asyncio.Semaphore | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Jobs run inside; then the folder is given back."""
        self._runner, self._probes = JobRunner(self.settings, self.store), asyncio.Semaphore(PROBES)
        self._runner.start()
        try:
            yield
        finally:
            await self._runner.close()
            self.store.close()

    async def train(self, body: bytes, version: str, base: str) -> Found:
        """A new model, CREATED."""
        question = train_question(body, version)
        self._check_room()
        await self._check_source(question.source)
        self._check_room()
        told = {**question.plain(), "source": shown(question.source)}
        record = self.store.add(MODELS, question.source, question=told)
        self._submit(MODELS, record)
        where = {"Location": f"{base}/models/{record['id']}"}
        return _json(201, answers.model(record, version), where)

    async def models(self, query: Mapping[str, str], version: str, base: str) -> Found:
        """A page of the models, the latest update first. Clients 3.0.0b4 and b5 append the first page's $skip and $top to a
        nextLink, so it carries a parameter of its own, which goes before."""
        skip, _, top = query.get("skipToken", "").partition("-")
        first = _whole(skip or query.get("$skip", query.get("skip")), 0, 0)
        most = _whole(top or query.get("$top", query.get("top")), PAGE, 1)
        records = self.store.all(MODELS)
        page = records[first : first + min(most, LARGEST_PAGE)]
        after = first + len(page)
        link = f"{base}/models?skipToken={after}-{most}" if page and after < len(records) else ""
        return _json(200, answers.models(page, version, count=len(records), most=self.settings.models, link=link))

    async def model(self, name: str, version: str) -> Found:
        """One model."""
        return _json(200, answers.model(self._known(name), version))

    async def delete(self, name: str) -> Found:
        """Away with a model, and with its training where it still runs."""
        self._known(name)
        if self._runner is not None:
            await self._runner.drop(name)
        if self.store.get(MODELS, name) is not None:
            self.store.remove(MODELS, name)
        return Found(204)

    async def export(self, name: str) -> Found:
        """The model as a zip of its record and its arrays (v1.1-preview and v1.1-preview.1)."""
        home = self.store.path(MODELS, self.ready(name)["id"])
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for file in ("record.json", MODEL):
                archive.writestr(file, (home / file).read_bytes())
        return Found(200, out.getvalue(), media="application/zip")

    async def detect(self, name: str, body: bytes, version: str, base: str) -> Found:
        """A detection over a stretch, CREATED."""
        question = detect_question(body, version)
        self.ready(name)
        self._check_waiting()
        await self._check_source(question.source)
        self.ready(name)
        self._check_waiting()
        told = {**question.plain(), "source": shown(question.source)}
        record = self.store.add(RESULTS, question.source, question=told, model=name)
        self._submit(RESULTS, record)
        answer = answers.result(record, version) | {"results": []}
        if version == GENERAL:
            where = f"{base}/detect-batch/{record['id']}"
            return _json(202, answer, {"Operation-Id": record["id"], "Operation-Location": where})
        return _json(201, answer, {"Location": f"{base}/results/{record['id']}"})

    async def result(self, name: str, version: str) -> Found:
        """The state of a detection, with its rows once it is READY."""
        record = self.store.get(RESULTS, name)
        if record is None:
            raise fault("ResultNotExist")
        return await asyncio.to_thread(self._told, record, version)

    def ready(self, name: str) -> Record:
        """The record of a model that can judge; raises ContractError."""
        record = self._known(name)
        if record["status"] == FAILED:
            raise fault("ModelFailed", "; ".join(error["message"] for error in record["errors"]))
        if record["status"] != READY:
            raise fault("ModelNotReady", f"It is {record['status']}.")
        return record

    def _told(self, record: Record, version: str) -> Found:
        rows = b"[]"
        if record["status"] == READY:
            try:
                rows = (self.store.path(RESULTS, record["id"]) / rows_file(version)).read_bytes()
            except FileNotFoundError:  # it expired just now
                raise fault("ResultNotExist") from None
        head = json.dumps(answers.result(record, version), allow_nan=False).encode()
        return Found(200, head[:-1] + b', "results": ' + rows + b"}")

    def _known(self, name: str) -> Record:
        record = self.store.get(MODELS, name)
        if record is None:
            raise fault("ModelNotExist")
        return record

    def _check_room(self) -> None:
        records = self.store.all(MODELS)
        if len(records) >= self.settings.models:
            raise fault("TooManyModels", f"{len(records)} are kept: delete some.")
        running = sum(one["status"] in UNFINISHED for one in records)
        if running >= self.settings.running:
            raise fault("TooManyRunningModels", f"{running} are in training: come again when one is done.")

    def _check_waiting(self) -> None:
        waiting = len(self.store.unfinished(RESULTS))
        if waiting >= self.settings.waiting:
            raise fault("TooManyRequests", f"{waiting} detections wait: come again when one is done.")

    async def _check_source(self, source: str) -> None:
        assert self._probes is not None
        async with self._probes:
            await asyncio.to_thread(sources.check, source, self.settings)

    def _submit(self, folder: Any, record: Record) -> None:
        assert self._runner is not None
        self._runner.submit(folder, record["id"])
        self.store.expire(self.settings.keep_days, self.settings.results)


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Found:
    return Found(status, json.dumps(body, allow_nan=False).encode(), headers or {})


def _whole(text: str | None, default: int, least: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise fault("InvalidRequestParameterError", "Invalid values for $skip or $top.")
    return int(text)
