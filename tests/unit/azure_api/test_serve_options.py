"""What `ad-stream serve` says of options that cannot be, before it listens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ad_stream.azure_api.multivariate.settings import MultivariateSettings
from ad_stream.azure_api.server import create_app
from ad_stream.azure_api.server import serve as serve_until_stopped
from ad_stream.cli.azure_api import serve
from ad_stream.errors import AdStreamError, ConfigError, InputError


@pytest.mark.parametrize(
    ("options", "kind", "told"),
    [
        ({"data_root": Path()}, ConfigError, "belong to the multivariate API: give --state FOLDER too"),
        ({"data_host": ["a.example"]}, ConfigError, "belong to the multivariate API: give --state FOLDER too"),
        ({"state": "file"}, ConfigError, "is no folder that can be made"),
        ({"state": "state", "data_root": Path("/no/such/folder")}, ConfigError, "name the one that holds the data"),
        ({"tables": Path("/no/such/folder")}, InputError, "name the one that a run wrote"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence(
    tmp_path: Path, options: dict[str, Any], kind: type[AdStreamError], told: str
) -> None:
    (tmp_path / "file").write_text("")
    if "state" in options:
        options = options | {"state": tmp_path / options["state"]}
    with pytest.raises(kind, match=told):
        serve(**options)


def test_a_state_folder_in_use_is_one_sentence_before_the_port_is_taken(tmp_path: Path) -> None:
    settings = MultivariateSettings(state=tmp_path / "state")
    first = create_app(multivariate=settings)
    with pytest.raises(ConfigError, match="in use by another server"):
        serve_until_stopped(port=1, multivariate=settings)
    del first
