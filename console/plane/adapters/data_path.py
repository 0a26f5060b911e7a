"""Requests through the gateway's data path that prove what a switch does, marked as probes so that nobody is billed.

A reply that names no switch proves nothing about one; a stream that breaks off is "cut" only when the gateway's last
line says by which command.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp

from console.domain.inventory import Inventory, InventoryItem
from console.plane.adapters import answers
from console.plane.backends import (
    NO_ANSWER,
    OVERLOADED,
    SERVED,
    SWITCHED_OFF,
    BackEndFault,
    ProbeReply,
    ProbeStream,
    StreamEnd,
)

_MAX_REFUSAL = 64 * 1024
_MAX_LINE = 64 * 1024
_BLOCKS = ("FF_GLOBAL_AI", "FF_TENANT_BLOCK")
_NEEDS_TARGET = ("FF_TOOL_REVOKE", "FF_MODEL_ROUTE")
_NEEDS_AGENT = ("FF_AGENT_DRAFT",)


class DataPath:
    """The chat endpoint at `url`, spoken to with the probe token over the connections it is given."""

    def __init__(
        self, url: str, probe_token: str, inventory: Inventory, connections: Callable[[], aiohttp.ClientSession]
    ) -> None:
        self._url = f"{url}/v1/chat"
        self._headers = {"x-probe": probe_token}
        self._inventory = inventory
        self._connections = connections

    def request_for(self, switch: str, item: InventoryItem) -> dict[str, Any] | None:
        """The body of a request that `switch` on `item` would refuse; None when no request can tell."""
        route = _route(self._inventory, item)
        if route is None:
            return None
        body: dict[str, Any] = route | {"input": "Probe: is this path open?", "max_tokens": 1}
        if switch in _BLOCKS:
            return body
        if switch in _NEEDS_TARGET:
            return body | {"needs": [item.id]}
        return body | {"needs": ["agent"]} if switch in _NEEDS_AGENT else None

    async def probe(self, switch: str, item: InventoryItem, seconds: float) -> ProbeReply:
        """Send a short request and see what it meets; never raises."""
        body = self.request_for(switch, item)
        if body is None:
            return ProbeReply(NO_ANSWER, _now())
        try:
            async with self._send(body, seconds) as response:
                reply = await _judged(response)
                if reply.outcome == SERVED:
                    # the headers alone may be a promise; served means that an answer began to come
                    first = await response.content.readany()
                    reply = ProbeReply(SERVED if first else NO_ANSWER, _now())
                    response.close()
                return reply
        except (aiohttp.ClientError, TimeoutError, OSError, BackEndFault):
            return ProbeReply(NO_ANSWER, _now())

    async def open_stream(
        self, switch: str, item: InventoryItem, seconds: float
    ) -> tuple[ProbeReply, ProbeStream | None]:
        """Send a request that stays open; the stream when it was served. Never raises."""
        body = self.request_for(switch, item)
        if body is None:
            return ProbeReply(NO_ANSWER, _now()), None
        try:
            async with asyncio.timeout(seconds):
                response = await self._send(body | {"hold": True, "max_tokens": 512}, None)
                reply = await _judged(response)
                first = await response.content.readany() if reply.outcome == SERVED else b""
        except (aiohttp.ClientError, TimeoutError, OSError, BackEndFault) as e:
            print("DBG", repr(e))
            return ProbeReply(NO_ANSWER, _now()), None
        if reply.outcome != SERVED or not first:
            response.close()
            return reply if reply.outcome != SERVED else ProbeReply(NO_ANSWER, _now()), None
        return ProbeReply(SERVED, _now()), HeldStream(response, first)

    def _send(self, body: Mapping[str, Any], seconds: float | None) -> Any:
        return self._connections().post(
            self._url,
            json=body,
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=seconds),
            allow_redirects=False,
        )


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
        except (aiohttp.ClientError, OSError):
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


async def _judged(response: aiohttp.ClientResponse) -> ProbeReply:
    """What status and problem say."""
    if response.status == 200:
        return ProbeReply(SERVED, _now())
    data = await response.content.read(_MAX_REFUSAL)
    at = _now()
    if response.status == 503:
        return ProbeReply(OVERLOADED, at)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if response.status == 403 and isinstance(value, dict) and value.get("kind") == "switched_off":
        return ProbeReply(SWITCHED_OFF, at, answers.refusers(value))
    return ProbeReply(NO_ANSWER, at)


def _route(inventory: Inventory, item: InventoryItem) -> dict[str, str] | None:
    """Tenant, surface and region of a request that passes through `item`; the first by id where there is a choice."""
    environment = item.id if item.kind == "environment" else item.environment
    around = sorted((o for o in inventory.items.values() if o.environment == environment), key=lambda other: other.id)
    tenants = [o.id for o in around if o.kind == "tenant" and (not item.tenants or o.id in item.tenants)]
    tenant = item.id if item.kind == "tenant" else next(iter(tenants), "")
    found = {"tenant": tenant}
    for kind in ("surface", "region"):
        serving = [o.id for o in around if o.kind == kind and (not o.tenants or tenant in o.tenants)]
        found[kind] = item.id if item.kind == kind else next(iter(serving), "")
    return found if all(found.values()) else None


def _now() -> datetime:
    return datetime.now(UTC)
