"""Requests through the gateway's data path that prove what a switch does, marked as probes so that nobody is billed.

A reply that names no switch proves nothing about one; a stream that breaks off is "cut" only when the gateway's last
line says by which command.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp

from console.domain.inventory import Inventory, InventoryItem
from console.plane.backends import (
    NO_ANSWER,
    SERVED,
    BackEndFault,
    ProbeReply,
    ProbeStream,
    StreamEnd,
)
from console.protocol.data_path import (
    MAX_REFUSAL_BYTES,
    MOST_TENANTS,
    PATH,
    TOKEN_HEADER,
    is_answer,
    only_this_tenant,
    refusal,
    requests_for,
    routes,
)

_MAX_LINE = 64 * 1024
_MAX_NOTICE = 1000
_MAX_ANSWER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that began to come: its response, still open, and its first piece."""

    response: aiohttp.ClientResponse
    first: bytes


class DataPath:
    """The chat endpoint at `url`, spoken to with the probe token over the connections it is given."""

    def __init__(
        self, url: str, probe_token: str, inventory: Inventory, connections: Callable[[], aiohttp.ClientSession]
    ) -> None:
        self._url = url + PATH
        self._headers = {TOKEN_HEADER: probe_token}
        self._inventory = inventory
        self._connections = connections

    def requests_for(self, switch: str, item: InventoryItem) -> list[dict[str, Any]]:
        """Bodies of requests that `switch` on `item` would refuse, one a tenant; none when no request can tell."""
        return requests_for(self._inventory, switch, item)

    async def probe(self, switch: str, item: InventoryItem, seconds: float) -> ProbeReply:
        """Send a short request and see what it meets; never raises."""
        reply, answer = await self._first_telling(switch, item, seconds, {})
        if answer is not None:
            answer.response.release()
        return reply

    async def open_stream(
        self, switch: str, item: InventoryItem, seconds: float
    ) -> tuple[ProbeReply, ProbeStream | None]:
        """Send a request that stays open; the stream when it was served. Never raises."""
        reply, answer = await self._first_telling(switch, item, seconds, {"hold": True, "max_tokens": 512})
        return reply, HeldStream(answer.response, answer.first) if answer is not None else None

    async def notice(self, item: InventoryItem, seconds: float) -> ProbeReply:
        """Send a request that needs nothing through `item` and see what its user is told (SWI-10); never raises."""
        plain = {"input": "Probe: what are users told?", "max_tokens": 1}
        reply = ProbeReply(NO_ANSWER, _now())
        try:
            async with asyncio.timeout(seconds):
                for route in routes(self._inventory, item)[:MOST_TENANTS]:
                    reply, answer = await self._ask(route | plain)
                    if answer is not None:
                        return replace(reply, notice=_notice(await _whole(answer)))
                    if not only_this_tenant(reply, route["tenant"], item):
                        return reply
        except (aiohttp.ClientError, TimeoutError, OSError, BackEndFault):
            return ProbeReply(NO_ANSWER, _now())
        return reply

    async def _first_telling(
        self, switch: str, item: InventoryItem, seconds: float, more: dict[str, Any]
    ) -> tuple[ProbeReply, Answer | None]:
        """The first reply that tells something of `switch`: a tenant that is blocked itself tells nothing of others."""
        reply = ProbeReply(NO_ANSWER, _now())
        try:
            async with asyncio.timeout(seconds):
                for body in self.requests_for(switch, item)[:MOST_TENANTS]:
                    reply, answer = await self._ask(body | more)
                    if answer is not None or not only_this_tenant(reply, body["tenant"], item):
                        return reply, answer
        except (aiohttp.ClientError, TimeoutError, OSError, BackEndFault):
            return ProbeReply(NO_ANSWER, _now()), None
        return reply, None

    async def _ask(self, body: Mapping[str, Any]) -> tuple[ProbeReply, Answer | None]:
        """One request; the answer is left open when one began to come (the headers alone may be a promise)."""
        response: aiohttp.ClientResponse = await self._connections().post(
            self._url,
            json=body,
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None),  # whoever asks sets the limit; an open stream has none
            allow_redirects=False,
        )
        first = b""
        try:
            if response.status != 200:
                return _refusal(response.status, await response.content.read(MAX_REFUSAL_BYTES)), None
            first = await response.content.readany()
            if is_answer(response.headers.get("content-type", ""), first):
                return ProbeReply(SERVED, _now()), Answer(response, first)
            response.close()
            return ProbeReply(NO_ANSWER, _now()), None
        finally:
            if not first:
                response.release()


class HeldStream:
    """An open answer that is read until it ends; `opened` is when its first piece came."""

    def __init__(self, response: aiohttp.ClientResponse, first: bytes) -> None:
        self.opened = _now()
        self._response = response
        self._end: StreamEnd | None = None
        self._reading = asyncio.create_task(self._read(first))

    @property
    def end(self) -> StreamEnd | None:
        """How it ended, None while it is alive."""
        return self._end

    async def ended_within(self, seconds: float) -> StreamEnd | None:
        """Wait for the end, at most so long."""
        await asyncio.wait([self._reading], timeout=seconds)
        return self._end

    async def close(self) -> None:
        """Stop reading and drop the connection; an end that was not seen by now is none."""
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        self._response.close()

    async def _read(self, first: bytes) -> None:
        pending, cut_by = first, ""
        try:
            while True:
                *lines, pending = pending.split(b"\n")
                for line in lines:
                    cut_by = _cut_by(line, cut_by)
                chunk = await self._response.content.readany()
                if not chunk:
                    break
                pending = (pending + chunk)[-_MAX_LINE:]
        except (aiohttp.ClientError, OSError, RuntimeError):  # the last is aiohttp's word for "connection closed"
            for line in pending.split(b"\n"):
                cut_by = _cut_by(line, cut_by)
        finally:
            self._response.close()
        named = cut_by.removeprefix("?")
        self._end = StreamEnd(_now(), cut=bool(named), assertion_id=named)


def _cut_by(line: bytes, so_far: str) -> str:
    """The command named by a cut: "?" once `event: cut` was read, then the id in the data line that follows it."""
    if line.strip() == b"event: cut":
        return "?"
    if so_far == "?" and line.startswith(b"data:"):
        with contextlib.suppress(ValueError):
            value = json.loads(line[5:])
            found = value.get("command_id") if isinstance(value, dict) else None
            return found if isinstance(found, str) and 0 < len(found) <= 100 else so_far
    return so_far


async def _whole(answer: Answer) -> bytes:
    """What the answer says to its end, or to a length that no probe's answer has."""
    data = answer.first
    try:
        while len(data) < _MAX_ANSWER and (more := await answer.response.content.readany()):
            data += more
    finally:
        answer.response.release()
    return data


def _notice(data: bytes) -> str:
    """The notice in the last event of an answer, "" when there is none."""
    last = data.rstrip(b"\n").rpartition(b"\n")[2].removeprefix(b"data: ")
    try:
        value = json.loads(last)
    except (ValueError, RecursionError):
        return ""
    found = value.get("notice", "") if isinstance(value, dict) else ""
    return found[:_MAX_NOTICE] if isinstance(found, str) else ""


def _refusal(status: int, data: bytes) -> ProbeReply:
    """What a status other than 200 says just now."""
    return refusal(status, data, _now())


def _now() -> datetime:
    return datetime.now(UTC)
