"""Two versions of a model beside each other: settings, figures, series that only one of them knows, numbers that moved."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.errors import InputError
from ad_stream.models.diff import diff
from ad_stream.models.learning import learn_bucket
from tests.support.written import write
from tests.unit.models.test_profiles import WEEK, wild

LAST = datetime(2026, 11, 1, tzinfo=timezone.utc)


def stored(tables: Path, version: int, devices: list[str], values: np.ndarray, **parameters: object) -> None:
    """A version whose devices lie in a bucket each."""
    rows = []
    for device, row in zip(devices, values, strict=True):
        learned = learn_bucket(device[-1], [(device, "t")], np.zeros(WEEK, dtype=np.int64), np.arange(WEEK), row)
        more = {"name": "profile", "version": version, "first": LAST - timedelta(days=7), "last": LAST}
        rows += [one | more | {"parameters": json.dumps(parameters)} for one in learned]
    write(tables, "models", rows)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    values = wild(1, 3)
    stored(folder, 1, ["pump-0", "pump-1"], values[:2], days=7)
    values[1] = wild(2, 1)
    stored(folder, 2, ["pump-0", "pump-1", "pump-2"], values, days=14)
    return folder


def test_what_differs_is_told_and_what_does_not_is_not(tables: Path) -> None:
    found = diff(tables, "profile", 1, 2)
    assert found.parameters == {"days": (7, 14)} and found.states == ("candidate", "candidate")
    assert (found.gained, found.lost, found.common, found.changed) == (["pump-2 t"], [], 2, 1)
    assert found.figures["series"] == found.figures["learned"] == (2, 3) and "too_short" not in found.figures
    back = diff(tables, "profile", 2, 1)
    assert (back.gained, back.lost, back.figures["learned"]) == ([], ["pump-2 t"], (3, 2))
    same = diff(tables, "profile", 2, 2)
    assert (same.parameters, same.figures, same.changed, same.common) == ({}, {}, 0, 3)


def test_a_version_that_is_not_there_or_not_whole_is_refused_by_name(tables: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no model 'profile@9' in .*models list"):
        diff(tables, "profile", 1, 9)
    write(
        tmp_path, "models", [{"name": "profile", "version": 3, "blob": b"other", "sha256": "0" * 64, "state": "live"}]
    )
    with pytest.raises(InputError, match="profile@3"):
        diff(tmp_path, "profile", 3, 3)


def test_joint_versions_are_compared_by_their_devices(tmp_path: Path) -> None:
    row = {"name": "joint", "first": LAST, "last": LAST, "state": "live", "blob": b"x"}
    old = [row | {"version": 1, "device_id": f"pump-{one}", "sha256": str(one)} for one in range(3)]
    new = [row | {"version": 2, "device_id": f"pump-{one}", "sha256": "1" if one == 1 else "9"} for one in (1, 2, 3)]
    write(tmp_path, "models", [*old, *new])
    found = diff(tmp_path, "joint", 1, 2)
    assert (found.gained, found.lost, found.common, found.changed) == (["pump-3"], ["pump-0"], 2, 1)


def test_the_command_prints_it(tables: Path, tmp_path: Path) -> None:
    run = {"source": {"kind": "files", "path": "in"}, "tables": {"path": str(tables)}, "checkpoint": "c"}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(run))
    answer = CliRunner().invoke(app, ["models", "diff", "1", "2", "--config", str(tmp_path / "run.yaml")])
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.splitlines()[0] == "profile@1 -> profile@2" and "  days: 7 -> 14" in answer.stdout
    assert "  gained: 1 (pump-2 t)" in answer.stdout and "in both: 2, 1 of them with other numbers" in answer.stdout
