"""What was tried, a line a trial in a file of its own, so that a tuning that was killed or ran out of time goes on where it was.

    _tune/<stamp>.jsonl      beside the tables: the question, a line for each trial with its outcome, the answer at the end

A line is written whole and at once to the disk; half a line of one that was killed is tried again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ad_stream import times

ROOT = "_tune"
STAMP = "%Y%m%dT%H%M%S%fZ"
STALE = timedelta(days=2)
"""A tuning that was left so long ago is begun anew, on what has come since."""
KEPT = 20
"""Files that are kept."""
Outcome = dict[str, Any]


class Journal:
    """One tuning. resumed: trials that were there already."""

    def __init__(self, path: Path, end: datetime, known: dict[str, Outcome]) -> None:
        self.path, self.end = path, end
        self._known = known
        self.resumed = len(known)

    def outcome(self, trial: Mapping[str, Any], work: Callable[[], Outcome]) -> Outcome:
        """Of a trial that was made before, else of `work`, which is then remembered."""
        key = json.dumps(trial, sort_keys=True)
        if key not in self._known:
            self._known[key] = work()
            self._write({"trial": trial, "outcome": self._known[key]})
        return self._known[key]

    def knows(self, trial: Mapping[str, Any]) -> bool:
        """Was it made?"""
        return json.dumps(trial, sort_keys=True) in self._known

    def close(self, answer: Mapping[str, Any]) -> None:
        """The tuning has come to its end: the next one begins anew."""
        self._write({"answer": answer})

    def _write(self, what: Mapping[str, Any]) -> None:
        with self.path.open("a+b") as file:
            begin = b"" if file.tell() == 0 or _last_byte(self.path) == b"\n" else b"\n"
            file.write(begin + json.dumps(what).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def opened(tables: Path, question: Mapping[str, Any], end: datetime, now: datetime) -> Journal:
    """The unfinished journal of the same question, else a new one; end: of the time that a new one looks at."""
    place = tables / ROOT
    place.mkdir(parents=True, exist_ok=True)
    files = sorted(place.glob("*.jsonl"))
    for path in reversed(files):
        lines = _lines(path)
        head = lines[0] if lines else {}
        if head.get("question") == dict(question) and not any("answer" in line for line in lines):
            began = times.instant(head["began"])
            if now - began <= STALE:
                known = {json.dumps(one["trial"], sort_keys=True): one["outcome"] for one in lines if "trial" in one}
                return Journal(path, times.instant(head["end"]), known)
    for path in files[: max(0, len(files) + 1 - KEPT)]:
        path.unlink(missing_ok=True)
    made = Journal(place / f"{now.astimezone(timezone.utc):{STAMP}}.jsonl", end, {})
    made._write({"question": dict(question), "end": end.isoformat(), "began": now.isoformat()})
    return made


def _lines(path: Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            one = json.loads(line)
        except ValueError:
            continue
        if isinstance(one, dict):
            found.append(one)
    return found


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)
