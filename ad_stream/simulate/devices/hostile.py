"""Messages that a broken device or a stranger may send, drawn by a seed and kept small, each with what must become of it.

The limits are arguments, so that a body beyond them is small, too. Bodies repeat, devices and message ids do not.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ad_stream.simulate.envelope import epoch_ms
from ad_stream.simulate.envelope import iso as iso_of
from ad_stream.simulate.send import ENQUEUED as IOT_HUB_TIME
from ad_stream.simulate.send import Event

ENQUEUED, DEVICE, MESSAGE = "enqueuedTime", "iothub-connection-device-id", "message-id"
LIVES = "lives"
"""In place of a reason: strange, but a reading."""
ANY_REASON = "any"
"""In place of a reason: quarantined, the dice decide under which."""


@dataclass(frozen=True)
class MessageLimits:
    """Those of the section `telemetry`."""

    max_body: int
    max_elements: int
    max_members: int
    max_depth: int
    max_name: int


@dataclass(frozen=True)
class Hostile:
    """One message: kind, what becomes of it, its body, and what its envelope says in place of the usual."""

    kind: str
    reason: str
    body: bytes
    envelope: dict[str, str | None]

    def line(self, enqueued: str, partition: str, sequence: int) -> str:
        """As a line of the files source."""
        said = {ENQUEUED: enqueued, DEVICE: f"h{sequence}", MESSAGE: f"m{sequence}", **self.envelope}
        system = {name: said[name] for name in (DEVICE, MESSAGE) if said[name] is not None}
        body = base64.b64encode(self.body).decode()
        line = {
            "body": body,
            "enqueuedTime": said[ENQUEUED],
            "partition": partition,
            "sequence": sequence,
            "systemProperties": system,
        }
        return json.dumps(line) + "\n"

    def event(self, enqueued: datetime, partition: int, sequence: int) -> Event:
        """As a message of a broker; `enqueued` is the broker's own clock, whatever IoT Hub's property says."""
        said = {
            ENQUEUED: iso_of([epoch_ms(enqueued)])[0],
            DEVICE: f"h{sequence}",
            MESSAGE: f"m{sequence}",
            **self.envelope,
        }
        names = {IOT_HUB_TIME: said[ENQUEUED], DEVICE: said[DEVICE], MESSAGE: said[MESSAGE]}
        return Event(
            partition, enqueued, self.body, {}, {name: _whole(text) for name, text in names.items() if text is not None}
        )

    def on_a_broker(self) -> Hostile:
        """What must become of it there: where IoT Hub's time is none, that of the broker counts."""
        no_time = ENQUEUED in self.envelope and self.envelope[ENQUEUED] in NO_TIMES
        return replace(self, reason=LIVES) if no_time else self


