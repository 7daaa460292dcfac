"""Two looks at the tables at a time: a page's thread looks on, and whoever asks for a look has it whole."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ad_stream.dashboard.watcher import Watch
from tests.support.written import create, series_rows, write

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)


def test_a_look_waits_for_the_one_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(tmp_path)
    watch = Watch(tmp_path)
    while watch.look():
        pass
    write(tmp_path, "detections", series_rows("pump", "t", NOW - timedelta(hours=1), [20.0] * 60, {}))
    reading, go_on = threading.Event(), threading.Event()
    read = watch._read

    def slowly(*part: Any) -> int:
        reading.set()
        assert go_on.wait(60)
        return read(*part)

    monkeypatch.setattr(watch, "_read", slowly)
    first, second = threading.Thread(target=watch.look), threading.Thread(target=watch.look)
    first.start()
    assert reading.wait(60)
    second.start()
    second.join(0.2)
    assert second.is_alive(), "it came back without what the first has found and not yet taken in"
    go_on.set()
    for one in (first, second):
        one.join(60)
    assert len(watch.fleet) == 1
