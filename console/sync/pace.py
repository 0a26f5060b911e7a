"""How long to wait, and whose clock is right: full jitter and the offset of the plane's clock. Pure.

Delays are seconds, moments integer microseconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass

BASE_S = 1.0
CAP_S = 30.0
RETRY_AFTER_MAX_S = 3600.0
"""A plane may ask for patience, not for ever; Sync now overrides any wait."""

RECOVERY_CAP_S = 600.0
CALM_US = 3_600_000_000
"""After an hour without a new doubt, the next recovery waits as little as the first."""

OFFSET_LIFE_US = 600_000_000
"""An offset older than ten minutes gives way to any newer one: clocks drift."""


def full_jitter(failures: int, roll: float) -> float:
    """Seconds to wait before the try after `failures` failures in a row; `roll` is chance in [0, 1).

    Anything between nothing and min(cap, base * 2^(failures-1)): a thousand desks that lost one plane do not come back
    in step.
    """
    return roll * min(CAP_S, BASE_S * 2.0 ** min(max(failures - 1, 0), 16))


def before_recovery(streak: int, roll: float) -> float:
    """Seconds to wait before the journal is followed from 0 again, the `streak`-th time in a row.

    All desks of a plane see the same sign at once, and each of them then reads the whole journal.
    """
    return roll * min(RECOVERY_CAP_S, BASE_S * 2.0 ** min(max(streak - 1, 0), 16))


def after_retry(retry_after_s: float, failures: int, roll: float) -> float:
    """Seconds to wait when the plane said how long: never less than it said, spread by a jitter on top."""
    return min(max(retry_after_s, 0.0), RETRY_AFTER_MAX_S) + full_jitter(failures, roll)


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How far the plane's clock is ahead of the desk's (`offset_us`), known to half of `round_trip_us`."""

    offset_us: int
    round_trip_us: int
    measured_us: int

    def to_desk(self, plane_us: int) -> int:
        """A moment of the plane's clock as the desk's clock would have shown it."""
        return plane_us - self.offset_us


def measure(sent_us: int, received_us: int, plane_us: int) -> ClockOffset:
    """The offset seen in one round trip, taking the plane's stamp as of its midpoint (as NTP does)."""
    return ClockOffset(plane_us - (sent_us + received_us) // 2, max(received_us - sent_us, 0), received_us)


def better(known: ClockOffset | None, seen: ClockOffset) -> ClockOffset:
    """The one to believe: the smaller round trip wins, until it is ten minutes old."""
    if known is None or seen.round_trip_us <= known.round_trip_us:
        return seen
    return seen if seen.measured_us - known.measured_us > OFFSET_LIFE_US else known
