"""Makes the fixtures of this folder: tables and a checkpoint as a released version of ad_stream writes them.

    git worktree add /tmp/then 0827a0b; cd /tmp/then
    python -m ad_stream.jars delta; PYTHONPATH=. python HERE/make.py HERE/fixtures/0.1.0

Run once per version, by that version's code and never by later code; so it uses what every version has: the command
line and the simulator. Two table sets come of it, each a .tar.gz with the input files, the tables and the checkpoint:

    stopped   the query ended between two batches, with open windows in its state
    killed    the query was killed between its appends to `history` and to `detections`, so its batch must be repeated

Both hold rows in `quarantine`, `series_config` and `deliveries`; `stopped` has two revisions of a backfill, too.
Places are written as @ROOT@, so that a test can unpack them anywhere (`tests.upgrade.unpacked`).
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import yaml

ROOT = "@ROOT@"
START = datetime(2026, 11, 1, 22, 30, tzinfo=timezone.utc)
DEVICES, MINUTES, MINUTES_PER_FILE, SEED = 4, 120, 30, 11
KILLED_AT = {"table": "detections", "moment": "before", "batch": 2, "plain": False, "mark": ""}


def settings(folder: Path) -> dict[str, object]:
    """What both runs are configured by; every section but the source keeps to the defaults where it can."""
    return {
        "source": {"kind": "files", "path": f"{folder}/in/*.jsonl", "files_per_trigger": 1},
        "telemetry": {"event_time": "time"},
        "detection": {"detector": "spectral_residual", "sensitivity": 90},
        "tables": {"path": f"{folder}/tables"},
        "push": [{"kind": "webhook", "url": "http://127.0.0.1:9/", "name": "nobody"}],
        "checkpoint": f"{folder}/checkpoint",
        "trigger": "available_now",
    }


def make(folder: Path, *, killed: bool) -> None:
    """Messages, all files but the last of them read by a run, a backfill."""
    from ad_stream.series.table import append

    from ad_stream.simulate import simulate

    simulate(folder / "in", devices=DEVICES, start=START, minutes=MINUTES, minutes_per_file=MINUTES_PER_FILE, seed=SEED)
    later = folder / "later"
    later.mkdir()
    for path in sorted((folder / "in").glob("*.jsonl"))[-1:]:  # the last half hour and the heartbeat that closes all
        path.rename(later / path.name)
    (folder / "tables").mkdir()
    append(folder / "tables", {"device": "device-0001", "sensitivity": 60}, now=START)
    config = folder / "run.yaml"
    config.write_text(yaml.safe_dump(settings(folder)))
    environ = {**os.environ, "AD_STREAM_MASTER": "local[2]"}
    if killed:
        kill = json.dumps(KILLED_AT | {"mark": str(folder / "mark")})
        command = [sys.executable, "tests/faults/driver.py", str(config), kill]
        assert subprocess.run(command, env=environ, start_new_session=True).returncode == -9
        return
    cli = [sys.executable, "-c", "from ad_stream.cli import main; main()"]
    # Without the heartbeat the run ends with open windows, which is what is wanted.
    subprocess.run([*cli, "run", "--config", str(config)], env=environ, check=True)
    day = ["--from", "2026-11-01T22:30Z", "--to", "2026-11-02T00:30Z"]
    other = ["--set", "detection.sensitivity=40"]
    subprocess.run([*cli, "backfill", "--config", str(config), *day, *other], env=environ, check=True)
    subprocess.run([*cli, "backfill", "--config", str(config), *day], env=environ, check=True)


def pack(folder: Path, target: Path) -> None:
    """The folder as a .tar.gz; its own name in text becomes @ROOT@, checksums of the file system are left out."""
    with tarfile.open(target, "w:gz") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".crc"):
            content = path.read_bytes()
            if b"\x00" not in content and not path.name.endswith(".parquet"):
                content = content.replace(str(folder).encode(), ROOT.encode())
            entry = tarfile.TarInfo(str(path.relative_to(folder)))
            entry.size, entry.mtime = len(content), int(path.stat().st_mtime)
            archive.addfile(entry, io.BytesIO(content))


def main(target: Path) -> None:
    """Both fixtures into the folder `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ("stopped", "killed"):
        with tempfile.TemporaryDirectory(prefix="ad_stream_") as place:
            make(Path(place), killed=name == "killed")
            pack(Path(place), target / f"{name}.tar.gz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
