"""When the next status update is due (CMD-2): 15 minutes at SEV-0 and SEV-1, 30 at SEV-2, no cadence below.

Times are aware datetimes; an update starts the time anew, and before the first one it runs from detection.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

EVERY: Mapping[str, timedelta] = {
    "SEV-0": timedelta(minutes=15),
    "SEV-1": timedelta(minutes=15),
    "SEV-2": timedelta(minutes=30),
}


def next_update_due(severity: str, detected: datetime, updated: datetime | None = None) -> datetime | None:
    """The moment the next update is due, None where no cadence holds (CMD-2)."""
    every = EVERY.get(severity)
    if every is None:
        return None
    return max(detected, updated or detected) + every
