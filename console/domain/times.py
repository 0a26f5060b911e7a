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
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InputError(f"'{text[:40]}' names a moment that does not exist; correct the date or the hour.") from error


def from_epoch_us(microseconds: int) -> datetime:
    """An aware UTC datetime from integer microseconds since 1970, without the rounding of floats."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def to_epoch_us(moment: datetime) -> int:
    """Integer microseconds since 1970 of an aware datetime."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
