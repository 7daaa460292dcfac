"""Jars and packages are taken only as the files whose SHA-256 stands in the repository."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from ad_stream.errors import SetupError
from ad_stream.runtime import checksums, spark_versions
from ad_stream.runtime.jars import cache_folder, jars

ROOT = Path(__file__).resolve().parents[3]
LOCKED = sorted((ROOT / "requirements" / "locked").glob("*.txt"))


def write(folder: Path, content: bytes, name: str = "a-1.0.jar") -> None:
    (folder / name).write_bytes(content)


def test_the_recorded_file_is_taken_and_another_of_its_name_is_not(tmp_path: Path) -> None:
    known = {"a-1.0.jar": hashlib.sha256(b"good").hexdigest()}
    write(tmp_path, b"good")
    checksums.verify(tmp_path, known)
    write(tmp_path, b"evil")
    with pytest.raises(SetupError, match=r"^a-1.0.jar is not the recorded file: its SHA-256 is [0-9a-f]{64}, not "):
        checksums.verify(tmp_path, known)


def test_a_jar_that_nobody_recorded_is_not_taken(tmp_path: Path) -> None:
    write(tmp_path, b"x", "log4j-core-2.0.jar")
    with pytest.raises(
        SetupError, match="^log4j-core-2.0.jar is not among the jars whose SHA-256 ad_stream has recorded"
    ):
        checksums.verify(tmp_path)


def test_a_replaced_jar_is_not_published_and_the_next_way_is_tried(tmp_path: Path) -> None:
    good = hashlib.sha256(b"good").hexdigest()
    content = iter([b"evil", b"good"])

    def resolve(coordinates: str, folder: Path) -> None:
        write(folder, next(content))

    def get(attempts: int) -> list[Path]:
        return jars(
            "delta", environ={"AD_STREAM_CACHE": str(tmp_path)}, resolvers=[resolve] * attempts, sleep=lambda _: None,
            verify=lambda folder: checksums.verify(folder, {"a-1.0.jar": good}),
        )  # fmt: skip

    assert [path.read_bytes() for path in get(2)] == [b"good"]


def test_every_jar_of_both_lines_is_recorded_in_its_version() -> None:
    for line in spark_versions.SPARK_VERSIONS:
        for coordinates in line.jars.values():
            for one in coordinates.split(","):
                _, name, version = one.split(":")
                assert re.fullmatch("[0-9a-f]{64}", checksums.recorded()[f"{name}-{version}.jar"])


def test_the_jars_in_the_cache_are_the_recorded_ones() -> None:
    folders = [folder for folder in (cache_folder() / "jars").glob("*-*") if folder.is_dir()]
    if not folders:
        pytest.skip("the cache of jars is empty: make jars")
    for folder in folders:
        if re.fullmatch(r"(delta|kafka|event_hubs|connect|kafka_broker)-[0-9a-f]{12}", folder.name):
            checksums.verify(folder)


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.stem)
def test_every_package_is_pinned_with_its_hashes(path: Path) -> None:
    requirements = path.read_text().replace("\\\n", " ").splitlines()
    assert requirements
    for one in requirements:
        assert re.match(r"[\w.\[\],-]+==[\w.]+( ;[^#]+)?( +--hash=sha256:[0-9a-f]{64})+$", one), one


def test_the_locked_versions_are_those_of_the_constraints() -> None:
    def pins(path: Path) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name, version in re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", path.read_text(), re.M):
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), set()).add(version)
        return found

    constraints = pins(ROOT / "requirements" / "constraints.txt")
    for path in LOCKED:
        if path.stem != "spark4":
            for name, versions in pins(path).items():
                assert versions <= constraints.get(name, versions), f"{path.name}: {name} {versions}"
