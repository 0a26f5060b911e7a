"""Identifiers and logical time: UUIDv7 (RFC 9562) and a hybrid logical clock, from a clock and randomness given in.

An event id is also its idempotency key. The hybrid clock orders only what the server has not ordered yet.
"""

from __future__ import annotations

_COUNTER_BITS = 16


def uuid7(epoch_ms: int, random10: bytes) -> str:
    """A UUIDv7 of `epoch_ms` (milliseconds since 1970) and ten random bytes."""
    value = (epoch_ms & ((1 << 48) - 1)) << 80 | int.from_bytes(random10[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def hlc_next(last: str, epoch_ms: int) -> str:
    """The next reading of a hybrid logical clock (48 bits milliseconds, 16 bits counter) as 16 hex digits.

    Never goes back: when the wall clock stands still or is set back the counter moves; "" is "no reading yet".
    """
    last_value = int(last, 16) if last else 0
    now_value = epoch_ms << _COUNTER_BITS
    value = now_value if now_value > last_value else last_value + 1
    return f"{value:016x}"


def hlc_merge(last: str, seen: str) -> str:
    """The later of two readings; call it with every reading received so that an answer sorts after its question."""
    return max(last, seen)
