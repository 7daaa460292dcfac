"""The schedules as they are now: of the configuration's file and of the tasks beside its tables, read again when they change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ad_stream import config as settings
from ad_stream.errors import AdStreamError
from ad_stream.schedules.tasks import TaskJobs
from ad_stream.tables.names import local_folder

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.config.schedules import Schedule

AWAY = "its tables are on Databricks, where 'ad-stream submit --schedules' makes jobs of them"
log = logging.getLogger(__name__)
Sign = tuple[int, int, int] | None


class CurrentSchedules:
    """config: as it was read first; file: where from, as a person names it. A file that is gone, or that `ad-stream validate` would
    refuse, changes nothing and is told once."""

    def __init__(self, config: Config, file: str) -> None:
        self._file, self._sign, self._lock = file, _sign(file), threading.Lock()
        self.config, self.tasks = config, TaskJobs(local_folder(config.tables, "tasks", AWAY))
        self.tasks.changed(config, anew=True)

    @property
    def schedules(self) -> Mapping[str, Schedule]:
        """By the names of the jobs."""
        return {**self.tasks.schedules, **self.config.schedules}

    def changed(self) -> bool:
        """Looks at file and table -> whether there are other schedules, or another version of the configuration, now."""
        with self._lock:  # several pages may ask at once
            other = self._file_changed()
            return self.tasks.changed(self.config, anew=other) or other

    def _file_changed(self) -> bool:
        sign = _sign(self._file)
        if sign is None or sign == self._sign:
            return False
        self._sign = sign
        try:
            found = settings.load(self._file)
        except AdStreamError as error:
            log.warning("the schedules stay as they were: %s", error)
            return False
        if found.tables != self.config.tables:
            log.warning("the schedules stay as they were: %s names other tables, which needs a new start", self._file)
            return False
        was, self.config = self.config, found
        return (was.schedules, was.sources, was.version()) != (found.schedules, found.sources, found.version())


def _sign(file: str) -> Sign:
    """What is another whenever the file is; None while it is not there, as in the middle of some editors' saving."""
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
