"""A real Kafka broker on this machine, reached as an event hub's Kafka endpoint is: SASL, user `$ConnectionString`."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ad_stream.errors import SetupError
from ad_stream.runtime import jars, java
from ad_stream.runtime.children import Guard
from ad_stream.simulate.ports import free_port

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

SETTINGS = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://127.0.0.1:{port}
listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENTS
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.clients.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
username="broker" password="broker" user_broker="broker" user_$ConnectionString="{connection_string}";
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
# A broker that was killed comes back after its old registration has run out.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
# Replays keep the times at which their messages were first enqueued, which may be long ago.
log.retention.ms=-1
log.dirs={data}
"""
JAVA_OPTIONS = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
LOGGING = ("log4j-api", "log4j-core", "log4j-slf4j2-impl", "log4j-1.2-api", "slf4j-api")
"""Jars of Spark that print what the broker has to say; it has none itself."""


class KafkaBroker:
    """One broker with one topic, in a JVM of its own; a context manager, gone at the end, and with this process.

    folder      where its data and its log lie; must not hold those of another broker
    port        0 takes a free one
    seconds     how long it may take to start
    clock, sleep are those of the wait for the start

    bootstrap_servers, connection_string are what a client needs; stop() and start() again keep the data.
    SetupError if it does not start, if its jars cannot be had, or without the package confluent-kafka.
    """

    def __init__(
        self,
        folder: Path,
        *,
        topic: str = "iot",
        partitions: int = 4,
        port: int = 0,
        key: str = "bG9jYWwta2V5",
        seconds: float = 90,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder, self._partitions, self._seconds = folder, partitions, seconds
        self._environ, self._clock, self._sleep = environ, clock, sleep
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        self.topic = topic
        self.port, self._controller = port or free_port(), free_port()
        self.bootstrap_servers = f"127.0.0.1:{self.port}"
        self.connection_string = (
            f"Endpoint=sb://127.0.0.1/;SharedAccessKeyName=local;SharedAccessKey={key};EntityPath={topic}"
        )

    def __enter__(self) -> KafkaBroker:
        try:
            self._format()
            self.start()
            self.create_topic(self.topic, self._partitions)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the broker and wait until it lets a client in."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._settings)), stdout=log, stderr=log, start_new_session=True
            )
        self._guard = Guard(self._process.pid, group=True, grace=0)
        deadline = self._clock() + self._seconds
        while not self._answers():
            if self._process.poll() is not None or self._clock() > deadline:
                raise SetupError(f"the Kafka broker did not start on port {self.port}: {self._last_words()}")
            self._sleep(0.2)

    def stop(self, *, kill: bool = False) -> None:
        """End the broker; kill leaves it no time to tidy up."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        if self._guard is not None:
            self._guard.dismiss()

    def create_topic(self, name: str, partitions: int) -> None:
        """A further topic, for the same user."""
        from confluent_kafka.admin import NewTopic

        admin = self._admin()
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(timeout=30)

    def forget(self, topic: str, partition: int, before: int) -> None:
        """Drop the records of a partition before an offset, as retention does."""
        from confluent_kafka import TopicPartition

        admin, where = self._admin(), TopicPartition(topic, partition, before)
        admin.delete_records([where])[where].result(timeout=30)

    def client(self) -> dict[str, str]:
        """The settings of a confluent-kafka client of this broker."""
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanisms": "PLAIN",
            "sasl.username": "$ConnectionString",
            "sasl.password": self.connection_string,
        }

    @property
    def _settings(self) -> Path:
        return self._folder / "broker.properties"

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _last_words(self) -> str:
        """The end of its log, which goes with its folder."""
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        said = " | ".join(lines[-3:]).replace(self.connection_string, "***")
        return said or "it said nothing; its time may have been too short"

    def _format(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(
            SETTINGS.format(
                port=self.port,
                controller=self._controller,
                connection_string=self.connection_string,
                data=self._folder / "data",
            )
        )
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._settings))
        with self._log.open("ab") as log:
            if subprocess.run(command, stdout=log, stderr=log, timeout=self._seconds).returncode:
                raise SetupError(f"the Kafka broker could not prepare {self._folder}: {self._last_words()}")

    def _java(self, main: str, *arguments: str) -> list[str]:
        own = jars.jars("kafka_broker", environ=self._environ)[0].parent
        spark = jars.spark_folder() / "jars"
        logging = [str(path) for path in sorted(spark.glob("*.jar")) if jars.artifact(path) in LOGGING]
        program = java.java_home(self._environ) / "bin" / "java"
        return [str(program), *JAVA_OPTIONS, "-cp", os.pathsep.join([*logging, f"{own}/*"]), main, *arguments]

    def _answers(self) -> bool:
        from confluent_kafka import KafkaException

        try:
            self._admin().list_topics(timeout=2)
        except KafkaException:
            return False
        return True

    def _admin(self) -> AdminClient:
        try:
            from confluent_kafka.admin import AdminClient
        except ImportError:
            raise SetupError(
                "the package confluent-kafka is missing: pip install 'ad-stream[simulate-kafka]'"
            ) from None
        # Until the broker is there every attempt would print a line.
        return AdminClient({**self.client(), "log_level": 0})
