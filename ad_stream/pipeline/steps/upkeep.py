"""Once an hour of telemetry the history is put together; a catch-up writes few files and needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.pipeline.steps import history, incidents

if TYPE_CHECKING:
    from ad_stream.pipeline.batch_state import Batch


def maintain(batch: Batch) -> None:
    """Put together the hours that are finished, drop those out of reach."""
    hour = batch.tally.last.replace(minute=0, second=0)
    if batch.state.maintained is not None and hour > batch.state.maintained:
        history.tidy(batch.tables, batch.tally.last, batch.state.scorer.reach * batch.config.minutes.every)
        incidents.tidy(batch)
    batch.state.maintained = hour
