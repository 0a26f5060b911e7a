"""What a desk was shown before it ordered: select tokens, and the probe streams opened beside them.

A token is good for one command, on what it was given for, for as long as what was shown is fresh. Both live in memory:
after a restart of the plane a desk previews again, which is what it should do.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from console.plane.backends import ProbeStream

_MAX_TOKENS_OF_ONE = 100
"""Tokens that one device may hold at a time."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a token was given for; `used_by` is the command that used it, "" while none did."""

    device: str
    incident: str
    switch: str
    target: str
    want: str
    generation: int
    expires: datetime
    used_by: str = ""


class Previews:
    """Tokens, and streams by (switch, target, adapter); a newer preview of the same switch closes the older stream."""

    def __init__(self, fresh_s: int, stream_max_s: int) -> None:
        self._fresh = timedelta(seconds=fresh_s)
        self._stream_max_s = stream_max_s
        self._tokens: dict[str, Preview] = {}
        self._streams: dict[tuple[str, str, str], tuple[ProbeStream, asyncio.TimerHandle]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def give(self, preview: Preview, now: datetime) -> str:
        """A token for `preview` (its `expires` is set here)."""
        for token in [token for token, held in self._tokens.items() if held.expires <= now]:
            del self._tokens[token]
        own = [token for token, held in self._tokens.items() if held.device == preview.device]
        if len(own) >= _MAX_TOKENS_OF_ONE:  # whoever asks for many loses their own, nobody else's
            del self._tokens[own[0]]
        token = secrets.token_urlsafe(24)
        self._tokens[token] = replace(preview, expires=now + self._fresh)
        return token

    def find(self, token: str, now: datetime) -> Preview | None:
        """What a token was given for, None when it is unknown or what was shown is no longer fresh."""
        held = self._tokens.get(token)
        return held if held is not None and held.expires > now else None

    def use(self, token: str, command_id: str) -> None:
        """Bind a token to the command that used it; no other may."""
        if token in self._tokens:
            self._tokens[token] = replace(self._tokens[token], used_by=command_id)

    def keep_stream(self, switch: str, target: str, adapter: str, stream: ProbeStream | None) -> None:
        """Hold the stream opened at this preview at one back-end instead of the last one, for at most 60 s."""
        at = (switch, target, adapter)
        self._drop(at)
        if stream is None:
            return
        timer = asyncio.get_running_loop().call_later(self._stream_max_s, self._drop, at)
        self._streams[at] = (stream, timer)

    def take_stream(self, switch: str, target: str, adapter: str) -> ProbeStream | None:
        """Hand over the stream at that back-end that is alive now; whoever takes it closes it."""
        held = self._streams.pop((switch, target, adapter), None)
        if held is None:
            return None
        stream, timer = held
        timer.cancel()
        if stream.end is None:
            return stream
        self._close(stream)
        return None

    async def close(self) -> None:
        """Let go of every stream."""
        for at in list(self._streams):
            self._drop(at)
        while self._closing:
            await asyncio.gather(*self._closing)

    def _drop(self, at: tuple[str, str, str]) -> None:
        held = self._streams.pop(at, None)
        if held is not None:
            stream, timer = held
            timer.cancel()
            self._close(stream)

    def _close(self, stream: ProbeStream) -> None:
        task = asyncio.get_running_loop().create_task(stream.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
