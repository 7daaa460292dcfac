"""Which alarms two sets of verdicts do not share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ad_stream.incidents.alarms import Alarm


def only_in(here: Sequence[Alarm], there: Sequence[Alarm], refractory: timedelta) -> list[Alarm]:
    """The alarms of `here` that no alarm of `there` of the same series touches, `refractory` of grace on both sides."""
    others: dict[tuple[str, str], list[Alarm]] = {}
    for other in there:
        others.setdefault((other.device_id, other.signal), []).append(other)
    return [
        alarm
        for alarm in here
        if not any(
            other.first <= alarm.last + refractory and other.last >= alarm.first - refractory
            for other in others.get((alarm.device_id, alarm.signal), [])
        )
    ]
