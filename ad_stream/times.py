"""The clock, and times as text, in both directions: always UTC."""

from __future__ import annotations

from datetime import datetime, timezone

from ad_stream.errors import InputError


def now() -> datetime:
    """The time of this machine's clock."""
    return datetime.now(timezone.utc)


def iso(moment: datetime) -> str:
    """A time in UTC -> '2026-11-01T06:30:00Z'."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def iso_or_none(moment: datetime | None) -> str | None:
    """As `iso`; None for a time that never was."""
    return None if moment is None else iso(moment)


def moment(text: str) -> datetime:
    """'2026-11-01', '2026-11-01T06:30Z', '2026-11-01 06:30+01:00' -> UTC; without a zone it is UTC."""
    try:
        value = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise InputError(f"{text!r} is no time: write it like 2026-11-01T06:30Z") from None
    return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


def from_seconds(seconds: float) -> datetime:
    """Seconds since 1970 -> UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc)
