"""A month of minutes asked for on demand: `GET /detect` with S-H-ESD and its picture, from a real server.

    python -m benchmarks.on_demand [REPEATS]        default 5

The source is a Parquet file (`table_files`); the server's one worker reads, judges and draws. The first question to a server finds a
worker that has imported nothing yet. CPU seconds are those of the worker.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import requests
import yaml

from ad_stream.azure_api.admission import Keys, Limits
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.server import create_app
from tests.support.children import children_of

MINUTES = 43_200
ASKED = {"source": "plant", "device": "pump", "from": "2026-11-01", "to": "2026-12-01", "detector": "s_h_esd"}
QUESTIONS = {
    "PNG": {"format": "png"},
    "PNG, stretches of two weeks": {"format": "png", "longterm": "true"},
    "JSON with the picture in it": {"plot": "true"},
}


def month(folder: Path) -> str:
    """The configuration of a server over a daily wave with noise and a few events."""
    draw = np.random.default_rng(1)
    value = 20 + 5 * np.sin(np.arange(MINUTES) * 2 * np.pi / 1440) + draw.normal(size=MINUTES)
    value[draw.choice(MINUTES, 40, replace=False)] += 15
    times = pd.date_range("2026-11-01", periods=MINUTES, freq="min", tz="UTC")
    pd.DataFrame({"time": times, "device": "pump", "value": value}).to_parquet(folder / "plant.parquet")
    sources = {"plant": {"kind": "table_files", "path": str(folder / "plant.parquet")}}
    config = {"source": {"kind": "files", "path": "in"}, "tables": {"path": "tables"}, "sources": sources}
    (folder / "run.yaml").write_text(yaml.safe_dump(config))
    return str(folder / "run.yaml")


def cpu_of_children() -> float:
    """User and system seconds of the processes below this one."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in children_of(os.getpid())]
    return sum(int(one[11]) + int(one[12]) for one in fields) / 100


def asked(address: str, more: dict[str, str]) -> tuple[float, float]:
    """(wall, CPU) seconds of one question."""
    began, cpu = time.perf_counter(), cpu_of_children()
    answer = requests.get(f"{address}/detect", params={**ASKED, **more}, timeout=120)
    answer.raise_for_status()
    return time.perf_counter() - began, cpu_of_children() - cpu


def main(repeats: int) -> None:
    with tempfile.TemporaryDirectory(prefix="ad-stream-bench-") as folder:
        config = month(Path(folder))
        with listening(create_app(keys=Keys(), limits=Limits(workers=1), config=config)) as address:
            wall, cpu = asked(address, QUESTIONS["PNG"])
            print(f"first question to a server: {wall:.2f} s, {cpu:.2f} CPU s")
            for name, more in QUESTIONS.items():
                runs = [asked(address, more) for _ in range(repeats)]
                wall, cpu = (median(column) for column in zip(*runs, strict=True))
                print(f"{name}: {wall:.2f} s, {cpu:.2f} CPU s (medians of {repeats})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
