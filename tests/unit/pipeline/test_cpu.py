"""CPU seconds of the process tree, where /proc tells them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ad_stream.pipeline.operation.cpu import process_tree_seconds

SPIN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\nprint('spun', flush=True)\ninput()"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")
def test_a_child_counts_while_it_runs_and_after_it_ended() -> None:
    before = process_tree_seconds()
    command = [sys.executable, "-c", SPIN.format(0.5)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        running = process_tree_seconds()
        child.communicate("\n")
    ended = process_tree_seconds()
    assert before is not None and running is not None and ended is not None
    assert running - before >= 0.4
    assert ended - running >= -0.05


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")
def test_waiting_costs_next_to_nothing() -> None:
    before = process_tree_seconds()
    time.sleep(0.3)
    after = process_tree_seconds()
    assert before is not None and after is not None and after - before < 0.25
