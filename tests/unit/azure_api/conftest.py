"""Real servers on free ports of 127.0.0.1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ad_stream.azure_api.admission import Keys, Limits
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.server import create_app
from ad_stream.web.connections import ConnectionLimits

KEY = "a-key-for-the-tests"


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """A server that knows KEY."""
    with listening(create_app(keys=Keys([KEY, "another"]), limits=Limits(read_seconds=1.0))) as address:
        yield address


@pytest.fixture
def serving() -> Iterator[Callable[..., str]]:
    """A server with its own keys and limits: serving(keys=[...], limits=Limits(...))."""
    with ExitStack() as stack:

        def begin(*, keys: list[str], limits: Limits | None = None, connections: ConnectionLimits | None = None) -> str:
            return stack.enter_context(listening(create_app(keys=Keys(keys), limits=limits), limits=connections))

        yield begin
