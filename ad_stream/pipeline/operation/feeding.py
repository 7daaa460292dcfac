"""While a run lasts, its named source is landed: before the query for one that ends with its input, else beside it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ad_stream.landing.folder import LandingFolder
from ad_stream.landing.lander import Lander
from ad_stream.readers.contract import SourceAwayError
from ad_stream.readers.registry import reader_of
from ad_stream.secrets import first_line
from ad_stream.sources.landing.settings import LandingSource
from ad_stream.times import now as system_clock

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.landing.lander import Look
    from ad_stream.pipeline.operation.telling import Tell

log = logging.getLogger(__name__)
END_WITHIN = 5.0
"""Seconds that a look under way is waited for; what it has not renamed by then never was."""


@contextmanager
def feeding(config: Config, tell: Tell, asked: Callable[[], bool]) -> Iterator[Callable[[], bool]]:
    """-> whether the run is to stop: asked to, or because its source can never be read; then the error comes at the end.

    A source that is away for a while is waited for; a run of trigger available_now fails with it.
    """
    source = config.source
    if not isinstance(source, LandingSource):
        yield asked
        return
    reader, folder = reader_of(source.origin, config.sources), LandingFolder(Path(source.path))
    reader.check()
    with folder.owned():
        lander = Lander(reader, folder, start=source.start, longest=source.longest)
        if config.trigger == "available_now":
            _told(lander.catch_up(), source.origin, tell)
            yield asked
            return
        feeder = _Feeder(lander, folder, source, tell)
        feeder.start()
        try:
            yield lambda: asked() or feeder.error is not None
        finally:
            feeder.end()
        if feeder.error is not None:
            raise feeder.error


class _Feeder(threading.Thread):
    """Looks, `every` so often, until it is told to end or the source says that it can never be read."""

    def __init__(self, lander: Lander, folder: LandingFolder, source: LandingSource, tell: Tell) -> None:
        super().__init__(name="landing", daemon=True)
        self.error: Exception | None = None
        self._lander, self._folder, self._source, self._tell = lander, folder, source, tell
        self._ending = threading.Event()

    def run(self) -> None:
        """The thread."""
        wait = 0.0
        while not self._ending.wait(wait):
            wait = self._source.every.total_seconds()
            try:
                look = self._lander.look()
                self._folder.note(None, system_clock())
                _told(look, self._source.origin, self._tell)
                wait = 0.0 if look.more else wait
            except SourceAwayError as error:
                log.warning("%s", error)
                self._folder.note(str(error), system_clock())
                self._tell(f"{error}; asking again in {wait:g} seconds")
            except Exception as error:
                self.error = error
                return

    def end(self) -> None:
        """The look under way is the last one."""
        self._ending.set()
        self.join(END_WITHIN)


def _told(look: Look, name: str, tell: Tell) -> None:
    if look.again:
        tell(f"{first_line(name)}: {look.again:,} readings came after their range had been read, and are landed now")
    if look.unseen:
        tell(
            f"{first_line(name)}: {look.unseen:,} readings came later than settle and recheck wait, and are in no verdict: raise recheck,"
            " and backfill"
        )