def _whole(text: str) -> str:
    """Pairs of surrogates, as JSON writes them, as the character that they mean."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


Drawn = tuple[str | bytes, str, dict[str, str | None]]
Draw = Callable[[random.Random, MessageLimits], Drawn]
DEVICE_TIMES = (
    "0001-01-01T00:00:00Z", "1899-12-30T00:00:00Z", "1900-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z",
    "10000-01-01T00:00:00Z", "+294247-01-10T04:00:54Z", "0000-00-00T00:00:00Z", "2026-02-30T00:00:00Z", "2026-13-01", "-0001-01-01",
    -62135596800, -62135596800000, 99999999999999, "1.7E308", "NaN", "", "now", "12:00", "２０２６-11-01",
)  # fmt: skip
NO_TIMES = ("", "soon", "2026-11-31T00:00:00Z", None)
HUB_TIMES = (
    "0001-01-01T00:00:00Z", "1899-12-30T00:00:00Z", "1969-12-31T23:59:59Z", "2099-01-01T00:00:00Z", "2199-12-31T00:00:00Z",
    "2262-04-12T00:00:00Z", "9999-12-31T23:59:59.999Z", "+10000-01-01T00:00:00Z", "+294247-01-10T04:00:54Z",
    *NO_TIMES,
)  # fmt: skip
NO_NUMBERS = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e400", '"0x10"', '"5d"', '"NaN"', '"\\u0663"', '"1,5"', '""', '"\\u0000"',
    "9" * 400, '"' + "9" * 400 + '"',
)  # fmt: skip
STRANGE_NAMES = (
    "e\u0301",
    "\u00e9",
    "\u202egnol",
    "\ud83d\ude00",
    "\u200b",
    "a.b`c",
    "'; drop table x",
    "../..",
    "\n",
    "%00",
)


def _bytes(dice: random.Random, _: MessageLimits) -> Drawn:
    return b"\xff" + dice.randbytes(dice.randint(0, 200)), "not_utf8", {}


def _torn(dice: random.Random, _: MessageLimits) -> Drawn:
    whole = json.dumps([{"t": dice.random(), "p": {"a": [1, 2]}} for _ in range(dice.randint(1, 4))])
    return whole[: dice.randint(1, len(whole) - 1)], "malformed", {}


def _no_object(dice: random.Random, _: MessageLimits) -> Drawn:
    return (
        dice.choice(["null", "5", '"t"', "[]", "[[]]", "[1,2]", "true", "{}{}", "\ufeff5", "{'t':1", "[{}", " \n"]),
        "malformed",
        {},
    )


def _elements(dice: random.Random, limits: MessageLimits) -> Drawn:
    one = dice.choice(['{"t":1}', "{}", "0", "[]", '""', '{"t":NaN}'])
    return "[" + ",".join([one] * (limits.max_elements + dice.randint(1, 50))) + "]", "too_many_elements", {}


def _members(dice: random.Random, limits: MessageLimits) -> Drawn:
    return json.dumps({f"s{k}": k for k in range(limits.max_members + dice.randint(1, 20))}), "too_many_members", {}


def _deep(dice: random.Random, limits: MessageLimits) -> Drawn:
    depth = limits.max_depth + dice.randint(1, 40)
    opened = dice.choice(['{"a":', '{"b":[],"a":', '{"p":"]}","a":'])
    return dice.choice(["[" * depth + "]" * depth, opened * depth + "1" + "}" * depth]), "too_deep", {}


def _long_name(dice: random.Random, limits: MessageLimits) -> Drawn:
    name = dice.choice("aé\u4e16") * (limits.max_name + dice.randint(1, 300))
    if dice.random() < 0.3:
        return json.dumps({name: 1}), "name_too_long", {}
    if dice.random() < 0.5:
        return json.dumps({"t": 1, "deviceId": name}), "name_too_long", {DEVICE: None}
    return '{"t":1}', "name_too_long", {DEVICE: name}


def _bad_name(dice: random.Random, _: MessageLimits) -> Drawn:
    name = f"a\0{dice.random()}"
    return (json.dumps({name: 1}), "bad_name", {}) if dice.random() < 0.5 else ('{"t":1}', "bad_name", {DEVICE: name})


def _device_time(dice: random.Random, _: MessageLimits) -> Drawn:
    return json.dumps({"t": dice.random(), "time": dice.choice(DEVICE_TIMES)}), "bad_time", {}


def _hub_time(dice: random.Random, _: MessageLimits) -> Drawn:
    return json.dumps({"t": dice.random()}), "bad_enqueued_time", {ENQUEUED: dice.choice(HUB_TIMES)}


def _no_number(dice: random.Random, _: MessageLimits) -> Drawn:
    return f'{{"t":{dice.choice(NO_NUMBERS)},"n":{dice.random()}}}', "not_a_number", {}


def _large(_: random.Random, limits: MessageLimits) -> Drawn:
    return json.dumps({"t": 1, "p": "x" * limits.max_body}), "too_large", {}


def _nobody(dice: random.Random, _: MessageLimits) -> Drawn:
    return json.dumps({"t": dice.random(), "deviceId": dice.choice(["", None])}), "no_device", {DEVICE: None}


def _soup(dice: random.Random, _: MessageLimits) -> Drawn:
    return (
        "x" + "".join(dice.choices('{}[]",:\\0123456789.eE+-tfnu \t\r\n\u0000\u2028é', k=dice.randint(1, 300))),
        ANY_REASON,
        {},
    )


def _strange(dice: random.Random, _: MessageLimits) -> Drawn:
    value = dice.choice(["1e308", "-1.7e308", "4.9e-324", "-0.0", '"1e3"', "123456789012345678901234567890"])
    name = dice.choice(STRANGE_NAMES)
    text = f'{{{json.dumps(name)}:{value},"t":1,"t":2,"messageId":"\\ud800","id":{json.dumps(name * 3)[:-1]}x\\u0000"}}'
    return text, LIVES, {MESSAGE: name * 200}


KINDS: dict[str, Draw] = {
    "bytes": _bytes, "torn": _torn, "no_object": _no_object, "elements": _elements, "members": _members, "deep": _deep,
    "long_name": _long_name, "bad_name": _bad_name, "device_time": _device_time, "hub_time": _hub_time, "no_number": _no_number,
    "large": _large, "nobody": _nobody, "soup": _soup, "strange": _strange,
}  # fmt: skip


def hostile(seed: int, count: int, limits: MessageLimits) -> Iterator[Hostile]:
    """`count` messages, every kind in turn."""
    dice = random.Random(seed)
    for number in range(count):
        kind = list(KINDS)[number % len(KINDS)]
        body, reason, envelope = KINDS[kind](dice, limits)
        yield Hostile(kind, reason, body if isinstance(body, bytes) else body.encode(), envelope)
