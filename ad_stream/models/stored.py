"""The table `models` without Spark, where the tables are folders of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.errors import InputError
from ad_stream.models.kinds import known_in
from ad_stream.tables.catalog import MODELS
from ad_stream.tables.names import folder_of
from ad_stream.tables.reader import read_rows
from ad_stream.times import iso, short

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.models.known import KnownSeries


def live_profiles(tables: str | Path) -> KnownSeries | None:
    """What the live version of `profile` knows, as `live_model`."""
    return live_model(tables, "profile")


def live_models(tables: str | Path, names: Iterable[str]) -> list[KnownSeries]:
    """What the live versions of these models know, of those that have one."""
    return [model for name in sorted(names) if (model := live_model(tables, name)) is not None]


def live_model(tables: str | Path, name: str) -> KnownSeries | None:
    """What the live version of a model of single series knows, None where there is none; InputError where its bytes are not as
    trained."""
    rows = _rows(tables, ["version", "blob", "sha256"], [("name", "=", name), ("state", "=", "live")])
    rows = rows.dropna(subset=["blob"])
    if rows.empty:
        return None
    label = f"{name}@{int(rows['version'].max())}"
    return known_in(label, ((bytes(blob), sha256) for blob, sha256 in zip(rows["blob"], rows["sha256"], strict=True)))


def live_parameters(tables: str | Path, name: str) -> dict[str, float]:
    """What the live version of a model was trained with (days, and options that are numbers); {} where there is none."""
    rows = _rows(tables, ["version", "parameters"], [("name", "=", name), ("state", "=", "live")]).dropna()
    if rows.empty:
        return {}
    said = json.loads(rows.sort_values("version")["parameters"].iloc[-1])
    return {key: float(value) for key, value in said.items() if isinstance(value, (int, float))}


def choice(name: str, version: int | None) -> tuple[str, str]:
    """SQL that makes a version live and retires the live one: (the new state of a row, which rows it is about)."""
    wanted = -1 if version is None else version
    return (
        f"CASE WHEN version = {wanted} THEN 'live' ELSE 'retired' END",
        f"name = '{name}' AND blob IS NOT NULL AND (version = {wanted} OR state = 'live')",
    )


def activate(tables: Path, name: str, version: int | None) -> None:
    """As `pipeline.train.activate`, without Spark: make a version live in one commit; None: go on without.

    Raises InputError where there is no such version.
    """
    from deltalake import DeltaTable

    known = {(row["name"], row["version"]) for row in versions(tables) if row["learned"]}
    if name not in {one for one, _ in known} or (version is not None and (name, version) not in known):
        asked = name if version is None else f"{name}@{version}"
        raise InputError(f"there is no model {short(asked)} in {tables}: 'ad-stream models list' shows what there is")
    state, condition = choice(name, version)
    DeltaTable(folder_of(tables, MODELS.name)).update(updates={"state": state}, predicate=condition)


def versions(tables: str | Path) -> list[dict[str, Any]]:
    """name, version, state, trained, first, last, series, learned of every version, the newest first."""
    rows = _rows(tables, ["name", "version", "state", "trained", "first", "last", "figures", "blob"], []).dropna(
        subset=["figures"]
    )
    found = []
    for _, part in rows.groupby(["name", "version"]):
        learned = part["state"][part["blob"].notna()]  # of a joint version, devices without a model have a row, too
        state = str((part["state"] if learned.empty else learned).iloc[0])
        figures = [json.loads(text) for text in part["figures"]]
        found.append({
            "name": str(part["name"].iloc[0]), "version": int(part["version"].iloc[0]), "state": state,
            "trained": iso(part["trained"].max().to_pydatetime()),
            "first": iso(part["first"].min().to_pydatetime()), "last": iso(part["last"].max().to_pydatetime()),
            **{count: sum(one[count] for one in figures) for count in ("series", "learned")},
        })  # fmt: skip
    return sorted(found, key=lambda row: (row["name"], -row["version"]))


def _rows(tables: str | Path, columns: list[str], where: list[tuple[str, str, Any]]) -> pd.DataFrame:
    """Some of the rows; none where there is no such table, as with tables of an earlier version."""
    import pandas as pd

    try:
        rows: pd.DataFrame = read_rows(tables, MODELS.name, columns, where)
    except InputError:
        rows = pd.DataFrame(columns=columns)
    return rows
