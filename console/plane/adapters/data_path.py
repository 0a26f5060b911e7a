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
_MAX_NOTICE = 1000
MOST_TENANTS = 8
"""Tenants tried before a probe gives up seeing past blocked ones."""

_BLOCKS = ("FF_GLOBAL_AI", "FF_TENANT_BLOCK", "FF_FEATURE", "FF_TOKEN_BUDGET")
_NEEDS_TARGET = ("FF_TOOL_REVOKE", "FF_MODEL_ROUTE", "FF_INDEX_FREEZE", "FF_ROW_QUARANTINE")
_NEEDS_ABILITY: Mapping[str, str] = {
    "FF_AGENT_DRAFT": "agent",
    "FF_READ_ONLY": "write",
    "FF_MEMORY_WRITES": "memory",
    "FF_EXTERNAL_CALLS": "external",
    "FF_BROWSER_ACCESS": "browser",
    "FF_EGRESS_BLOCK": "egress",
    "FF_SAFETY_FILTER": "unfiltered",
    "FF_STATIC_RESPONSE": "model_answer",
    "FF_HUMAN_REVIEW": "unreviewed",
    "FF_REASONING_TURNS": "long_reasoning",
    "FF_TRUST_CAVEAT": "plain_answer",
    "FF_CACHE_BYPASS": "cache",
    "FF_SESSIONS": "session",
}
"""The ability that a switch takes away, by the gateway's word for it."""
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
        self._url = f"{url}/v1/chat"
        self._headers = {"x-probe": probe_token}
        self._inventory = inventory
        self._connections = connections

    def requests_for(self, switch: str, item: InventoryItem) -> list[dict[str, Any]]:
        """Bodies of requests that `switch` on `item` would refuse, one a tenant; none when no request can tell."""
        needs = _needs(switch, item)
        if needs is None:
            return []
        plain: dict[str, Any] = {"input": "Probe: is this path open?", "max_tokens": 1}
        return [route | plain | needs for route in _routes(self._inventory, item)]

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
                for route in _routes(self._inventory, item)[:MOST_TENANTS]:
                    reply, answer = await self._ask(route | plain)
                    if answer is not None:
                        return replace(reply, notice=_notice(await _whole(answer)))
                    if not _only_this_tenant(reply, route["tenant"], item):
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
                    if answer is not None or not _only_this_tenant(reply, body["tenant"], item):
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
                return _refusal(response.status, await response.content.read(_MAX_REFUSAL)), None
            first = await response.content.readany()
            return (
                (ProbeReply(SERVED, _now()), Answer(response, first))
                if first
                else (ProbeReply(NO_ANSWER, _now()), None)
            )
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
    """What a status other than 200 says, and which switches its problem names."""
    at = _now()
    if status == 503:
        return ProbeReply(OVERLOADED, at)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if status == 403 and isinstance(value, dict) and value.get("kind") == "switched_off":
        return ProbeReply(SWITCHED_OFF, at, answers.refusers(value))
    return ProbeReply(NO_ANSWER, at)


def _only_this_tenant(reply: ProbeReply, tenant: str, item: InventoryItem) -> bool:
    """Whether a request was refused only because its tenant is blocked, while `item` is something else."""
    return bool(reply.refused_by) and item.id != tenant and all(r.target == tenant for r in reply.refused_by)


def _needs(switch: str, item: InventoryItem) -> dict[str, Any] | None:
    """What a request must ask for so that this switch refuses it; None when none can."""
    if switch in _BLOCKS:
        return {}
    if switch in _NEEDS_TARGET:
        return {"needs": [item.id]}
    if switch == "FF_PROMPT_PATTERN" and item.text:
        return {"input": f"Probe: {item.text}"}
    ability = _NEEDS_ABILITY.get(switch)
    return {"needs": [ability]} if ability is not None else None


def _routes(inventory: Inventory, item: InventoryItem) -> list[dict[str, str]]:
    """Tenant, surface and region of requests that pass through `item`, one a tenant, in order of id."""
    environment = item.id if item.kind == "environment" else item.environment
    around = sorted((o for o in inventory.items.values() if o.environment == environment), key=lambda other: other.id)
    if item.kind == "tenant":
        tenants = [item.id]
    else:
        tenants = [o.id for o in around if o.kind == "tenant" and (not item.tenants or o.id in item.tenants)]
    routes = []
    for tenant in tenants:
        found = {"tenant": tenant}
        for kind in ("surface", "region"):
            serving = [o.id for o in around if o.kind == kind and (not o.tenants or tenant in o.tenants)]
            found[kind] = item.id if item.kind == kind else next(iter(serving), "")
        if all(found.values()):
            routes.append(found)
    return routes


def _now() -> datetime:
    return datetime.now(UTC)
