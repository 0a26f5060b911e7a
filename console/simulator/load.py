"""Open-loop load: sends each arrival of a trace at its time over real HTTP, whether or not earlier ones were answered.

Arrivals never wait for completions. One that is more than MAX_LATE_S late or would exceed MAX_IN_FLIGHT is not sent and
is counted as dropped, so that a stalled machine does not turn into a burst that the trace never had.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from console.simulator import texts
from console.simulator.trace import Trace
from console.simulator.world import Seat, World, assign_seats

MAX_LATE_S = 2.0
MAX_IN_FLIGHT = 2000
REQUEST_TIMEOUT_S = 30.0
_SEATS = 4096
_RECENT = 4096
_RATE_WINDOW_S = 10
_TURN = 32
"""Arrivals started in one go before the event loop gets a turn, when the replay is behind."""


@dataclass
class Tally:
    """What became of the arrivals so far; `sent` is the sum of all but `dropped` and those still open."""

    sent: int = 0
    answered: int = 0
    shed: int = 0
    refused: int = 0
    cut: int = 0
    failed: int = 0
    dropped: int = 0
    lateness_s: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    latency_s: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    seconds: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_RATE_WINDOW_S + 1))

    def note_sent(self, now: float, late_s: float) -> None:
        """One request goes out at loop time `now`."""
        self.sent += 1
        self.lateness_s.append(late_s)
        second = int(now)
        if self.seconds and self.seconds[-1][0] == second:
            self.seconds[-1] = (second, self.seconds[-1][1] + 1)
        else:
            self.seconds.append((second, 1))

    def as_object(self, now: float) -> dict[str, Any]:
        """Counts, the rate over the last ten whole seconds, and percentiles of the last 4096 requests."""
        whole = [count for second, count in self.seconds if int(now) - _RATE_WINDOW_S <= second < int(now)]
        return {
            "sent": self.sent,
            "answered": self.answered,
            "shed": self.shed,
            "refused": self.refused,
            "cut": self.cut,
            "failed": self.failed,
            "dropped": self.dropped,
            "achieved_rps": round(sum(whole) / _RATE_WINDOW_S, 1) if len(whole) >= _RATE_WINDOW_S else None,
            "lateness_ms": _percentiles(self.lateness_s),
            "latency_ms": _percentiles(self.latency_s),
        }


class Replay:
    """One endless replay of `trace` at `speed` against the gateway at `url`; a cancelled `run` leaves nothing open."""

    def __init__(self, world: World, trace: Trace, speed: float, seed: int, url: str) -> None:
        self.trace, self.speed, self.tally = trace, speed, Tally()
        self._url = URL(url + "/v1/chat")
        self._seed = seed
        seats = assign_seats(world, seed, _SEATS, texts.HOSTILE_SHARE)
        self._seats = [(_head(seat), _prompt(seat, number)) for number, seat in enumerate(seats)]
        self._open: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Replays until cancelled."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=240),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )
        try:
            await self._send_all(session)
        finally:
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await session.close()

    async def _send_all(self, session: aiohttp.ClientSession) -> None:
        loop, in_turn = asyncio.get_running_loop(), 0
        for number, due in self._arrivals(loop.time()):
            ahead = due - loop.time()
            if ahead > 0 or in_turn >= _TURN:
                await asyncio.sleep(max(0.0, ahead))
                in_turn = 0
            in_turn += 1
            if -ahead > MAX_LATE_S or len(self._open) >= MAX_IN_FLIGHT:
                self.tally.dropped += 1
                continue
            task = loop.create_task(self._send(session, number, due))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    def _arrivals(self, start: float) -> Iterator[tuple[int, float]]:
        """Running number and loop time of every arrival; the trace starts over at its end, for ever."""
        number, passes, length = 0, 0, len(self.trace)
        while True:
            base = start + passes * self.trace.period_s / self.speed
            for offset in self.trace.offsets:
                yield number, base + offset / self.speed
                number += 1
            passes = number // length

    async def _send(self, session: aiohttp.ClientSession, number: int, due: float) -> None:
        loop, tally = asyncio.get_running_loop(), self.tally
        began = loop.time()
        tally.note_sent(began, began - due)
        headers = {
            "Content-Type": "application/json",
            "X-Request-Id": f"r{self._seed}-{number}",
            "Traceparent": f"00-{self._seed & (2**64 - 1):016x}{number + 1:016x}-{number + 1:016x}-01",
        }
        try:
            async with session.post(self._url, data=self._body(number), headers=headers) as response:
                body = await response.read()
        except aiohttp.ClientPayloadError:
            tally.cut += 1
        except (aiohttp.ClientError, OSError, TimeoutError):
            tally.failed += 1
        else:
            self._note_answer(response.status, body, loop.time() - began)

    def _note_answer(self, status: int, body: bytes, took_s: float) -> None:
        tally = self.tally
        if status == 200 and body.endswith(b"}\n\n"):
            tally.answered += 1
            tally.latency_s.append(took_s)
        elif status == 503:
            tally.shed += 1
        elif status == 403:
            tally.refused += 1
        else:
            tally.failed += 1

    def _body(self, number: int) -> bytes:
        head, prompt = self._seats[number % _SEATS]
        position = number % len(self.trace)
        text = texts.padded(prompt, self.trace.context_tokens[position])
        return b'%b,"max_tokens":%d,"input":"%b"}' % (head, self.trace.generated_tokens[position], text)


def _head(seat: Seat) -> bytes:
    route = seat.route
    # inventory ids and session names need no JSON escapes
    text = (
        f'{{"tenant":"{route.tenant}","surface":"{route.surface}","region":"{route.region}","session":"{seat.session}"'
    )
    return text.encode("ascii")


def _prompt(seat: Seat, number: int) -> bytes:
    prompts = texts.HOSTILE_PROMPTS if seat.hostile else texts.BENIGN_PROMPTS
    return prompts[number % len(prompts)]


def _percentiles(values: deque[float]) -> dict[str, float]:
    """p50, p99 and max in milliseconds; empty before the first value."""
    if not values:
        return {}
    ordered = sorted(values)
    at = {"p50": len(ordered) // 2, "p99": len(ordered) * 99 // 100, "max": len(ordered) - 1}
    return {name: round(ordered[position] * 1000, 2) for name, position in at.items()}
