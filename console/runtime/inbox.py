"""What a driver thread waits on: news from other threads, and timers of its own, in one place. No polling.

`put` may be called from any thread; `after` and iteration belong to the driver.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Iterate over it until it is closed; what is still inside then is dropped."""

    def __init__(self) -> None:
        self._bell = threading.Condition()
        self._news: deque[T] = deque()
        self._timers: list[tuple[float, int, T]] = []
        self._order = itertools.count()
        self._closed = False

    def put(self, item: T) -> None:
        """Hands over an item; after the close it is dropped."""
        with self._bell:
            self._news.append(item)
            self._bell.notify()

    def after(self, delay_s: float, item: T) -> None:
        """Hands over an item when `delay_s` seconds have passed."""
        with self._bell:
            heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._order), item))
            self._bell.notify()

    def close(self) -> None:
        """Ends the iteration at once."""
        with self._bell:
            self._closed = True
            self._bell.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._bell:
                while not self._closed and not self._news and (wait := self._until_next()) != 0.0:
                    self._bell.wait(wait)
                if self._closed:
                    return
                item = self._news.popleft() if self._news else heapq.heappop(self._timers)[2]
            yield item

    def _until_next(self) -> float | None:
        """Seconds until a timer is due, 0.0 when one is, None when there is none."""
        return max(self._timers[0][0] - time.monotonic(), 0.0) if self._timers else None
