"""AMQP frames with all their fields."""

from __future__ import annotations

import struct

import pytest

from ad_stream.simulate.event_hubs.frames import ANY_SIZE, Frames, largest_frame, whole

NULL = b"\x40"
OPEN, BEGIN, TRANSFER = 0x10, 0x11, 0x14


def small(fields: list[bytes]) -> bytes:
    inside = b"".join(fields)
    return b"\xc0" + bytes([len(inside) + 1, len(fields)]) + inside


def large(fields: list[bytes]) -> bytes:
    inside = b"".join(fields)
    return b"\xd0" + struct.pack(">II", len(inside) + 4, len(fields)) + inside


def frame(descriptor: int, listed: bytes, payload: bytes = b"", kind: int = 0) -> bytes:
    rest = bytes([2, kind, 0, 7]) + bytes([0, 0x53, descriptor]) + listed + payload
    return struct.pack(">I", len(rest) + 4) + rest


@pytest.mark.parametrize(
    ("listed", "fields"),
    [(small([b"\x43", b"\x52\x05"]), [b"\x43", b"\x52\x05"]), (large([b"\x43"]), [b"\x43"]), (b"\x45", [])],
)
def test_fields_that_were_left_out_come_as_nulls(listed: bytes, fields: list[bytes]) -> None:
    assert whole(frame(BEGIN, listed)) == frame(BEGIN, large(fields + [NULL] * (8 - len(fields))))


def test_the_payload_stays_behind_the_fields() -> None:
    short = frame(TRANSFER, small([b"\x43"] * 6), b"the message")
    assert whole(short) == frame(TRANSFER, large([b"\x43"] * 6 + [NULL] * 5), b"the message")


@pytest.mark.parametrize(
    "same",
    [
        b"AMQP\x00\x01\x00\x00", b"\x00\x00\x00\x08\x02\x00\x00\x00", frame(BEGIN, small([NULL] * 8)),
        frame(0x40, small([NULL]), kind=1),
    ],
    ids=["protocol header", "heartbeat", "whole already", "SASL"],
)  # fmt: skip
def test_what_lacks_nothing_stays_as_it_is(same: bytes) -> None:
    assert whole(same) == same


def test_no_frame_grows_beyond_what_the_client_takes() -> None:
    short = frame(TRANSFER, small([b"\x43"] * 6), b"x" * 500)
    grown = whole(short)
    assert whole(short, len(grown)) == grown
    assert whole(short, len(grown) - 1) == short


def test_a_stream_cut_anywhere_gives_the_same_frames() -> None:
    wanted = [b"AMQP\x03\x01\x00\x00", frame(OPEN, small([NULL])), frame(TRANSFER, b"\x45", b"AMQP in it")]
    stream = b"".join(wanted)
    for at in range(len(stream)):
        frames = Frames()
        assert [*frames.feed(stream[:at]), *frames.feed(stream[at:])] == wanted


@pytest.mark.parametrize(
    ("fields", "largest"),
    [
        ([b"\xa1\x03abc", b"\xa1\x01h", b"\x70\x00\x01\x00\x00"], 65_536),
        ([b"\xb1\x00\x00\x00\x03abc", NULL, b"\x52\xff"], 255),
        ([b"\xa1\x03abc"], ANY_SIZE),
        ([b"\xa1\x03abc", NULL, NULL, NULL], ANY_SIZE),
    ],
)
def test_the_open_of_a_client_says_what_it_takes(fields: list[bytes], largest: int) -> None:
    assert largest_frame(frame(OPEN, small(fields))) == largest
    assert largest_frame(frame(BEGIN, small(fields))) is None
