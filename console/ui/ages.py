"""Times and ages as a tired person reads them: short, in UTC, always with their unit."""

from __future__ import annotations

from datetime import UTC, datetime

from console.domain.errors import InputError
from console.domain.times import from_epoch_us, parse_utc


def clock_time(moment: datetime) -> str:
    """14:02:11 UTC."""
    return f"{moment.astimezone(UTC):%H:%M:%S} UTC"


def clock_of_us(epoch_us: int) -> str:
    """14:02:11 UTC of integer microseconds since 1970; "never" for 0."""
    return clock_time(from_epoch_us(epoch_us)) if epoch_us else "never"


def moment_of(text: str) -> datetime | None:
    """The time that an event carries, None for "" or for what is none."""
    try:
        return parse_utc(text) if text else None
    except InputError:
        return None


def duration(seconds: float) -> str:
    """4 s, 12:07 (minutes and seconds), 3:12:07 (hours too), 2 d 3 h; never negative."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    if whole < 86_400:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def age(then: datetime, now: datetime) -> str:
    """How long ago, or "in the future" when a clock was set back by more than 2 s."""
    seconds = (now - then).total_seconds()
    return "in the future (a clock was set)" if seconds < -2 else f"{duration(seconds)} ago"
