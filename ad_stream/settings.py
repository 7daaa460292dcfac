"""What sections of settings are made of, wherever they are declared: beside their sources, or in `config`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from ad_stream.errors import InputError
from ad_stream.times import moment


class Section(BaseModel):
    """A part of the configuration; unknown keys are refused, values cannot be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _known_start(value: str) -> str:
    if value in ("earliest", "latest"):
        return value
    try:
        moment(value)
    except InputError as error:
        raise ValueError(f"write earliest, latest or a time ({error})") from None
    return value


Start = Annotated[str, AfterValidator(_known_start)]
"""earliest | latest | a time such as 2026-11-01T06:30Z, UTC where it names no zone."""
