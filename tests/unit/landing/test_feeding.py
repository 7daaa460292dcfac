"""What a run does for its named source while it lasts: lands it, waits for one that is away, ends with one that refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Response

from ad_stream.config import Config, parse
from ad_stream.errors import ConfigError, InputError
from ad_stream.pipeline.operation.feeding import feeding
from tests.support.waiting import wait_for

CSV = "device,time,value\np,2026-01-01T00:00:00Z,1.5\n"


def config(folder: Path, plant: dict[str, Any], trigger: Any = 1) -> Config:
    source = {"kind": "landing", "from": "plant", "path": str(folder / "landing"), "every": 0.05, "start": "2026-01-01"}
    tables = {"path": str(folder / "tables")}
    return parse(
        {
            "sources": {"plant": plant},
            "source": {**source, "longest": "3650 days"},
            "tables": tables,
            "trigger": trigger,
        }
    )


def files(folder: Path) -> list[Path]:
    return list((folder / "landing").glob("rows-*"))


def test_beside_a_running_query_the_source_is_landed_until_the_run_ends(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    plant = {"kind": "table_files", "path": str(tmp_path / "*.csv")}
    with feeding(config(tmp_path, plant), lambda _: None, lambda: False) as ended:
        wait_for("nothing is landed", lambda: bool(files(tmp_path)))
        assert not ended()
    assert len(files(tmp_path)) == 1


def test_a_source_that_can_never_be_read_ends_the_run_with_its_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    plant = {"kind": "table_files", "path": str(tmp_path / "*.csv")}
    with (
        pytest.raises(InputError, match=r"sources.plant.path '.*' fits no file"),
        feeding(config(tmp_path, plant), lambda _: None, lambda: False) as ended,
    ):
        (tmp_path / "a.csv").unlink()
        wait_for("the run goes on", ended)


def test_a_source_that_is_away_is_asked_again(tmp_path: Path, httpserver: HTTPServer) -> None:
    away = [False]
    httpserver.expect_request(re.compile("/.*")).respond_with_handler(
        lambda _: _answer(503 if away[0] else 200, '[{"timestamp": "2026-01-01T00:00:00Z", "t": 1.5}]')
    )
    told: list[str] = []
    plant = {"kind": "rest", "url": httpserver.url_for("/"), "devices": ["a"], "timeout": 0.1, "settle": 0}
    settings = config(tmp_path, plant)
    recent = settings.source.model_copy(update={"start": "latest"})
    with feeding(settings.model_copy(update={"source": recent}), told.append, lambda: False) as ended:
        away[0] = True
        wait_for("nothing is told", lambda: any("does not answer as it should (status 503)" in line for line in told))
        away[0] = False
        assert not ended() and requests.get(httpserver.url_for("/"), timeout=5).status_code == 200


def _answer(status: int, body: str) -> Response:
    return Response(body, status=status)


def test_a_run_that_ends_with_its_input_lands_all_there_is_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    plant = {"kind": "table_files", "path": str(tmp_path / "*.csv")}
    with feeding(config(tmp_path, plant, "available_now"), lambda _: None, lambda: False):
        assert len(files(tmp_path)) == 1


def test_a_source_that_nobody_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"source.from names 'plants', which is no member of sources: did you mean 'plant'"
    ):
        parse({
            "sources": {"plant": {"kind": "table_files", "path": "x"}}, "tables": {"path": "t"},
            "source": {"kind": "landing", "from": "plants", "path": "l"},
        })  # fmt: skip
