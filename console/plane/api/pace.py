"""How often somebody unknown may ask: an allowance for each address, filled up again as time passes.

Who carries a token of this plane is not counted. The table is bounded: an address that has its whole allowance back is
forgotten, and when too many ask at once the oldest is.
"""

from __future__ import annotations

AT_ONCE, EACH_SECOND = 400.0, 40.0
"""Requests without a token that one address may make at once, and how many more with every second."""
_ADDRESSES = 10_000


class Allowances:
    """Counts by address; times are seconds of a clock that never goes back."""

    def __init__(self, at_once: float = AT_ONCE, each_second: float = EACH_SECOND) -> None:
        self._at_once, self._each_second = at_once, each_second
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, address: str, now: float) -> bool:
        """One request from that address; False when it has to wait."""
        left, at = self._left.pop(address, (self._at_once, now))
        left = min(self._at_once, left + (now - at) * self._each_second)
        allowed = left >= 1
        self._left[address] = (left - 1 if allowed else left, now)
        if len(self._left) > _ADDRESSES:
            del self._left[next(iter(self._left))]
        return allowed
