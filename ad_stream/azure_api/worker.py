"""The process that judges, one job after the other: `python -m ad_stream.azure_api.worker MEMORY ANSWER KEEP [MODULE ...]`.

Jobs come in frames on standard input, answers leave on standard output. It is a process so that whatever it does can be
ended at once, and with limits on its own memory: more than MEMORY bytes, or an answer longer than ANSWER bytes, is a 413.
One that still holds more than KEEP bytes when it is done ends after its answer, since they would not go back to the machine. MODULEs
are loaded before the first job, and what they hold is not counted.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from ad_stream.azure_api import bulk, wire
from ad_stream.azure_api.answer import REFUSALS, answer
from ad_stream.azure_api.jobs import FRAME, Answer, Job
from ad_stream.errors import AdStreamError

log = logging.getLogger(__name__)
LOOK_FOR_PARENT = 1.0


def work(job: Job, body: bytes) -> bytes:
    """A job and its body -> the answer's body; raises one of REFUSALS."""
    if job.kind == "one":
        return json.dumps(answer(wire.read_json(body), job.operation), allow_nan=False).encode()
    if job.kind == "json":
        return bulk.answer_json(body, job.operation)
    if job.kind == "last_rows":
        from ad_stream.azure_api.multivariate.last import last_rows

        return json.dumps(last_rows(body, version=job.operation, **job.options), allow_nan=False).encode()
    if job.kind == "detect":
        from ad_stream.azure_api.detect import answer_of

        return answer_of(job)
    return bulk.answer_arrow(body, job.operation, job.options)


def judge(job: Job, body: bytes, *, most_answer: int) -> tuple[Answer, bytes]:
    """The same, with every refusal and failure as an Answer."""
    try:
        found = work(job, body)
    except REFUSALS as error:
        return Answer(status=400, code=error.code, message=error.message), b""
    except AdStreamError as error:
        return _refused(error), b""
    except MemoryError:
        return _too_large("Judging this body takes more memory than a worker has"), b""
    except Exception:
        log.exception("a request could not be judged")
        return Answer(status=500, code="InternalServerError", message="The request could not be judged."), b""
    if len(found) > most_answer:
        return _too_large(f"The answer would be longer than {most_answer} bytes"), b""
    return Answer(), found


def _refused(error: AdStreamError) -> Answer:
    from ad_stream.azure_api.detect import status_of

    status, code = status_of(error)
    return Answer(status=status, code=code, message=f"{error}.")


def _too_large(why: str) -> Answer:
    return Answer(status=413, code="RequestEntityTooLarge", message=f"{why}: send fewer series or points.")


def serve(source: BinaryIO, sink: BinaryIO, *, most_answer: int, keep: int) -> None:
    """Jobs from source to sink until the source ends."""
    while len(frame := source.read(FRAME.size)) == FRAME.size:
        head, length = FRAME.unpack(frame)
        job = Job(**json.loads(source.read(head)))
        outcome, found = judge(job, source.read(length), most_answer=most_answer)
        last = _resident() > keep
        told = Answer(**(vars(outcome) | {"last": last})).head()
        sink.write(FRAME.pack(len(told), len(found)) + told)
        sink.write(found)
        sink.flush()
        if last:
            return


def load(modules: list[str]) -> int:
    """Bytes that loading them took."""
    before = _resident()
    for name in modules:
        with suppress(ImportError):  # what needs it says so when it is asked for
            import_module(name)
    return _resident() - before


def _resident() -> int:
    """Bytes of memory that this process holds, 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def limit_memory(most: int) -> None:
    """No more than so many bytes from here on, on Linux; beyond it comes a MemoryError."""
    if sys.platform != "linux":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_with(parent: int) -> None:
    """A server that was killed cannot end its workers, so they look for it."""
    while os.getppid() == parent:
        time.sleep(LOOK_FOR_PARENT)
    os._exit(1)


def main(arguments: list[str]) -> None:
    memory, most_answer, keep = map(int, arguments[:3])
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the frames
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    limit_memory(memory)
    keep += load(arguments[3:])
    serve(sys.stdin.buffer, sink, most_answer=most_answer, keep=keep)


if __name__ == "__main__":
    main(sys.argv[1:])
