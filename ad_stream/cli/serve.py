"""The command that serves the retired service's REST API."""

from __future__ import annotations

from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine need keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5000,
) -> None:
    """Serve the retired service's REST API until stopped; its keys come from AD_STREAM_KEYS."""
    from ad_stream.azure_api.server import serve as serve_until_stopped

    serve_until_stopped(host=host, port=port)
