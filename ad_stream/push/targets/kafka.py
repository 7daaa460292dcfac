"""A Kafka topic, an event hub, or the custom endpoint of a Fabric Eventstream: at least once, in order per device.

One JSON object a row, keyed by its device (or its incident), so that its rows keep their order in one partition.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ad_stream import connection_string as event_hub
from ad_stream.errors import AdStreamError, ConfigError, RunError, SetupError
from ad_stream.push.base import COLUMNS, Delivery, Row, check_range, dumped, plain, which_rows
from ad_stream.push.incident_bodies import as_json
from ad_stream.push.joint_bodies import is_joint, joint_columns
from ad_stream.secrets import Secret, redact

CHUNK = 1_000
"""Rows that are on their way together."""
_SAFE = {
    # The broker refuses what comes out of turn, so that nothing overtakes a row that is tried again.
    "enable.idempotence": True,
    # A push ends by its own deadline and takes back what has not left.
    "message.timeout.ms": 0,
    "topic.metadata.propagation.max.ms": 3_000,
    # Event Hubs closes connections that were idle for 4 minutes.
    "metadata.max.age.ms": 180_000,
    "connections.max.idle.ms": 180_000,
    "linger.ms": 5,
    "log_level": 0,
}


class Kafka:
    """Sends each row as a JSON object with the columns of `detections`.

    topic              may be left out where the connection string names it (EntityPath)
    bootstrap_servers  host:port; with a connection string its host and port 9093
    connection_string  of an event hub, or of an Eventstream's custom endpoint; a secret
    rows               "all" scored rows, only "anomalies", "joint": those of signals together, or "incidents": what people are told of
                       them, from at_least on
    seconds            how long it may keep a batch, 1 to 600
    options            further settings of librdkafka, such as sasl.password; a value may be a secret reference
    """

    kind = "kafka"
    hourly = None

    def __init__(
        self,
        *,
        name: str = kind,
        topic: str | None = None,
        bootstrap_servers: str | None = None,
        connection_string: Secret | str | None = None,
        rows: str = "all",
        at_least: str = "low",
        seconds: float = 20.0,
        options: Mapping[str, object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_range(self.kind, "seconds", seconds, 1, 600)
        if connection_string is None and None in (bootstrap_servers, topic):
            raise ConfigError(
                "the push target 'kafka' has no place: give bootstrap_servers and topic, or the connection_string of the event hub"
            )
        self.name, self.rows, self.seconds = name, which_rows(self.kind, rows, at_least), seconds
        self._message = _incident if rows == "incidents" else _verdict
        self._topic, self._servers, self._clock = topic, bootstrap_servers, clock
        self._access = None if connection_string is None else Secret.of(connection_string)
        self._options = {
            key: Secret(value) if isinstance(value, str) and value else value for key, value in (options or {}).items()
        }
        self._producer: Any = None
        self._trouble = ""

    def __repr__(self) -> str:
        return f"Kafka({self.name!r}, {self._topic!r} on {self._servers or self._access})"

    def push(self, rows: Iterator[Row], seconds: float) -> Iterator[Delivery]:
        """Send in chunks; what the broker has not confirmed in time is taken back and goes out again later."""
        deadline = self._clock() + seconds
        try:
            while chunk := list(islice(rows, CHUNK)):
                fates = self._send(chunk, deadline)
                for fate in fates:
                    yield fate
                    if fate.rows == 0:
                        return
        except AdStreamError as error:
            yield Delivery(0, "failed", redact(str(error)))

    def close(self) -> None:
        """Let go of the connection; the next push makes a new one."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(1)
            self._producer = None

    def _send(self, chunk: Sequence[Row], deadline: float) -> list[Delivery]:
        """What became of the rows in their order, up to the first that is not confirmed."""
        producer, topic = self._connected()
        fates: list[str | None] = ["no answer"] * len(chunk)
        self._trouble = ""
        for place, row in enumerate(chunk):
            told = self._teller(fates, place)
            key, value = self._message(row)
            self._produce(producer, topic, str(key).encode("utf-8", "replace"), value, told, deadline)
        producer.flush(max(deadline - self._clock(), 0.001))
        found: list[Delivery] = []
        for fate in fates:
            if fate is None:
                found.append(Delivery(1, "delivered"))
            elif "MSG_SIZE_TOO_LARGE" in fate:
                found.append(Delivery(1, "set_aside", f"the topic {topic!r} takes no message as long as this row's"))
            else:
                self.close()
                return [*found, Delivery(0, "failed", self._sentence(topic, fate))]
        return found

    def _produce(
        self, producer: Any, topic: str, key: bytes, value: bytes, told: Callable[[Any, Any], None], deadline: float
    ) -> None:  # fmt: skip
        from confluent_kafka import KafkaException

        while True:
            try:
                return producer.produce(topic, value, key=key, on_delivery=told)  # type: ignore[no-any-return]
            except KafkaException as error:
                return told(error.args[0], None)
            except BufferError:
                if self._clock() >= deadline:
                    return None
                producer.poll(0.1)

    def _teller(self, fates: list[str | None], place: int) -> Callable[[Any, Any], None]:
        def told(error: Any, _: Any) -> None:
            fates[place] = None if error is None else f"{error.name()}: {error.str()}"

        return told

    def _sentence(self, topic: str, fate: str) -> str:
        cause = self._trouble or fate
        if "AUTHENTICATION" in cause:
            cause, way_out = "the credentials are not accepted", "check connection_string or options"
        elif "UNKNOWN_TOPIC" in cause:
            cause, way_out = "there is no such topic or event hub", "create it or name another one"
        else:
            way_out = "check bootstrap_servers, the network and TLS"
        return redact(f"the topic {topic!r} did not take the rows ({' '.join(cause.split())[:200]}): {way_out}")

    def _connected(self) -> tuple[Any, str]:
        settings, hub = self._settings()
        topic = self._topic or hub
        if topic is None:
            raise ConfigError(
                "the push target 'kafka' has no topic, and the connection string has no EntityPath: give one"
            )
        if self._producer is None:
            try:
                from confluent_kafka import KafkaException, Producer
            except ImportError:
                raise SetupError("the package confluent-kafka is missing: pip install 'ad-stream[kafka]'") from None
            problem = ""
            try:
                self._producer = Producer(settings)
            except KafkaException as error:
                problem = redact(error.args[0].str())
            if problem:
                raise RunError(
                    f"the Kafka client cannot be set up ({problem}): check the options of the push target {self.name!r}"
                )
        return self._producer, topic

    def _settings(self) -> tuple[dict[str, Any], str | None]:
        own = {name: value.reveal() if isinstance(value, Secret) else value for name, value in self._options.items()}
        base = {**_SAFE, "bootstrap.servers": self._servers, "error_cb": self._failed}
        if self._access is None:
            return {**base, **own}, None
        access = event_hub.parse(self._access, "connection_string of the push target 'kafka'")
        asked = {
            "bootstrap.servers": self._servers or f"{access.host}:9093", "security.protocol": "SASL_SSL",
            "sasl.mechanisms": "PLAIN", "sasl.username": "$ConnectionString", "sasl.password": access.text,
        }  # fmt: skip
        return {**base, **asked, **own}, access.hub

    def _failed(self, error: Any) -> None:
        self._trouble = f"{error.name()}: {error.str()}"


def _verdict(row: Row) -> tuple[object, bytes]:
    """Key and value of a verdict."""
    return row["device_id"], dumped(
        joint_columns(row) if is_joint(row) else {name: plain(row[name]) for name in COLUMNS}
    )


def _incident(row: Row) -> tuple[object, bytes]:
    """Key and value of what people are told of an incident."""
    return row["incident_id"], as_json(row)
