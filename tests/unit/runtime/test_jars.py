"""The cache of jars, with resolvers that are handed in; the real ones run in `make jars`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ad_stream.errors import SetupError
from ad_stream.runtime import spark_versions
from ad_stream.runtime.jars import WHOLE, artifact, cache_folder, jars, spark_folder
from ad_stream.runtime.maven import _cause, ivy_file

Resolver = Callable[[str, Path], None]


def resolver(*names: str) -> Resolver:
    def resolve(coordinates: str, folder: Path) -> None:
        for name in names:
            (folder / name).write_text(coordinates)

    return resolve


def failing(coordinates: str, folder: Path) -> None:
    (folder / "half.jar").write_text("half")
    raise SetupError("the network is down")


def get(cache: Path, *sets: str, by: list[Resolver], **environ: str) -> list[Path]:
    return jars(
        *sets, environ={"AD_STREAM_CACHE": str(cache), **environ}, resolvers=by, verify=lambda folder: None,
        sleep=lambda seconds: None,
    )  # fmt: skip


def test_the_second_call_asks_no_network(tmp_path: Path) -> None:
    first = get(tmp_path, "delta", by=[resolver("delta-spark_2.12-3.3.3.jar")])
    assert [path.name for path in first] == ["delta-spark_2.12-3.3.3.jar"]
    assert get(tmp_path, "delta", by=[failing]) == first


def test_what_spark_brings_itself_is_left_out(tmp_path: Path) -> None:
    own = next(path.name for path in (spark_folder() / "jars").glob("scala-library-*.jar"))
    got = get(tmp_path, "delta", by=[resolver("delta-spark_2.12-3.3.3.jar", own, "scala-library-2.12.4.jar")])
    assert [path.name for path in got] == ["delta-spark_2.12-3.3.3.jar"]


def test_a_jar_that_two_sets_need_comes_once(tmp_path: Path) -> None:
    get(tmp_path, "delta", by=[resolver("shared-1.0.jar", "one-1.0.jar")])
    get(tmp_path, "kafka", by=[resolver("shared-2.0.jar", "two-1.0.jar")])
    got = get(tmp_path, "delta", "kafka", by=[failing])
    assert [path.name for path in got] == ["one-1.0.jar", "shared-1.0.jar", "two-1.0.jar"]


def test_the_next_way_is_tried_where_one_fails(tmp_path: Path) -> None:
    got = get(tmp_path, "delta", by=[failing, resolver("delta-spark_2.12-3.3.3.jar")])
    assert [path.name for path in got] == ["delta-spark_2.12-3.3.3.jar"]


def test_a_failed_download_says_the_cause_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"could not be downloaded \(the network is down\): check the network"):
        get(tmp_path, "delta", by=[failing])
    assert list((tmp_path / "jars").iterdir()) == []


def test_offline_names_the_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"delta-.* and AD_STREAM_OFFLINE is set: unset it for one run"):
        get(tmp_path, "delta", by=[resolver("a-1.jar")], AD_STREAM_OFFLINE="1")


def test_unknown_jars_are_refused_with_the_known_ones() -> None:
    with pytest.raises(SetupError, match=r"no jars called 'delat' for Spark \d.\d: choose among delta, kafka, "):
        jars("delat")


def test_the_second_line_names_another_way_to_the_event_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        spark_versions, "installed", lambda: next(line for line in spark_versions.SPARK_VERSIONS if line.spark == "4.1")
    )
    with pytest.raises(SetupError, match=r"no build for Scala 2.13, .* \(source.kind kafka\), or install pyspark 3.5$"):
        jars("event_hubs")


def test_two_processes_at_once_get_the_same_whole_folder(tmp_path: Path) -> None:
    both_are_downloading = threading.Barrier(2, timeout=10)

    def slow(coordinates: str, folder: Path) -> None:
        (folder / "a-1.jar").write_text("a")
        both_are_downloading.wait()
        (folder / "b-1.jar").write_text("b")

    got: list[list[Path]] = []
    threads = [threading.Thread(target=lambda: got.append(get(tmp_path, "delta", by=[slow]))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got[0] == got[1]
    assert [path.name for path in got[0]] == ["a-1.jar", "b-1.jar"]
    assert len(list((tmp_path / "jars").iterdir())) == 1


def test_the_cache_lies_where_the_environment_says() -> None:
    assert cache_folder({"AD_STREAM_CACHE": "a", "XDG_CACHE_HOME": "b"}) == Path("a")
    assert cache_folder({"XDG_CACHE_HOME": "b"}) == Path("b/ad_stream")
    assert cache_folder({}) == Path.home() / ".cache" / "ad_stream"


def test_the_artifact_is_the_file_name_without_its_version() -> None:
    assert artifact(Path("spark-sql-kafka-0-10_2.12-3.5.7.jar")) == "spark-sql-kafka-0-10_2.12"
    assert artifact(Path("guava-24.1.1-jre.jar")) == "guava"


def test_each_set_is_of_the_scala_that_pyspark_is_of() -> None:
    line = spark_versions.installed()
    assert list((spark_folder() / "jars").glob(f"scala-library-{line.scala}.*.jar"))
    assert {name for name, at in line.jars.items() if f"_{line.scala}:" not in at} <= WHOLE


@pytest.mark.parametrize(
    ("version", "delta"), [("3.5.9", "delta-spark_2.12:3.3"), ("4.1.4", "delta-spark_4.1_2.13:4.4")]
)
def test_the_installed_pyspark_decides_which_jars_are_taken(version: str, delta: str) -> None:
    assert delta in spark_versions.installed(version).jars["delta"]


def test_a_spark_of_neither_line_is_refused_with_both() -> None:
    with pytest.raises(
        SetupError, match=r"pyspark 4.2.0 is installed, .*\[spark\]' \(Spark 3.5\) or .*\[spark4\]' \(Spark 4.1\)$"
    ):
        spark_versions.installed("4.2.0")


def test_a_second_artifact_takes_the_place_of_what_the_first_names_in_another_version() -> None:
    asked = ivy_file("org.a:whole:1,org.b:part:2")
    assert asked.count("<dependency ") == 2
    assert (
        '<dependency org="org.a" name="whole" rev="1" conf="default->default"><exclude org="org.b" module="part"/>'
        in asked
    )


def test_a_refused_certificate_is_named_before_what_followed_from_it() -> None:
    output = "\t\tmodule not found: io.delta#x;1\n\tServer access error (PKIX path building failed)\n"
    assert _cause(output) == "Server access error (PKIX path building failed)"
