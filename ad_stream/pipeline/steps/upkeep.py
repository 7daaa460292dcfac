"""Once an hour of telemetry the history is put together; a catch-up writes few files and needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.pipeline.steps import history, incidents
from ad_stream.pipeline.steps.history import MARGIN
from ad_stream.scoring.depth import Depth, hour_of

if TYPE_CHECKING:
    from ad_stream.pipeline.batch_state import Batch


def maintain(batch: Batch) -> None:
    """Put together the hours that are finished, drop and thin those out of reach."""
    state, tally, depth = batch.state, batch.tally, Depth.of(batch.state.scorer)
    hour = hour_of(tally.last)
    if state.thinned_to is None:  # what the run before has left to do lies within these hours
        state.thinned_to = depth.whole_from(tally.first) - 2 * MARGIN
    if state.maintained is not None and hour > state.maintained:
        state.thinned_to = history.tidy(batch.tables, tally.last, depth, thin_from=state.thinned_to)
        incidents.tidy(batch)
    state.maintained = hour
