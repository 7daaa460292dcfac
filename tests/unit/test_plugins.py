"""Sources, detectors and push targets of other distributions, installed for real into a folder of the path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ad_stream import detectors
from ad_stream.config import parse
from ad_stream.databricks import portable
from ad_stream.errors import AdStreamError, ConfigError, SetupError
from ad_stream.model import Windows
from ad_stream.push import registry as targets
from ad_stream.sources import registry as sources
from tests.support.distribution import DETECTOR, SOURCE, TARGET, install

ALL = {
    "ad_stream.sources": {"acme_lines": "acme_lines:KIND"},
    "ad_stream.detectors": {"acme_above": "acme_above:Above"},
    "ad_stream.targets": {"acme_shelf": "acme_shelf:Shelf"},
}
MODULES = {"acme_lines": SOURCE, "acme_above": DETECTOR, "acme_shelf": TARGET}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages on the path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    for module in MODULES:
        monkeypatch.delitem(sys.modules, module, raising=False)
    return folder


@pytest.fixture
def acme(site: Path) -> Path:
    install(site, "acme-telemetry", "1.2", modules=MODULES, points=ALL)
    return site


def content(**source: Any) -> dict[str, Any]:
    return {"source": source, "tables": {"path": "out"}}


def test_a_source_kind_of_another_distribution_is_configured_as_ours_are(acme: Path) -> None:
    config = parse(content(kind="acme_lines", folder="in"))
    assert (config.source.kind, config.source.start) == ("acme_lines", "earliest")
    assert config.model_dump(mode="json")["source"] == {"kind": "acme_lines", "start": "earliest", "folder": "in"}
    assert type(sources.reader_of(config.source)).__name__ == "LinesReader"
    with pytest.raises(ConfigError, match=r"unknown setting 'source.foldr': did you mean 'folder'\?"):
        parse(content(kind="acme_lines", folder="in", foldr="x"))
    with pytest.raises(ConfigError, match=r"'source.kind' is 'acme_line': did you mean 'acme_lines'\?"):
        parse(content(kind="acme_line", folder="in"))
    with pytest.raises(ConfigError, match=r"'source.folder' is 'in', a place of this machine"):
        portable.check(parse({**content(kind="acme_lines", folder="in"), "tables": {"catalog": "c", "schema": "s"},
                              "checkpoint": "/Volumes/c/s/v"}))  # fmt: skip


def test_a_detector_of_another_distribution_judges_as_ours_do(acme: Path) -> None:
    assert detectors.names()[0] == "default" and detectors.names()[-1] == "acme_above"
    made = detectors.by_name("acme_above", most=50.0)
    values = np.tile(np.arange(30.0), (2, 1))
    values[1, -1] = 51.0
    assert made.detect_last(Windows(values)).is_anomaly.tolist() == [False, True]
    with pytest.raises(ConfigError, match=r"the detector acme_above has no option 'mst', did you mean 'most'\?"):
        detectors.by_name("acme_above", mst=1)


def test_a_push_target_of_another_distribution_takes_its_options(acme: Path) -> None:
    (made,) = targets.targets_of([("acme_shelf", {"label": "y"})])
    assert (made.name, made.label) == ("acme_shelf", "y")  # type: ignore[attr-defined]
    with pytest.raises(
        ConfigError, match=r"unknown option 'labl' of the push target 'acme_shelf': did you mean 'label'\?"
    ):
        targets.by_kind("acme_shelf", labl="y")
    with pytest.raises(ConfigError, match=r"unknown push kind 'acme_shel': did you mean 'acme_shelf'\?"):
        targets.by_kind("acme_shel")


@pytest.mark.parametrize(
    ("group", "name", "use"),
    [
        ("ad_stream.sources", "kafka", lambda: parse(content(kind="kafka", topic="t", bootstrap_servers="h:1"))),
        ("ad_stream.detectors", "drift", lambda: detectors.by_name("drift")),
        ("ad_stream.targets", "webhook", lambda: targets.by_kind("webhook", url="https://x")),
    ],
)
def test_a_name_of_ours_that_somebody_claims_is_an_error_that_names_both(
    site: Path, group: str, name: str, use: Any
) -> None:
    install(site, "acme-clash", "0.3", modules={}, points={group: {name: "acme_clash:X"}})
    with pytest.raises(ConfigError) as raised:
        use()
    assert (
        f"{name!r} is claimed by ad_stream itself and by acme-clash 0.3 (acme_clash:X): uninstall all but one"
        in str(raised.value)
    )
    assert parse(content(kind="files", path="in")).source.kind == "files"


def test_a_name_that_two_distributions_claim_is_an_error_that_names_both(acme: Path) -> None:
    install(acme, "other", "7", modules={}, points={"ad_stream.detectors": {"acme_above": "other:X"}})
    with pytest.raises(ConfigError, match=r"claimed by .*acme-telemetry 1.2 \(acme_above:Above\)") as raised:
        detectors.by_name("acme_above")
    assert "other 7 (other:X)" in str(raised.value)


BROKEN = {
    "ad_stream.sources": {"bad": "acme_broken:KIND"},
    "ad_stream.detectors": {"bad": "acme_broken:WindowDetector"},
    "ad_stream.targets": {"bad": "acme_broken:Target"},
}
USES = [
    lambda: parse(content(kind="bad")),
    lambda: detectors.by_name("bad"),
    lambda: targets.by_kind("bad"),
]


@pytest.mark.parametrize("use", USES, ids=list(BROKEN))
@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "import no_such_library",
            r"cannot be loaded \(ModuleNotFoundError: No module named 'no_such_library'\): mend or uninstall",
        ),
        ("raise ZeroDivisionError('one\\ntwo')", r"cannot be loaded \(ZeroDivisionError: one\): mend or uninstall it"),
        ("x = (", r"cannot be loaded \(SyntaxError: "),
        ("", r"cannot be loaded \(AttributeError: "),
        ("KIND = WindowDetector = Target = 5", r"is not an? .*: mend acme_broken:"),
    ],
)
def test_a_broken_plugin_is_a_sentence_with_its_distribution_and_costs_nothing_else(
    site: Path, monkeypatch: pytest.MonkeyPatch, use: Any, text: str, cause: str
) -> None:
    monkeypatch.delitem(sys.modules, "acme_broken", raising=False)
    install(site, "acme-broken", "0.1", modules={"acme_broken": text}, points=BROKEN)
    assert parse(content(kind="files", path="in")).source.kind == "files"
    assert detectors.by_name("default").name == "default"
    assert targets.by_kind("webhook", url="https://x").name == "webhook"
    assert "bad" in detectors.names() and "acme_broken" not in sys.modules
    with pytest.raises(SetupError, match=cause) as raised:
        use()
    assert "'bad' of acme-broken 0.1 " in str(raised.value) and "\n" not in str(raised.value)


def test_a_reader_that_cannot_be_imported_is_named_with_its_kind(site: Path) -> None:
    text = SOURCE.replace("acme_lines:LinesReader", "acme_elsewhere:LinesReader")
    install(
        site,
        "acme-telemetry",
        "1.2",
        modules={"acme_lines": text},
        points={"ad_stream.sources": ALL["ad_stream.sources"]},
    )
    settings = parse(content(kind="acme_lines", folder="in")).source
    with pytest.raises(
        AdStreamError,
        match=r"the reader of source.kind 'acme_lines' cannot be loaded \(No module named 'acme_elsewhere'",
    ):
        sources.reader_of(settings)


@pytest.mark.slow
def test_the_command_line_takes_a_plugin_that_is_installed_where_it_runs(acme: Path, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("source: {kind: acme_lines, folder: in}\ntables: {path: out}\n")
    code = "from ad_stream import config; print(config.load('run.yaml').source)"
    own = {"PYTHONPATH": f"{acme}:{Path(__file__).resolve().parents[2]}", "PATH": ""}
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=own, timeout=120
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "kind='acme_lines' start='earliest' folder='in'"), (
        ended.stderr
    )
