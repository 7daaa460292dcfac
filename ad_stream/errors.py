"""Every error that ad_stream raises on purpose.

    AdStreamError                  catch this one to catch all
    ├── ConfigError                a setting is wrong: key, value and the way out (exit code 2)
    ├── InputError                 a file, frame or table that was handed in cannot be used (exit code 2)
    ├── SetupError                 something the machine lacks: Java, a jar, a package (exit code 2)
    ├── WorkspaceError             a Databricks workspace refused what was asked of it (exit code 2)
    ├── OwnedError                 another running query owns the tables (exit code 2)
    └── RunError                   the run started and then failed (exit code 1)

Messages are one sentence: what, which value, and the way out. They never hold a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches


class AdStreamError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class ConfigError(AdStreamError):
    """A setting is wrong."""

    exit_code = 2


class InputError(AdStreamError):
    """What was handed in cannot be used."""

    exit_code = 2


class SetupError(AdStreamError):
    """The machine lacks something that the run needs."""

    exit_code = 2


class WorkspaceError(AdStreamError):
    """A Databricks workspace refused what was asked of it."""

    exit_code = 2


class OwnedError(AdStreamError):
    """Another running query owns the tables."""

    exit_code = 2


class RunError(AdStreamError):
    """The run started and then failed."""


def did_you_mean(word: str, choices: Sequence[str]) -> str:
    """The end of a sentence about a word that is not known: the near one, else all there are."""
    close = get_close_matches(word, choices, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from: {', '.join(choices)}"
