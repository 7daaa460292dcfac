"""Tables and checkpoints as earlier versions wrote them (see make.py), unpacked where a test wants them."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from ad_stream.config import Config, load
from tests.upgrade.make import ROOT

FIXTURES = Path(__file__).with_name("fixtures")
VERSIONS = sorted(path.name for path in FIXTURES.iterdir())


def unpacked(version: str, name: str, folder: Path) -> Config:
    """The configuration of the run that wrote the fixture, moved into `folder` with all it wrote."""
    with tarfile.open(FIXTURES / version / f"{name}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    for path in [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".parquet"]:
        content = path.read_bytes()
        if ROOT.encode() in content:
            path.write_bytes(content.replace(ROOT.encode(), str(folder).encode()))
    return load(folder / "run.yaml", {"push": []})


def all_of_it(folder: Path) -> None:
    """The rest of the input, with the heartbeat that closes every window, comes in."""
    for path in sorted((folder / "later").glob("*.jsonl")):
        path.rename(folder / "in" / path.name)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """A version whose tables have to go on."""
    return str(request.param)
