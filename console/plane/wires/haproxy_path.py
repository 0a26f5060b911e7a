"""Requests through HAProxy that prove what a switch does, and streams whose end HAProxy itself explains.

A cut carries no id in the stream. It is laid to an order only when HAProxy wrote down that this very stream was ended
by an order, the same process still answers, and exactly one switch that concerns the stream is held stopped since.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp

from console.domain.inventory import Inventory, InventoryItem
from console.domain.switches import STOPPED
from console.plane.backends import (
    NO_ANSWER,
    SERVED,
    BackEndFault,
    ProbeReply,
    ProbeStream,
    ReadBack,
    StreamEnd,
)
from console.plane.wires import gateway_path
from console.plane.wires.gateway_path import Answer
from console.plane.wires.haproxy_runtime import Runtime
from console.protocol.data_path import MOST_TENANTS, only_this_tenant

Pairs = tuple[tuple[str, str], ...]
"""Switches and targets that a request passes."""

WRITTEN_WITHIN_S, PAUSE_S = 0.3, 0.005
"""HAProxy writes down how a stream ended shortly after its caller sees the end."""
_MAX_REFUSAL = 64 * 1024
_MAX_TOLD = 256 * 1024
_MAX_NOTICE = 1000


class GatewayPath:
    """The chat endpoint at `url`; connections are opened on first use, on the event loop that uses it."""

    def __init__(
        self, url: str, inventory: Inventory, runtime: Runtime, read_back: Callable[[], Awaitable[ReadBack]]
    ) -> None:
        self._url = url
        self._inventory = inventory
        self._runtime, self._read_back = runtime, read_back
        self._session: aiohttp.ClientSession | None = None

    async def probe(self, switch: str, item: InventoryItem, seconds: float) -> ProbeReply:
        """Send a short request and see what it meets; never raises."""
        reply, answer, _ = await self._first_telling(switch, item, seconds, {"max_tokens": 1})
        if answer is not None:
            answer.response.close()
        return reply

    async def open_stream(
        self, switch: str, item: InventoryItem, seconds: float
    ) -> tuple[ProbeReply, ProbeStream | None]:
        """Send a request that stays open; the stream when it was served. Never raises."""
        reply, answer, passed = await self._first_telling(switch, item, seconds, {"hold": True})
        if answer is None:
            return reply, None
        try:
            async with asyncio.timeout(seconds):
                boot_id = await self._runtime.boot_id()
        except (BackEndFault, TimeoutError):
            boot_id = ""  # whatever ends the stream will then not be laid to an order
        return reply, HeldStream(answer.response, Witness(self._runtime, self._read_back, passed, boot_id))

    async def notice(self, item: InventoryItem, seconds: float) -> ProbeReply:
        """Send a request that names no model and see what its user is told (SWI-10); never raises."""
        reply, answer, _ = await self._first_telling("", item, seconds, {"max_tokens": 1})
        if answer is None:
            return reply
        try:
            async with asyncio.timeout(seconds):
                return replace(reply, notice=_notice(answer.first + await _read(answer.response, _MAX_TOLD)))
        except (aiohttp.ClientError, TimeoutError, OSError):
            return ProbeReply(NO_ANSWER, _now())
        finally:
            answer.response.close()

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _first_telling(
        self, switch: str, item: InventoryItem, seconds: float, body: dict[str, object]
    ) -> tuple[ProbeReply, Answer | None, Pairs]:
        """The first reply that tells something of `switch`: a tenant that is blocked itself tells nothing of others."""
        reply, passed = ProbeReply(NO_ANSWER, _now()), Pairs()
        try:
            async with asyncio.timeout(seconds):
                for tenant in self._tenants(item)[:MOST_TENANTS]:
                    passed = _passed(switch, item, tenant)
                    reply, answer = await self._ask(tenant, passed, body)
                    if answer is not None or not only_this_tenant(reply, tenant, item):
                        return reply, answer, passed
        except (aiohttp.ClientError, TimeoutError, OSError, BackEndFault):
            return ProbeReply(NO_ANSWER, _now()), None, passed
        return reply, None, passed

    async def _ask(self, tenant: str, passed: Pairs, body: dict[str, object]) -> tuple[ProbeReply, Answer | None]:
        """One request; the answer is left open when a first piece of it came."""
        models = [("x-model", target) for switch, target in passed if switch == "FF_MODEL_ROUTE"]
        response = await self._connections().post(
            self._url,
            json=body,
            headers=[("x-probe", "1"), ("x-tenant", tenant), *models],
            timeout=aiohttp.ClientTimeout(total=None),  # whoever asks sets the limit; an open stream has none
            allow_redirects=False,
        )
        first = b""
        try:
            if response.status != 200:
                return gateway_path._refusal(response.status, await _read(response, _MAX_REFUSAL)), None
            first = await response.content.readany()
            return (
                (ProbeReply(SERVED, _now()), Answer(response, first))
                if first
                else (ProbeReply(NO_ANSWER, _now()), None)
            )
        finally:
            if not first:
                response.close()

    def _tenants(self, item: InventoryItem) -> list[str]:
        if item.kind == "tenant":
            return [item.id]
        environment = item.id if item.kind == "environment" else item.environment
        around = sorted(one.id for one in self._inventory.items.values() if one.environment == environment)
        return [one for one in around if one.startswith("tenant.") and (not item.tenants or one in item.tenants)]

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            # a connection a request: whether the gateway still takes new ones is a part of what is asked
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True), trust_env=False)
        return self._session


class Witness:
    """Says which order ended a stream that passed `passed` while the process `boot_id` answered, "" when unknown."""

    def __init__(
        self, runtime: Runtime, read_back: Callable[[], Awaitable[ReadBack]], passed: Pairs, boot_id: str
    ) -> None:
        self._runtime, self._read_back, self._passed, self._boot_id = runtime, read_back, passed, boot_id

    async def who_cut(self, stream: str) -> str:
        """The assertion's id; see the module's rule."""
        try:
            if not await self._was_ordered(stream):
                return ""
            return order_held(await self._read_back(), self._passed, self._boot_id)
        except (BackEndFault, ValueError):
            return ""

    async def _was_ordered(self, stream: str) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WRITTEN_WITHIN_S
        while not await self._runtime.was_ended_by_order(stream):
            if loop.time() > deadline:
                return False
            await asyncio.sleep(PAUSE_S)
        return True


def order_held(read: ReadBack, passed: Pairs, boot_id: str) -> str:
    """The id of the one stop among `passed` that the same process holds now, "" when there are none or several."""
    stops = [held for pair in passed if (held := read.switches.get(pair)) is not None and held.state == STOPPED]
    return stops[0].assertion_id if len(stops) == 1 and read.boot_id == boot_id else ""


class HeldStream:
    """An open answer that is read until it ends; `opened` is when its first piece came."""

    def __init__(self, response: aiohttp.ClientResponse, witness: Witness) -> None:
        self.opened = _now()
        self._response, self._witness = response, witness
        self._end: StreamEnd | None = None
        self._reading = asyncio.create_task(self._read())

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

    async def _read(self) -> None:
        try:
            while await self._response.content.readany():
                pass
        except (aiohttp.ClientError, OSError, RuntimeError):  # the last is aiohttp's word for "connection closed"
            at = _now()
            stream = self._response.headers.get("x-stream", "")
            named = await self._witness.who_cut(stream) if stream.isascii() and stream.isdigit() else ""
            self._end = StreamEnd(at, cut=bool(named), assertion_id=named)
            return
        self._end = StreamEnd(_now(), cut=False)


def _passed(switch: str, item: InventoryItem, tenant: str) -> Pairs:
    """What a probe of `switch` on `item` passes as that tenant."""
    environment = item.id if item.kind == "environment" else item.environment
    always: Pairs = (("FF_GLOBAL_AI", environment), ("FF_TENANT_BLOCK", tenant))
    return (*always, (switch, item.id)) if switch == "FF_MODEL_ROUTE" else always


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The rest of an answer, of which what lies beyond `most` bytes is left."""
    data = bytearray()
    while len(data) < most and (part := await response.content.readany()):
        data += part
    return bytes(data[:most])


def _notice(answer: bytes) -> str:
    """The text of the notice in a streamed answer, "" when there is none."""
    _, found, after = answer.partition(b"event: notice\ndata: ")
    if not found:
        return ""
    try:
        value = json.loads(after.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return ""
    text = value.get("text", "") if isinstance(value, dict) else ""
    return text[:_MAX_NOTICE] if isinstance(text, str) else ""


def _now() -> datetime:
    return datetime.now(UTC)
