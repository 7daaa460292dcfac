"""The clock, and times as text, in both directions: always UTC."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ad_stream.errors import InputError

FIRST_TIME = datetime(1900, 1, 1, tzinfo=timezone.utc)
LAST_TIME = datetime(2200, 1, 1, tzinfo=timezone.utc)


def now() -> datetime:
    """The time of this machine's clock."""
    return datetime.now(timezone.utc)


def iso(moment: datetime) -> str:
    """A time in UTC -> '2026-11-01T06:30:00Z'."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def iso_or_none(moment: datetime | None) -> str | None:
    """As `iso`; None for a time that never was."""
    return None if moment is None else iso(moment)


def instant(text: str) -> datetime:
    """'2026-11-01', '2026-11-01T06:30Z', '2026-11-01 06:30+01:00' -> UTC; without a zone it is UTC."""
    try:
        value = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    except (ValueError, OverflowError):  # a zone can lead out of the years 1 to 9999
        raise InputError(f"{short(text)} is no time: write it like 2026-11-01T06:30Z") from None


def moment(text: str) -> datetime:
    """As `instant`, from FIRST_TIME to LAST_TIME: near the years 1 and 9999 no span can be reckoned."""
    value = instant(text)
    if not FIRST_TIME <= value <= LAST_TIME:
        raise InputError(
            f"{short(text)} lies outside the years {FIRST_TIME.year} to {LAST_TIME.year}: write a time within them"
        )
    return value


def day_or_moment(text: str, today: datetime | None = None) -> datetime:
    """As `moment`; 'today' and 'yesterday' are the starts of these days in UTC."""
    days = {"today": 0, "yesterday": 1}.get(text.strip().lower())
    if days is None:
        return moment(text)
    midnight = (today or now()).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=days)


def shown(moment: datetime) -> str:
    """A time in UTC, for people -> '2026-11-01 06:30', with seconds where it has some."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment.second else f"{moment:%Y-%m-%d %H:%M}"


def short(text: str) -> str:
    """What was handed in, quoted, for a message."""
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}…"


def from_seconds(seconds: float) -> datetime:
    """Seconds since 1970 -> UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc)
