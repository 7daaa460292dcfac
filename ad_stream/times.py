"""The clock, and times as text: always UTC."""

from __future__ import annotations

from datetime import datetime, timezone


def now() -> datetime:
    """The time of this machine's clock."""
    return datetime.now(timezone.utc)


def iso(moment: datetime) -> str:
    """A time in UTC -> '2026-11-01T06:30:00Z'."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def iso_or_none(moment: datetime | None) -> str | None:
    """As `iso`; None for a time that never was."""
    return None if moment is None else iso(moment)
