"""The files: their order, their numbering, their end."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest

from ad_stream.errors import InputError
from ad_stream.simulate import read_truth, simulate
from ad_stream.simulate.envelope import EnvelopeWriter, Message, iso
from tests.support.slow_reader import Day, lines, moment

pytestmark = pytest.mark.slow

START = datetime(2026, 11, 1, tzinfo=timezone.utc)


@pytest.mark.slow
def test_lines_stand_in_the_order_of_their_enqueued_times(day: Day) -> None:
    times = [line["enqueuedTime"] for line in lines(day.folder)]
    assert times == sorted(times)
    assert len(times) == day.truth.messages + 1


@pytest.mark.slow
def test_sequence_numbers_have_no_holes_and_a_device_keeps_its_partition(day: Day) -> None:
    sequences: dict[str, list[int]] = defaultdict(list)
    homes: dict[str, set[str]] = defaultdict(set)
    for line in lines(day.folder):
        sequences[line["partition"]].append(line["sequence"])
        if device := line["systemProperties"].get("iothub-connection-device-id"):
            homes[device].add(line["partition"])
    assert sorted(sequences) == ["0", "1", "2", "3"]
    assert all(numbers == list(range(len(numbers))) for numbers in sequences.values())
    assert len(homes) == 20
    assert all(len(home) == 1 for home in homes.values())


def test_names_and_modification_times_of_files_follow_their_content(day: Day) -> None:
    files = sorted(day.folder.glob("*.jsonl"))
    assert len(files) == 24
    modified = [path.stat().st_mtime for path in files]
    assert modified == sorted(set(modified))
    assert all(later - earlier >= 1 for earlier, later in pairwise(modified))


def test_each_file_holds_its_own_hour_of_the_hub_s_clock(day: Day) -> None:
    for number, path in enumerate(sorted(day.folder.glob("*.jsonl"))):
        begin = START + timedelta(hours=number)
        times = [moment(json.loads(line)["enqueuedTime"]) for line in path.read_text().splitlines()]
        inside = times[:-1] if number == 23 else times
        assert all(begin <= time < begin + timedelta(hours=1) for time in inside)


def test_nothing_but_the_messages_is_visible_to_spark(day: Day) -> None:
    others = [path.name for path in day.folder.iterdir() if path.suffix != ".jsonl"]
    assert others == ["_truth.json"]


@pytest.mark.slow
def test_the_last_line_is_a_heartbeat_beyond_the_watermark(day: Day) -> None:
    *_, before, last = lines(day.folder)
    assert last["systemProperties"] == {"iothub-message-source": "ad-stream-heartbeat"}
    assert (last["body"], last["partition"]) == ("", "0")
    assert moment(last["enqueuedTime"]) - moment(before["enqueuedTime"]) == timedelta(minutes=2, seconds=61)
    assert day.seen.heartbeats == 1


def test_a_line_looks_as_iot_hub_s_endpoint_hands_it_over(tmp_path: Path) -> None:
    simulate(tmp_path, devices=1, minutes=1, messages_per_minute=1, bad_traffic=False)
    line = lines(tmp_path)[0]
    body = json.loads(base64.b64decode(line["body"]))
    assert list(body) == ["messageId", "deviceId", "temperature", "humidity", "time"]
    assert (body["messageId"], body["deviceId"]) == (1, "device-0001")
    assert {name: line[name] for name in ("partition", "sequence", "properties")} == {
        "partition": "0",
        "sequence": 0,
        "properties": {},
    }
    assert line["systemProperties"] == {
        "iothub-connection-device-id": "device-0001",
        "message-id": "device-0001-1",
        "iothub-message-source": "Telemetry",
        "iothub-enqueuedtime": line["enqueuedTime"],
    }
    delay = moment(line["enqueuedTime"]) - moment(body["time"])
    assert timedelta(milliseconds=50) <= delay <= timedelta(seconds=2)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate(tmp_path / name, devices=3, minutes=300, seed=seed)
    texts = {name: [path.read_bytes() for path in sorted((tmp_path / name).iterdir())] for name in ("a", "b", "c")}
    assert texts["a"] == texts["b"]
    assert texts["a"] != texts["c"]


def test_the_cut_into_files_changes_no_message(tmp_path: Path) -> None:
    truths = [
        simulate(tmp_path / str(cut), devices=4, minutes=400, seed=5, minutes_per_file=cut) for cut in (7, 60, 1000)
    ]
    assert truths[0] == truths[1] == truths[2]
    assert lines(tmp_path / "7") == lines(tmp_path / "60") == lines(tmp_path / "1000")


def test_a_folder_with_messages_is_not_written_into_again(tmp_path: Path) -> None:
    simulate(tmp_path, devices=1, minutes=1)
    with pytest.raises(InputError, match=r"already holds messages \(messages-000000.jsonl\): choose an empty folder"):
        simulate(tmp_path, devices=1, minutes=1)


def test_a_file_is_not_seen_before_it_is_whole(tmp_path: Path) -> None:
    writer = EnvelopeWriter(tmp_path, clock=lambda: 1000.0)
    seen: list[list[str]] = []

    def watched() -> list[str]:
        seen.append([path.name for path in tmp_path.iterdir() if not path.name.startswith(".")])
        return ["{}\n"]

    writer.write_lines(line for _ in range(2) for line in watched())
    path = writer.write([Message(0, b"x", "d", None, partition=0)])
    assert seen == [[], []]
    assert path.stat().st_mtime == 1001.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["messages-000000.jsonl", "messages-000001.jsonl"]


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert iso([0, 1_793_491_200_007]) == ["1970-01-01T00:00:00.000Z", "2026-11-01T00:00:00.007Z"]


def test_progress_is_told_after_each_file(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    simulate(tmp_path, devices=1, minutes=130, progress=lambda done, total: told.append((done, total)))
    assert told == [(60, 130), (120, 130), (130, 130)]


def test_the_truth_is_read_back_as_it_was_returned(day: Day) -> None:
    assert read_truth(day.folder) == day.truth


def test_a_folder_without_truth_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no _truth.json: give the folder that `ad-stream simulate` wrote"):
        read_truth(tmp_path)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"devices": 0}, "a fleet needs at least one device, got 0"),
        ({"minutes": 0}, "minutes is 0: give 1 or more"),
        ({"messages_per_minute": 58}, "messages_per_minute is 58: give 1 to 57"),
        ({"partitions": 33}, "partitions is 33: give 1 to 32"),
        ({"minutes_per_file": 0}, "minutes_per_file is 0: give 1 or more"),
        ({"start": datetime(2026, 11, 1)}, "is no whole minute with a time zone"),
        ({"start": datetime(2026, 11, 1, 0, 0, 1, tzinfo=timezone.utc)}, "is no whole minute with a time zone"),
    ],
)
def test_wrong_options_are_one_sentence(options: dict[str, object], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        simulate(tmp_path, **options)  # type: ignore[arg-type]


def test_any_zone_of_the_start_is_the_same_moment(tmp_path: Path) -> None:
    east = START.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert simulate(tmp_path / "a", devices=1, minutes=2, start=east) == simulate(tmp_path / "b", devices=1, minutes=2)
    assert lines(tmp_path / "a") == lines(tmp_path / "b")
