"""A task as text: the configuration of its run, to be copied into a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from ad_stream.config.masking import masked
from ad_stream.config.task import WHEN, config_of, schedules_of

if TYPE_CHECKING:
    from ad_stream.config.sections import Config
    from ad_stream.config.task import Task


def yaml_of(task: Task, base: Config) -> str:
    """What `ad-stream validate` takes; references to secrets stay, secrets themselves are masked."""
    told = {"run", "model", "last", "tuned", "catch_up", *WHEN}
    schedules = {
        name.removeprefix(f"{task.name}-"): schedule.model_dump(mode="json", include=told, exclude_defaults=True)
        for name, schedule in schedules_of(task).items()
    }
    whole = config_of(task, base).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    shown = dict(masked({**whole, "schedules": schedules}).settings)
    return yaml.safe_dump(shown, sort_keys=False, width=120).rstrip()
