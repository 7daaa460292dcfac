"""Where the others are: the largest time that belongs to most of the events."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ad_stream.pipeline.steps.clock import Clock, end_of
from ad_stream.simulate.envelope import HEARTBEAT, EnvelopeWriter, Message, epoch_ms, heartbeat
from ad_stream.sources.files.reader import FilesReader
from ad_stream.sources.files.settings import FilesSource

T0 = datetime(2030, 5, 1, tzinfo=timezone.utc)
OUTLIERS = [datetime(year, 12, 1, tzinfo=timezone.utc) for year in (1970, 2031, 2099, 2199)]


def test_the_end_of_the_others_is_moved_by_no_minority_of_outliers() -> None:
    for seed in range(50):
        dice = random.Random(seed)
        others = [T0 + timedelta(hours=dice.uniform(0, 20)) for _ in range(dice.randint(9, 40))]
        strange = dice.choices(OUTLIERS, k=4)
        mixed = dice.sample(others + strange, len(others) + 4)
        assert end_of(mixed) == max(others)
    assert end_of([]) is None
    assert end_of([T0]) == T0


def test_a_time_is_believed_by_the_lead_that_held_when_its_batch_began() -> None:
    leads = [(T0, timedelta(days=1)), (T0 + timedelta(days=2), timedelta(days=9))]
    text = Clock(timedelta(hours=1), leads).believed("at")
    assert text.index("2030-05-03") < text.index("2030-05-01"), "the latest lead that holds comes first"
    assert "current_timestamp" not in Clock(None).believed("at")


def test_the_newest_files_tell_their_times_and_not_those_of_heartbeats(tmp_path: Path) -> None:
    writer = EnvelopeWriter(tmp_path)
    last = epoch_ms(T0 + timedelta(minutes=25))
    for k in range(25):
        writer.write([Message(epoch_ms(T0 + timedelta(minutes=k + 1)), b"{}", "d", None, 0)])
    writer.write([heartbeat(last, watermark=timedelta(minutes=2))])
    torn = writer.write_lines(['{"enqueuedTime": "9999-99-99T00:00:00Z"', '"enqueuedTime": "soon"', HEARTBEAT])
    settings = FilesSource(kind="files", path=f"{tmp_path}/*.jsonl")
    found = FilesReader().newest_times(settings)
    assert (min(found), max(found)) == (T0 + timedelta(minutes=8), T0 + timedelta(minutes=25))
    torn.unlink()
    folder = settings.model_copy(update={"path": str(tmp_path)})
    assert max(FilesReader().newest_times(folder)) == max(found)
