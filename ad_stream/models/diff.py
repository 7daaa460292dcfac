"""What changed from one version of a model to another, without Spark, where the tables are folders of this machine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.errors import InputError
from ad_stream.models.kinds import KINDS, known_in
from ad_stream.tables.catalog import MODELS
from ad_stream.tables.reader import read_rows
from ad_stream.times import short

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.models.known import KnownSeries

COUNTS = ("series", "learned", "too_short", "failed", "useful")
"""Figures that add up over buckets; of the others the mean counts, each bucket by what it learned."""
SHOWN = 10
"""Names that a line shows."""
COLUMNS = ("version", "state", "device_id", "first", "last", "parameters", "figures", "blob", "sha256")


@dataclass(frozen=True)
class VersionDiff:
    """Of `name`: two numbers each for (old, new). parameters, figures: of those that differ; gained, lost: devices and signals (of
    joint models devices alone) that only one of them knows; changed: how many of `common` have other numbers."""

    name: str
    old: int
    new: int
    states: tuple[str, str]
    days: tuple[float, float]
    parameters: dict[str, tuple[Any, Any]]
    figures: dict[str, tuple[Any, Any]]
    gained: list[str]
    lost: list[str]
    common: int
    changed: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For people."""
        one, other = (f"{self.name}@{version}" for version in (self.old, self.new))
        pairs = {"state": self.states, "days learned from": self.days} | self.parameters | self.figures
        out = [f"{one} -> {other}", *(f"  {name}: {before} -> {after}" for name, (before, after) in pairs.items())]
        for told, names in (("gained", self.gained), ("lost", self.lost)):
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            out.append(f"  {told}: {len(names)}" + (f" ({', '.join(names[:SHOWN])}{more})" if names else ""))
        return [*out, f"  in both: {self.common}, {self.changed} of them with other numbers"]


def diff(tables: str | Path, name: str, old: int, new: int) -> VersionDiff:
    """InputError where a version is not there, or its bytes are not those that were trained."""
    one, other = (_rows(tables, name, version) for version in (old, new))
    before, after = (_known(name, version, rows) for version, rows in ((old, one), (new, other)))
    common = before.keys() & after.keys()
    return VersionDiff(
        name, old, new, (_state(one), _state(other)), (_days(one), _days(other)),
        _differing(_parameters(one), _parameters(other)), _differing(_figures(one), _figures(other)),
        sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys()),
        len(common), sum(before[series] != after[series] for series in common),
    )  # fmt: skip


def _rows(tables: str | Path, name: str, version: int) -> pd.DataFrame:
    rows: pd.DataFrame = read_rows(tables, MODELS.name, COLUMNS, [("name", "=", name), ("version", "=", version)])
    if rows["blob"].notna().sum() == 0:
        raise InputError(
            f"there is no model {short(f'{name}@{version}')} in {tables}: 'ad-stream models list' shows what there is"
        )
    return rows


def _known(name: str, version: int, rows: pd.DataFrame) -> dict[str, bytes]:
    """What the version knows: 'device signal' -> its numbers; of kinds that share what is large, and of joint models, the blob's
    checksum is all that tells two apart."""
    stored = rows.dropna(subset=["blob"])
    if name not in KINDS:
        return {
            str(device): str(sha256).encode()
            for device, sha256 in zip(stored["device_id"], stored["sha256"], strict=True)
        }
    found: dict[str, bytes] = {}
    for blob, sha256 in zip(stored["blob"], stored["sha256"], strict=True):
        model: KnownSeries = known_in(f"{name}@{version}", [(bytes(blob), str(sha256))])
        whole = str(sha256).encode() if model.shared else b""
        found |= {
            f"{device} {signal}": whole + b" ".join(b"%r" % float(number) for number in numbers)
            for (device, signal), numbers in model.numbers.items()
        }
    return found


def _state(rows: pd.DataFrame) -> str:
    return str(rows.dropna(subset=["blob"])["state"].iloc[0])


def _days(rows: pd.DataFrame) -> float:
    return round(float((rows["last"].max() - rows["first"].min()).total_seconds()) / 86_400, 1)


def _parameters(rows: pd.DataFrame) -> dict[str, Any]:
    texts = rows["parameters"].dropna()
    return dict(json.loads(texts.iloc[0])) if len(texts) else {}


def _figures(rows: pd.DataFrame) -> dict[str, Any]:
    buckets = [json.loads(text) for text in rows["figures"].dropna()]
    out: dict[str, Any] = {}
    for name in dict.fromkeys(key for bucket in buckets for key in bucket):
        told = [(bucket[name], bucket.get("learned", 1)) for bucket in buckets if bucket.get(name) is not None]
        weight = sum(learned for _, learned in told)
        if name in COUNTS:
            out[name] = sum(number for number, _ in told)
        elif weight:
            out[name] = round(sum(number * learned for number, learned in told) / weight, 4)
    return out


def _differing(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        name: (old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    }
