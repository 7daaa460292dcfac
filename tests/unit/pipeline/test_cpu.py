"""CPU seconds of the process tree, where /proc tells them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ad_stream.pipeline.operation.cpu import process_tree_seconds

SPIN = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\nprint('spun', flush=True)\ninput()"
LOOKED_AT = f"""
import subprocess, sys
from ad_stream.pipeline.operation.cpu import process_tree_seconds
print(process_tree_seconds())
with subprocess.Popen([sys.executable, "-c", {SPIN!r}], stdin=-1, stdout=-1, text=True) as child:
    child.stdout.readline()
    print(process_tree_seconds())
    child.communicate("\\n")
print(process_tree_seconds())
"""
"""In a process of its own, as what earlier tests started may end at any moment."""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")
def test_a_child_counts_while_it_runs_and_after_it_ended() -> None:
    told = subprocess.run([sys.executable, "-c", LOOKED_AT], capture_output=True, text=True, check=True).stdout
    before, running, ended = (float(line) for line in told.split())
    assert running - before >= 0.4
    assert ended - running >= -0.05


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")
def test_waiting_costs_next_to_nothing() -> None:
    before = process_tree_seconds()
    time.sleep(0.3)
    after = process_tree_seconds()
    assert before is not None and after is not None and after - before < 0.25
