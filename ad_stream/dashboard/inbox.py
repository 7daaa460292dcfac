"""The incidents that people are asked about, as `ad-stream ask` draws them: worked out beside the answers, one draw at a time."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ad_stream.dashboard.formatting import stamp
from ad_stream.dashboard.incident_list import incident_row
from ad_stream.errors import InputError
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.names import local_folder

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.dashboard.watcher import Watch
    from ad_stream.whatif.ask import LabelQuestion

SPAN = timedelta(days=28)
"""As the command looks back, so that answers count for the proposals that it prints."""
FRESH = timedelta(minutes=15)
"""A draw folds the verdicts of the worst series again, so it is kept for so long."""
log = logging.getLogger(__name__)


class Inbox:
    """base: the run's configuration, whose rules the fold follows."""

    def __init__(self, watch: Watch, base: Config) -> None:
        self._watch, self._base = watch, base
        self._lock = threading.Lock()
        self._drawing = False
        self._drawn: datetime | None = None
        self._error: str | None = None
        self._questions: list[LabelQuestion] = []

    def questions(self) -> dict[str, Any]:
        """-> rows: incidents without a label, each with why it is asked about; drawing: whether a new draw is under way."""
        with self._lock:
            if not self._drawing and (self._drawn is None or self._watch.now() - self._drawn > FRESH):
                self._drawing = True
                threading.Thread(target=self._draw, name="dashboard-inbox", daemon=True).start()
            told = {"drawing": self._drawing, "drawn": stamp(self._drawn), "error": self._error}
            return told | {"rows": self._rows()}

    def _rows(self) -> list[dict[str, Any]]:
        with self._watch.lock:
            held, labels = self._watch.incidents, self._watch.feedback.labels
            places = [(one, held.find(one.incident_id)) for one in self._questions if one.incident_id not in labels]
            return [
                incident_row(held, place, labels) | {"asked": one.asked, "weight": one.weight, "question": one.why}
                for one, place in places
                if place is not None
            ]

    def _draw(self) -> None:
        error, found = None, []
        try:
            found = self._asked()
        except InputError as refused:
            error = str(refused)
        except Exception as failed:  # the page says so, and the next draw tries again
            log.debug("the inbox could not be filled", exc_info=True)
            error = f"The questions could not be drawn ({type(failed).__name__})."
        with self._lock:
            self._questions, self._error, self._drawing, self._drawn = found, error, False, self._watch.now()

    def _asked(self) -> list[LabelQuestion]:
        from ad_stream.whatif.ask import ask

        with self._watch.lock:
            end = self._watch.grid.start(self._watch.fleet.newest + 1)
        folder = local_folder(self._base.tables, DETECTIONS.name, "run ad-stream ask beside a copy of the tables")
        return ask(folder, self._base, start=end - SPAN, end=end)
