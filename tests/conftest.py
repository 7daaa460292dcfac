"""What a run leaves out is said at its end, with the command that runs it."""

from __future__ import annotations

from collections import Counter

import pytest

COMMANDS = {
    "acceptance": "make acceptance, needs the data at $AD_STREAM_SHARED, else ../shared",
    "soak": "make soak, many minutes",
    "browser": "python -m pytest -m browser, needs a browser",
    "broker": "the second half of make test, starts a broker",
    "spark": "the second half of make test, needs Java",
}
left_out: Counter[str] = Counter()


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        left_out.update([next((name for name in COMMANDS if name in marks), "")])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, command in COMMANDS.items():
        if left_out[name]:
            terminalreporter.write_line(f"not run here: {left_out[name]} {name} tests ({command})")
