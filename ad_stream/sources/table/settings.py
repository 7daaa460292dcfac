"""The section `source` of kind table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from ad_stream.sources.contract import SourceSettings


def _parse_values(value: object) -> object:
    """[temperature, humidity] -> {temperature: temperature, humidity: humidity}."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value):
        return {name: name for name in value}
    return value


class TableSource(SourceSettings):
    """A Delta table of telemetry that somebody else writes: `path` of its folder, or its name in `table`.

    device, time: columns. Of readings one a row (long), `signal` and `value` name the columns (default: signal, value);
    of readings side by side (wide), `values` names the columns, as a list or as signal: column.
    enqueued: column of the time at which the row came; without it nobody can tell a late row from others.
    sequence: column that numbers the rows or names them; without it rows equal in device, signal, time and value are one.
    start: earliest (all that the table holds), latest (what is appended from now on) or a time, before which rows are
    left out. files_per_trigger: not set, all there are: limited, the rows of a first reading come in the order in which
    they were written, and what lies behind the watermark by then is dropped and counted.
    skip_change_commits: whether commits that change or delete rows are passed over; else such a commit ends the run.
    """

    kind: Literal["table"]
    path: str | None = Field(default=None, min_length=1)
    table: str | None = Field(default=None, min_length=1)
    device: str = "device_id"
    time: str = "time"
    signal: str | None = None
    value: str | None = None
    values: Annotated[dict[str, str] | None, BeforeValidator(_parse_values)] = Field(default=None, min_length=1)
    enqueued: str | None = None
    sequence: str | None = None
    files_per_trigger: int | None = Field(default=None, ge=1)
    skip_change_commits: bool = False

    @model_validator(mode="after")
    def _one_place_and_form(self) -> TableSource:
        if (self.path is None) == (self.table is None):
            raise ValueError("give either path, or table (catalog.schema.table)")
        if self.values is not None and (self.signal, self.value) != (None, None):
            raise ValueError("give either signal and value (one reading a row), or values (readings side by side)")
        return self

    @property
    def place(self) -> str:
        """How the table is called in sentences, and in the column `source`."""
        return str(self.path or self.table)

    def columns(self) -> Mapping[str, str]:
        """Setting -> the column of the table that it names; each signal of `values` under its own name."""
        readings = (
            {f"values.{signal}": column for signal, column in self.values.items()}
            if self.values is not None
            else {"signal": self.signal or "signal", "value": self.value or "value"}
        )
        named = {
            "device": self.device,
            "time": self.time,
            **readings,
            "enqueued": self.enqueued,
            "sequence": self.sequence,
        }
        return {setting: column for setting, column in named.items() if column is not None}
