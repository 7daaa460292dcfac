"""What a page may put into a question, as FastAPI takes it from the address."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from ad_stream.dashboard.formatting import MOST_ROWS, Asked, Order, State

MOST_PAGE = 1_000_000
Text = Annotated[str, Query(max_length=1000)]
Time = Annotated[str | None, Query(max_length=40)]


def _asked(
    device: Text = "",
    signal: Text = "",
    site: Text = "",
    state: State = "all",
    order: Order = "worst",
    minutes: Annotated[int, Query(ge=1, le=30 * 1440)] = 60,
    page: Annotated[int, Query(ge=0, le=MOST_PAGE)] = 0,
    size: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 25,
) -> Asked:
    return Asked(
        device=device, signal=signal, site=site, state=state, order=order, minutes=minutes, page=page, size=size
    )


Question = Annotated[Asked, Depends(_asked)]
