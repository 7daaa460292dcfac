"""The process of one training or detection: `python -m ad_stream.azure_api.multivariate.worker`, its job as JSON on standard input.

It is a process so that it can be ended at once, with a limit on its own memory. It writes what it found into the job's folder and
ends; whatever it could not do stands in the record's `errors`. It ends with the server that began it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ad_stream.azure_api.multivariate import answers, store
from ad_stream.azure_api.multivariate.aligned import AlignedRows, rows_of
from ad_stream.azure_api.multivariate.faults import ContractError, fault
from ad_stream.azure_api.multivariate.judging import learn, results_of
from ad_stream.azure_api.multivariate.last import fitting, question_of
from ad_stream.azure_api.multivariate.questions import GENERAL, PREVIEW, TrainQuestion, moment
from ad_stream.azure_api.multivariate.settings import MOST_JUDGED, MOST_TRAINED, MultivariateSettings
from ad_stream.azure_api.multivariate.sources import opened
from ad_stream.azure_api.multivariate.variables import Variable, variables_of
from ad_stream.azure_api.worker import end_with, limit_memory
from ad_stream.detectors.joint import decode, encode

log = logging.getLogger(__name__)


def run(folder: store.Folder, name: str, settings: MultivariateSettings) -> None:
    """The job of a record, to its end; every failure becomes its FAILED."""
    path = settings.state / folder / name
    try:
        if folder == store.MODELS:
            _train(path, settings)
        else:
            _detect(path, settings)
    except ContractError as error:
        store.finish(path, store.FAILED, errors=[error.told])
    except MemoryError:
        told = fault("UnexpectedError", f"It takes more than {settings.process_bytes} bytes of memory: send less.").told
        store.finish(path, store.FAILED, errors=[told])
    except Exception:
        log.exception("a job could not be done")
        told = fault("UnexpectedError", "The job could not be done; the server's log says why.").told
        store.finish(path, store.FAILED, errors=[told])


def _train(path: Path, settings: MultivariateSettings) -> None:
    question = TrainQuestion.from_plain(_record(path)["question"])
    variables = _variables(path, settings)
    rows = rows_of(variables, question.align, moment(question.start), moment(question.end))
    if len(rows.times) > MOST_TRAINED:
        raise fault("TooManyData", f"Aligned, there are {len(rows.times)}.", most=MOST_TRAINED)
    trained = learn(rows, question.window)
    store.write_whole(path / store.MODEL, encode(trained.model))
    diagnostics = {"modelState": trained.state, "variableStates": rows.states}
    store.finish(path, store.READY, diagnostics=diagnostics, variables=len(rows.names))


def _detect(path: Path, settings: MultivariateSettings) -> None:
    record = _record(path)
    question, home = record["question"], settings.state / store.MODELS / record["model"]
    trained = question_of(home)
    model = decode((home / store.MODEL).read_bytes())
    variables = fitting(_variables(path, settings), model)
    rows, wanted = _stretch(rows_of(variables, trained.align, None, moment(question["end"])), question, trained.window)
    results = results_of(model, rows, wanted, trained.window, question["top"])
    for version in (GENERAL, PREVIEW):
        told = json.dumps(answers.results(results, version), allow_nan=False).encode()
        if len(told) > settings.answer_bytes:
            way_out = f"The answer has {len(told)} bytes: ask for fewer rows or contributors."
            raise fault("DataExceedsLimit", way_out, most=settings.answer_bytes)
        store.write_whole(path / store.rows_file(version), told)
    store.finish(path, store.READY, variable_states=rows.states)


def _stretch(rows: AlignedRows, question: dict[str, Any], window: int) -> tuple[AlignedRows, Any]:
    """The rows from a sliding window before the start on, and which of them are wanted."""
    begin = int(np.searchsorted(rows.times, moment(question["start"])))
    if begin == len(rows.times):
        raise fault("NoData", f"No row lies between {question['start']} and {question['end']}.")
    if len(rows.times) - begin > MOST_JUDGED:
        raise fault("DataExceedsLimit", f"There are {len(rows.times) - begin} rows.", most=MOST_JUDGED)
    if len(rows.times) < window:
        raise fault("NotEnoughInput", length=len(rows.times), window=window)
    first = max(begin - window, 0)
    kept = AlignedRows(rows.names, rows.times[first:], rows.values[:, first:], rows.states)
    return kept, np.arange(begin - first, len(kept.times))


def _variables(path: Path, settings: MultivariateSettings) -> list[Variable]:
    scratch = settings.state / "scratch" / path.name
    try:
        source = opened(store.source_in(path), scratch, settings, seconds=settings.process_seconds)
        return variables_of(source, settings)
    finally:
        scratch.unlink(missing_ok=True)


def _record(path: Path) -> store.Record:
    record = store.read_record(path)
    if record is None:
        raise FileNotFoundError(path)
    return record


def main() -> None:
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    given = sys.stdin.buffer.read()
    if not given:  # the server ended without a job for it
        return
    job = json.loads(given)
    settings = MultivariateSettings.from_plain(job["settings"])
    limit_memory(settings.process_bytes)
    run(job["folder"], job["name"], settings)


if __name__ == "__main__":
    main()
