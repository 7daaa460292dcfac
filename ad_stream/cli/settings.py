"""Which configuration and which tables a command works with, and whether it can write where it is told to."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ad_stream.config.overrides import overrides
from ad_stream.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ad_stream import config as settings
    from ad_stream.config import Detection
    from ad_stream.grid import Grid

TABLES = ".ad_stream/tables"
"""Where a run with conf/local.yaml writes, and where commands look that are told nothing."""


def one_of(file: str | None, config: str | None) -> str | None:
    """The YAML file, given alone or behind --config; ConfigError where both name one, and not the same."""
    if file is not None and config is not None and file != config:
        raise ConfigError(f"{file!r} and --config {config!r} both name the configuration: give one of them")
    return file if config is None else config


def needed(file: str | None, config: str | None, command: str) -> str:
    """As `one_of`, where the command cannot do without."""
    found = one_of(file, config)
    if found is None:
        raise ConfigError(f"no configuration is named: write ad-stream {command} conf/local.yaml")
    return found


def grid_of(every: str) -> Grid:
    """The windows that --every asks for; InputError where no run takes their length."""
    from ad_stream.durations import parse_duration
    from ad_stream.grid import Grid

    try:
        return Grid.of(parse_duration(every))
    except ValueError as error:
        raise InputError(f"--every {every!r}: {error}") from None


def tables_of(config: str | None, tables: str | Path | None) -> str:
    """The folder or address of the tables: as named, else the run's own, else TABLES."""
    if tables is not None and config is not None:
        raise ConfigError("--config and --tables both say where the tables are: give one of them")
    if config is None:
        return str(tables or TABLES)
    from ad_stream import config as settings

    found = settings.load(config).tables
    if found.path is None:
        raise ConfigError(
            f"{config!r} keeps its tables in the catalog {found.catalog}.{found.schema_}, which only Databricks can open: "
            "give their storage address, --tables abfss://…"
        )
    return found.path


def place_of(config: str | None, tables: Path | None) -> settings.Config:
    """The run's configuration, without one the usual settings; `tables` in place of its own."""
    from ad_stream import config as settings

    if config is None:
        return settings.usual(str(tables or TABLES))
    loaded = settings.load(config)
    return loaded if tables is None else loaded.model_copy(update={"tables": settings.Tables(path=str(tables))})


def detection_of(config: str | None, pairs: Sequence[str], base: Detection | None = None) -> Detection:
    """The section `detection`: of the file, else `base`, else as shipped; pairs: `sensitivity=90`, with or without its section."""
    from ad_stream import config as settings

    if base is None:
        base = settings.parse_detection({}) if config is None else settings.load(config).detection
    return settings.parse_detection(
        {**base.model_dump(), **overrides([one.removeprefix("detection.") for one in pairs])}
    )


def writable(option: str, path: Path | None) -> None:
    """InputError, before any work, where no file can be written at this path; its folder is made."""
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"{option} {str(path)!r} is a folder: name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{option} {str(path)!r} cannot be written ({error.strerror}): name another place") from None
