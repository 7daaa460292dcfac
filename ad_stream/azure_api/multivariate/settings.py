"""What the multivariate part of a server may read and how much it takes on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MIB, GIB = 2**20, 2**30
MOST_VARIABLES = 301
MOST_TRAINED, MOST_JUDGED, MOST_LAST = 1_000_000, 20_000, 2_880
"""Timestamps of a training stretch, of a detection, and of a request for the last rows; all by the contract."""


@dataclass(frozen=True, kw_only=True)
class MultivariateSettings:
    """Where models live, what may be read, and the bounds of it.

    state            folder of models, results and uploaded files; one server at a time
    data_root        folder whose files may be sources, None: none
    hosts            `host`, `host:port` or `*.domain` from which sources may be fetched; none by default
    processes        that train and judge at once, > 0
    process_bytes    memory of each (on Linux), > 0; training takes about 250 bytes a row and variable
    process_seconds  that a job may take, fetching its source included, > 0; then it is ended and its job failed
    source_bytes     of one source as it lies, > 0
    file_bytes       of one file of an archive, unpacked, > 0
    unpacked_bytes   of all files of an archive, > 0
    uploads_bytes    of all uploaded files together, > 0
    models           kept at once, > 0; running: of them in training or waiting for it, > 0
    waiting          detections that run or wait, > 0
    results          kept at once, > 0; the oldest go first
    keep_days        of results and uploaded files, > 0
    last_bytes       body of a request for the last rows, > 0
    answer_bytes     of a detection's rows, > 0; one with more has failed
    """

    state: Path
    data_root: Path | None = None
    hosts: tuple[str, ...] = ()
    processes: int = 2
    process_bytes: int = 4 * GIB
    process_seconds: float = 1800.0
    source_bytes: int = 2 * GIB
    file_bytes: int = 256 * MIB
    unpacked_bytes: int = 4 * GIB
    uploads_bytes: int = 8 * GIB
    models: int = 1000
    running: int = 20
    waiting: int = 60
    results: int = 1000
    keep_days: float = 7.0
    last_bytes: int = 48 * MIB
    answer_bytes: int = 64 * MIB

    def plain(self) -> dict[str, Any]:
        """As JSON for a worker."""
        root = None if self.data_root is None else str(self.data_root)
        return asdict(self) | {"state": str(self.state), "data_root": root, "hosts": list(self.hosts)}

    @classmethod
    def from_plain(cls, fields: dict[str, Any]) -> MultivariateSettings:
        """What `plain` wrote."""
        root = None if fields["data_root"] is None else Path(fields["data_root"])
        return cls(
            **fields | {"state": Path(fields["state"]), "data_root": root, "hosts": tuple(fields["hosts"])},
        )
