"""What to run, and on which compute: a configuration -> the task, libraries and cluster of a Databricks job.

The Event Hubs connector is a jar for Scala 2.12: the last runtime with it is 16.4 LTS, dedicated to one user. Kafka
and files need no jar and run on 17.3 LTS, or on serverless compute, which knows no trigger but available_now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from databricks.sdk.service.compute import ClusterSpec, DataSecurityMode, Environment, Library, MavenLibrary
from databricks.sdk.service.jobs import (
    Continuous,
    JobEmailNotifications,
    JobEnvironment,
    JobSettings,
    JobsHealthMetric,
    JobsHealthOperator,
    JobsHealthRule,
    JobsHealthRules,
    PauseStatus,
    SparkPythonTask,
    SubmitTask,
    Task,
    TaskRetryMode,
)

from ad_stream.errors import ConfigError
from ad_stream.runtime import spark_versions
from ad_stream.sources import registry

if TYPE_CHECKING:
    from ad_stream.config import Config

RUNTIME = "17.3.x-scala2.13"
ENVIRONMENT = "5"
"""Version of the serverless environment: Python 3.12, and the first that has DataFrame.persist, which each batch needs."""
BACKLOG = 600
"""Seconds that the stream may lie behind its source before mails go out."""
SPARK = {
    # Pinned by the checkpoint at its first batch; the default of 200 is for more series than one minute holds.
    "spark.sql.shuffle.partitions": "16",
    # The default of 17.3; before it the open minutes would live in the heap.
    "spark.sql.streaming.stateStore.providerClass": "com.databricks.sql.streaming.state.RocksDBStateStoreProvider",
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
}
TAG = "ad_stream"

Kind = Literal["stream", "backfill", "train", "maintain"]
Compute = Literal["auto", "classic", "serverless"]


@dataclass(frozen=True)
class Cluster:
    """What a classic cluster is made of; empty texts are chosen by the plan or the workspace."""

    node_type: str = ""
    workers: int = 1
    runtime: str = ""
    policy: str = ""


@dataclass(frozen=True)
class Plan:
    """One task with what it needs. files: the folder in the workspace, where script, configuration and wheel lie."""

    kind: Kind
    config: Config
    arguments: Sequence[str]
    files: str
    wheel: str
    serverless: bool
    cluster: Cluster

    @property
    def endless(self) -> bool:
        """Whether the run goes on until it is cancelled."""
        return self.kind == "stream" and self.config.trigger != "available_now"

    def task(self) -> Task:
        """The task of a permanent job."""
        if self.serverless:
            return Task(task_key=self.kind, spark_python_task=self._python(), environment_key=TAG)
        return Task(
            task_key=self.kind,
            spark_python_task=self._python(),
            libraries=self._libraries(),
            new_cluster=self._cluster(),
        )

    def submitted(self) -> SubmitTask:
        """The same task for a one-off run."""
        return SubmitTask.from_dict(self.task().as_dict())

    def environments(self) -> list[JobEnvironment] | None:
        """What serverless compute installs; None on a classic cluster, which has libraries."""
        if not self.serverless:
            return None
        spec = Environment(environment_version=ENVIRONMENT, dependencies=[f"{self.files}/{self.wheel}"])
        return [JobEnvironment(environment_key=TAG, spec=spec)]

    def job(self, name: str, *, notify: Sequence[str], paused: bool) -> JobSettings:
        """A job that runs the stream again and again: continuous also for available_now, as serverless wants it."""
        rule = JobsHealthRule(
            metric=JobsHealthMetric.STREAMING_BACKLOG_SECONDS, op=JobsHealthOperator.GREATER_THAN, value=BACKLOG
        )
        mails = JobEmailNotifications(on_failure=list(notify), on_streaming_backlog_exceeded=list(notify))
        status = PauseStatus.PAUSED if paused else PauseStatus.UNPAUSED
        return JobSettings(
            name=name,
            tasks=[self.task()],
            environments=self.environments(),
            continuous=Continuous(pause_status=status, task_retry_mode=TaskRetryMode.ON_FAILURE),
            max_concurrent_runs=1,
            health=JobsHealthRules(rules=[rule]),
            email_notifications=mails if notify else None,
            tags={TAG: self.config.source.kind},
        )

    def _python(self) -> SparkPythonTask:
        return SparkPythonTask(
            python_file=f"{self.files}/{self.kind}.py",
            parameters=["--config", f"{self.files}/config.yaml", *self.arguments],
        )

    def _libraries(self) -> list[Library]:
        ours = Library(whl=f"{self.files}/{self.wheel}")
        coordinates = [spark_versions.coordinates(name) for name in _jars(self.kind, self.config)]
        return [ours, *(Library(maven=MavenLibrary(coordinates=one)) for one in coordinates)]

    def _cluster(self) -> ClusterSpec:
        return ClusterSpec(
            spark_version=self.cluster.runtime
            or registry.kind_of(self.config.source.kind).databricks.runtime
            or RUNTIME,
            node_type_id=self.cluster.node_type,
            policy_id=self.cluster.policy or None,
            num_workers=self.cluster.workers,
            data_security_mode=DataSecurityMode.SINGLE_USER,
            spark_conf=SPARK | {key: str(value) for key, value in self.config.spark.items()},
            custom_tags={TAG: self.kind},
        )


def serverless(kind: Kind, config: Config, wanted: Compute) -> bool:
    """Whether this runs on serverless compute; ConfigError where the wanted compute cannot run it."""
    if wanted == "classic":
        return False
    bounded = kind != "stream" or config.trigger == "available_now"
    if wanted == "auto":
        return bounded and not _jars(kind, config)
    if _jars(kind, config):
        name = config.source.kind
        raise ConfigError(
            f"serverless compute takes no jars, and source.kind {name} is one: {registry.kind_of(name).databricks.instead}, "
            "or use --compute classic"
        )
    if not bounded:
        raise ConfigError(
            "serverless compute knows no trigger but available_now: add --set trigger=available_now, or use --compute classic"
        )
    return True


def _jars(kind: Kind, config: Config) -> Sequence[str]:
    """Sets of jars that the runtime lacks; a backfill reads no source."""
    return registry.kind_of(config.source.kind).databricks.jars if kind == "stream" else ()
