"""The jars that Spark lacks: Delta, the Kafka source, the Event Hubs connector; and a Kafka broker for tests.

They come from Maven Central once and stay in a cache folder; after that no network is needed. The resolver is the Ivy
that Spark ships, in a short JVM of its own; where it cannot get through and `mvn` is on the PATH (a company's mirror
is often configured there only), Maven is asked. What comes is taken only if its SHA-256 is the recorded one.

    $AD_STREAM_CACHE     where the cache lies; default $XDG_CACHE_HOME/ad_stream, else ~/.cache/ad_stream
    $AD_STREAM_OFFLINE   set: never ask the network
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ad_stream.errors import SetupError
from ad_stream.runtime import checksums, maven, spark_versions

WHOLE = {"kafka_broker"}
"""Sets that run in a JVM of their own and so need also what Spark would bring."""

Resolve = Callable[[str, Path], None]
"""(coordinates, folder): puts the jars of the closure into the folder, or raises SetupError."""


def jars(
    *sets: str,
    environ: Mapping[str, str] = os.environ,
    resolvers: Sequence[Resolve] | None = None,
    verify: Callable[[Path], None] = checksums.verify,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Path]:
    """The jar files of the named sets, without what Spark brings itself and without doubles.

    sets: keys of `SparkVersion.jars`, of the version of Spark that is installed. Downloads what the cache lacks, with a
    line on stderr. SetupError if that fails, or if a jar is not the one whose SHA-256 is recorded.
    """
    line = spark_versions.installed()
    unknown = set(sets) - line.jars.keys()
    if unknown:
        raise SetupError(_no_jars(min(unknown), line))
    paths: dict[str, Path] = {}
    for name in sets:
        for path in _cached(name, line.jars[name], environ, resolvers, verify, sleep):
            paths.setdefault(artifact(path), path)
    return list(paths.values())


def _no_jars(name: str, line: spark_versions.SparkVersion) -> str:
    if name == "event_hubs":
        return (
            f"the Event Hubs connector has no build for Scala {line.scala}, which Spark {line.spark} is made with:"
            " read the event hub's Kafka endpoint (source.kind kafka), or install pyspark 3.5"
        )
    return f"there are no jars called {name!r} for Spark {line.spark}: choose among {', '.join(line.jars)}"


def artifact(path: Path) -> str:
    """'delta-spark_2.12-3.3.3.jar' -> 'delta-spark_2.12'."""
    return re.sub(r"-\d+\.\d[^/]*\.jar$", "", path.name)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where downloads are kept."""
    if environ.get("AD_STREAM_CACHE"):
        return Path(environ["AD_STREAM_CACHE"])
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ad_stream"


def spark_folder() -> Path:
    """The installed pyspark, found without importing it."""
    spec = importlib.util.find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise SetupError("the package pyspark is missing: pip install 'ad-stream[spark]'")
    return Path(spec.submodule_search_locations[0])


def _cached(
    name: str, coordinates: str, environ: Mapping[str, str], resolvers: Sequence[Resolve] | None,
    verify: Callable[[Path], None], sleep: Callable[[float], None],
) -> list[Path]:  # fmt: skip
    # What Spark brings itself is left out, so that the jars of one Spark are not those of another.
    beside = "" if name in WHOLE else importlib.metadata.version("pyspark")
    key = hashlib.sha256(f"{coordinates} {beside}".encode()).hexdigest()[:12]
    folder = cache_folder(environ) / "jars" / f"{name}-{key}"
    if not folder.is_dir():
        if environ.get("AD_STREAM_OFFLINE"):
            raise SetupError(
                f"the jars of {coordinates} are not in {folder} and AD_STREAM_OFFLINE is set:"
                " unset it for one run, or copy the folder from a machine that has it"
            )
        if resolvers is None:
            resolvers = _resolvers(environ)
        _download(coordinates, folder, resolvers, verify, sleep, whole=name in WHOLE)
    return sorted(folder.glob("*.jar"))


def _download(
    coordinates: str, folder: Path, resolvers: Sequence[Resolve], verify: Callable[[Path], None],
    sleep: Callable[[float], None], *, whole: bool, attempts: int = 2,
) -> None:  # fmt: skip
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(f"ad_stream: downloading {coordinates} and what it needs into {folder}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent) as temporary:
        fresh = Path(temporary) / "jars"
        failures = []
        for attempt, resolve in [(n, resolve) for n in range(attempts) for resolve in resolvers]:
            try:
                fresh.mkdir()
                resolve(coordinates, fresh)
                if not whole:
                    _drop_what_spark_has(fresh)
                verify(fresh)
            except SetupError as error:
                failures.append(str(error))
                shutil.rmtree(fresh)
                sleep(2.0 * (attempt + 1))
            else:
                return _publish(fresh, folder)
        raise SetupError(
            f"{coordinates} could not be downloaded ({failures[0]}): check the network or its proxy, name the"
            f" company's certificates in SSL_CERT_FILE, or copy {folder} from a machine that has it"
        )


def _publish(fresh: Path, folder: Path) -> None:
    try:
        fresh.rename(folder)
    except OSError:
        # Another process was first; its folder holds the same jars.
        if not folder.is_dir():
            raise


def _drop_what_spark_has(folder: Path) -> None:
    own = {artifact(path) for path in (spark_folder() / "jars").glob("*.jar")}
    for path in folder.glob("*.jar"):
        if artifact(path) in own:
            path.unlink()


def _resolvers(environ: Mapping[str, str]) -> list[Resolve]:
    spark_jars = spark_folder() / "jars"

    def by_ivy(coordinates: str, folder: Path) -> None:
        maven.ivy(coordinates, folder, spark_jars, environ)

    def by_mvn(coordinates: str, folder: Path) -> None:
        maven.mvn(coordinates, folder, environ)

    return [by_ivy, by_mvn] if shutil.which("mvn", path=environ.get("PATH", "")) else [by_ivy]


def main(arguments: Iterable[str]) -> int:
    """`python -m ad_stream.runtime.jars delta kafka`: fills the cache, prints the files as `spark-submit --jars` wants them."""
    try:
        print(",".join(str(path) for path in jars(*arguments)))
    except SetupError as error:
        print(f"ad_stream: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
