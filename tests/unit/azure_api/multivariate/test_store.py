"""The state folder: nothing is half there, nothing secret stays, one server at a time."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ad_stream.azure_api.multivariate.store import (
    CREATED,
    FAILED,
    MODELS,
    READY,
    RESULTS,
    RUNNING,
    JobStore,
    finish,
    read_record,
    source_in,
    write_whole,
)
from ad_stream.errors import ConfigError

SECRET = "https://a.blob.core.windows.net/c/x.zip?sig=s3cr3t"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 30, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def jobs(tmp_path: Path) -> JobStore:
    store = JobStore(tmp_path / "state", Clock())
    store.open()
    return store


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_record_is_there_for_the_next_server(jobs: JobStore) -> None:
    record = jobs.add(MODELS, SECRET, question={"source": "masked"})
    jobs.begin(MODELS, record["id"])
    jobs.close()
    again = JobStore(jobs.state)
    again.open()
    assert [(one["id"], one["status"]) for one in again.unfinished(MODELS)] == [(record["id"], RUNNING)]
    assert source_in(again.path(MODELS, record["id"])) == SECRET


def test_the_secret_of_a_source_is_kept_for_the_owner_only_and_until_the_job_is_done(jobs: JobStore) -> None:
    record = jobs.add(RESULTS, SECRET, question={})
    path = jobs.path(RESULTS, record["id"])
    assert (path / "source").stat().st_mode & 0o077 == 0
    assert path.stat().st_mode & 0o077 == 0
    assert b"s3cr3t" not in (path / "record.json").read_bytes()
    finish(path, READY)
    assert b"s3cr3t" not in everything(jobs.state)


def test_a_kill_between_any_two_steps_leaves_no_half_record(jobs: JobStore) -> None:
    done = jobs.add(MODELS, "x", question={})
    finish(jobs.path(MODELS, done["id"]), READY)
    (jobs.state / "models" / "made-but-empty").mkdir()
    torn = jobs.state / "models" / "torn"
    torn.mkdir()
    (torn / "record.json").write_bytes(b'{"id": "to')
    (torn / "model.npz").write_bytes(b"x")
    (jobs.state / "scratch" / "left").write_bytes(b"x")
    jobs.close()
    again = JobStore(jobs.state)
    again.open()
    assert [one["id"] for one in again.all(MODELS)] == [done["id"]]
    assert sorted(path.name for path in (jobs.state / "models").iterdir()) == [done["id"]]
    assert list((jobs.state / "scratch").iterdir()) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_whole(path, b"old")
    path.chmod(0o400)
    with pytest.raises(TypeError):
        write_whole(path, "new")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["x"]
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_second_server_does_not_take_the_folder(jobs: JobStore) -> None:
    with pytest.raises(ConfigError, match="in use by another server: end that one, or give --state another folder"):
        JobStore(jobs.state).open()
    jobs.close()
    JobStore(jobs.state).open()


def test_the_latest_update_comes_first_and_work_goes_on_in_the_order_of_requests(jobs: JobStore) -> None:
    first, second, third = (jobs.add(MODELS, "x", question={})["id"] for _ in range(3))
    assert [one["id"] for one in jobs.all(MODELS)] == [third, second, first]
    assert [one["id"] for one in jobs.unfinished(MODELS)] == [first, second, third]
    jobs.begin(MODELS, first)
    assert [one["id"] for one in jobs.all(MODELS)] == [first, third, second]
    jobs.fail(MODELS, second, {"code": "x", "message": "y"})
    assert [one["status"] for one in jobs.all(MODELS)] == [FAILED, RUNNING, CREATED]


def test_results_and_uploads_go_after_their_days_and_the_oldest_beyond_their_number(jobs: JobStore) -> None:
    names = []
    for _ in range(4):
        names.append(jobs.add(RESULTS, "x", question={})["id"])
        finish(jobs.path(RESULTS, names[-1]), READY, clock=jobs._clock)
        jobs.reload(RESULTS, names[-1])
    waiting = jobs.add(RESULTS, "x", question={})["id"]
    jobs.expire(7, 3)
    assert {one["id"] for one in jobs.all(RESULTS)} == {*names[1:], waiting}
    upload = jobs.state / "files" / "x.zip"
    upload.write_bytes(b"x")
    at = datetime(2026, 11, 30, tzinfo=timezone.utc).timestamp()
    os.utime(upload, (at, at))
    jobs.expire(7, 3)
    assert upload.exists()
    assert isinstance(jobs._clock, Clock)
    jobs._clock.now += timedelta(days=8)
    jobs.expire(7, 3)
    assert [one["id"] for one in jobs.all(RESULTS)] == [waiting]
    assert not upload.exists()
    assert not jobs.path(RESULTS, names[1]).exists()


def test_what_is_removed_is_gone_for_the_next_server_too(jobs: JobStore) -> None:
    record = jobs.add(MODELS, "x", question={})
    jobs.remove(MODELS, record["id"])
    assert jobs.get(MODELS, record["id"]) is None
    assert read_record(jobs.path(MODELS, record["id"])) is None
    assert list((jobs.state / "scratch").iterdir()) == []
