"""What a tuning answers: the choice beside the present settings, on the time of choosing and on later time, and what to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import yaml

from ad_stream import times


@dataclass(frozen=True)
class Later:
    """On days that were used for no choice. alarms: under the proposed settings; found: of `events` labelled events."""

    days: float
    alarms_before: int
    alarms: int
    gained: int
    lost: int
    events: int
    found_before: int
    found: int


@dataclass(frozen=True)
class ModelChoice:
    """Parameters of a model. live: has it a live version, whose parameters are the usual ones; error, later_error: of what is proposed,
    *_usual: of the usual parameters, on the days before and after `split`; None where there was too little past."""

    name: str
    live: bool
    usual: Mapping[str, float]
    proposed: Mapping[str, float]
    error_usual: float | None
    error: float | None
    later_error_usual: float | None
    later_error: float | None
    why: str


@dataclass(frozen=True)
class TuningProposal:
    """See the module. tried, of: trials made and planned, resumed: those of an earlier start; rates: as `SensitivityChoice`; budget:
    alarms per series and day, of series like `device`."""

    start: datetime
    split: datetime
    end: datetime
    series: int
    of_series: int
    ruled: int
    tried: int
    trials: int
    resumed: int
    seconds: float
    device: str
    budget: float
    detector: str
    detector_now: str
    sensitivity_now: int
    sensitivity: int
    rates: Mapping[int, float]
    why: str
    model: ModelChoice | None
    later: Later

    @property
    def complete(self) -> bool:
        """Was all tried?"""
        return self.tried == self.trials

    @property
    def retrains(self) -> bool:
        """Is a training proposed: with other parameters, or the first one?"""
        return self.model is not None and (self.model.proposed != self.model.usual or not self.model.live)

    @property
    def settings(self) -> dict[str, Any]:
        """What changes in the section detection, or for the series of `device`."""
        wanted: dict[str, Any] = {}
        if self.detector != self.detector_now:
            wanted["detector"] = self.detector
        if self.sensitivity != self.sensitivity_now:
            wanted["sensitivity"] = self.sensitivity
        return wanted

    @property
    def changes(self) -> bool:
        """Is anything proposed?"""
        return bool(self.settings) or self.retrains

    def yaml(self) -> str:
        """What to copy into the configuration; '' where nothing changes."""
        parts: dict[str, Any] = {}
        if self.settings:
            parts["detection"] = self.settings
        if self.retrains and self.model is not None:
            tau = {} if "tau" not in self.model.proposed else {"tau": self.model.proposed["tau"]}
            parts["schedules"] = {
                "train": {"run": "train", "model": self.model.name, "last": f"{self.model.proposed['days']:g} days", **tau,
                          "cron": "30 2 * * *"}
            }  # fmt: skip
        return yaml.safe_dump(parts, sort_keys=False, default_flow_style=False).rstrip() if parts else ""

    def as_dict(self) -> dict[str, Any]:
        """For `--json`; the numbers that a run of a schedule counts stand at the top."""
        found = asdict(self)
        for name in ("start", "split", "end"):
            found[name] = times.iso(getattr(self, name))
        told = {name: getattr(self.later, name) for name in ("alarms_before", "alarms", "gained", "lost")}
        return {**found, **told, "complete": self.complete, "changes": self.changes, "yaml": self.yaml()}
