"""Times as the record holds them: UTC, microseconds, a closing Z. A time without a zone is refused, never guessed.

Callers hand in aware datetimes; this module reads no clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from console.domain.errors import InputError

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def format_utc(moment: datetime) -> str:
    """RFC 3339 in UTC with six digits of fraction, as every event and receipt carries it.

    Raises InputError for a naive datetime.
    """
    if moment.tzinfo is None:
        raise InputError(f"The time {moment.isoformat()} has no zone; give it as UTC with a closing Z.")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_utc(text: str) -> datetime:
    """The inverse of `format_utc`; raises InputError for any other spelling."""
    if not _FORM.fullmatch(text):
        raise InputError(f"'{text[:40]}' is not a UTC time of the form 2026-01-31T14:02:11.000000Z.")
    try:
        return datetime.fromisoformat(text)  # the form is exact already; strptime takes ten times as long
    except ValueError as error:
        raise InputError(f"'{text[:40]}' names a moment that does not exist; correct the date or the hour.") from error


def from_epoch_us(microseconds: int) -> datetime:
    """An aware UTC datetime from integer microseconds since 1970, without the rounding of floats.

    A moment beyond the calendar (a clock reading may name the year 10889) comes out as its first or last one: what
    somebody else wrote into the record must not keep it from being shown.
    """
    return _EPOCH + timedelta(microseconds=min(max(microseconds, _FIRST_US), _LAST_US))


def to_epoch_us(moment: datetime) -> int:
    """Integer microseconds since 1970 of an aware datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US = to_epoch_us(datetime.min.replace(tzinfo=UTC))
_LAST_US = to_epoch_us(datetime.max.replace(tzinfo=UTC))


_HOUR = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_DAY_AND_HOUR = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?Z")


def moment_from(text: str, now: datetime) -> datetime:
    """When something happened, as a person writes it: "" is `now`, "14:02" today in UTC, else "2026-01-31 14:02Z".

    Raises InputError for a time with a day but without its Z, for one that is still to come, and for anything else.
    """
    asked = text.strip()
    if not asked:
        return now
    found = _HOUR.fullmatch(asked)
    if found:
        moment = now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    else:
        parts = _DAY_AND_HOUR.fullmatch(asked)
        if parts is None:
            raise InputError(f"'{asked[:40]}' is no time; write 14:02 for today, or 2026-01-31 14:02Z, both in UTC.")
        try:
            moment = datetime(*(int(part or 0) for part in parts.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type]
        except ValueError as error:
            raise InputError(f"'{asked[:40]}' names a moment that does not exist; correct the date.") from error
    if moment > now:
        raise InputError(
            f"{format_utc(moment)[:16]}Z is still to come (times are UTC); write the day as well if it was earlier."
        )
    return moment
