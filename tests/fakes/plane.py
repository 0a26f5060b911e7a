"""A control plane on loopback that speaks the real protocol, keeps a real journal, and misbehaves on request.

It verifies what the real one verifies about talking (tokens, signatures, receipts) and knows nothing about gates or
switches: `obey` says what becomes of a command. `misbehave(prefix, *kinds)` queues one fault a request, in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from console.domain.times import format_utc, from_epoch_us, parse_utc
from console.proof.canonical import parse_canonical
from console.proof.envelope import SignedEvent
from console.proof.journal import (
    EMPTY_JOURNAL_HASH,
    journal_hash,
    receipt_object,
    sign_receipt,
    token_subject,
    verify_token_request,
)
from console.protocol.limits import DEFAULT_LIMITS
from console.protocol.problems import MEDIA_TYPE, Problem
from tests.fakes.people import DESK, PLANE, ROOT
from tests.fakes.plane_answers import checkpoint_of, heads_of

ORIGIN = "range.example.org/plane"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SILENT = logging.getLogger("tests.fakes.plane.http")
_SILENT.setLevel(logging.CRITICAL + 1)
"""A caller that is killed in the middle of an answer is what these tests are about, not a fault of the fake."""


@dataclass(frozen=True)
class Row:
    gpos: int
    hash: str
    status: str
    event: SignedEvent

    def wire(self, withheld: bool = False) -> dict[str, Any]:
        return {
            "gpos": self.gpos,
            "journal_hash": self.hash,
            "status": self.status,
            "event_hash": self.event.hash if withheld else "",
            "event": None if withheld else self.event.wire(),
        }


class FakePlane:
    """`with FakePlane() as plane:` serves at `plane.url` from a thread of its own and leaves nothing behind."""

    def __init__(
        self, *, exercise: bool = True, skew_us: int = 0, max_batch: int = DEFAULT_LIMITS.events_per_push
    ) -> None:
        self.exercise, self.skew_us, self.max_batch = exercise, skew_us, max_batch
        self.epoch = str(uuid.UUID(int=0xE0 << 64 | 7 << 76 | 2 << 62))
        self.devices = {DESK.id: DESK.public_hex, ROOT.id: ROOT.public_hex}
        self.rows: list[Row] = []
        self.receipts: dict[tuple[str, str], dict[str, Any]] = {}
        self.reject: set[str] = set()
        self.withheld: set[str] = set()
        """Incidents whose events nobody is shown."""
        self.places: set[Any] = set()
        self.packed = 0
        self.commands: dict[str, dict[str, Any]] = {}
        self.effects: list[str] = []
        self.obey: Callable[[dict[str, Any]], str] = lambda order: "verified"
        self.samples: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.tokens: dict[str, str] = {}
        self.url = ""
        self.hold = threading.Event()
        self._faults: dict[str, deque[str]] = defaultdict(deque)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="fake-plane")

    # -- for the test ----------------------------------------------------------------------------------------------

    def misbehave(self, prefix: str, *kinds: str) -> None:
        """Queues faults for requests whose path begins with `prefix`; see `_behave`."""
        self._faults[prefix].extend(kinds)

    def count(self, path: str) -> int:
        """How many requests began with that "METHOD /path"."""
        return sum(call.startswith(path) for call in self.calls)

    def forget_tokens(self) -> None:
        """As a plane that restarts does."""
        self.tokens.clear()

    def append(self, events: Sequence[SignedEvent]) -> None:
        """As if another desk had pushed these."""

        async def put() -> None:
            for event in events:
                self._place(event)
            await self._ring()

        asyncio.run_coroutine_threadsafe(put(), self._loop).result(5)

    def roll_back(self, keep: int, *, epoch: str = "") -> None:
        """As if a backup with so many entries were put back; with `epoch` the plane has noticed it."""

        async def put() -> None:
            kept, self.rows, self.receipts, self.places = self.rows[:keep], [], {}, set()
            self.epoch = epoch or self.epoch
            for row in kept:
                self._place(row.event)
            await self._ring()

        asyncio.run_coroutine_threadsafe(put(), self._loop).result(5)

    def feed(self, *samples: dict[str, Any]) -> None:
        """Puts blocks on the metric stream."""

        async def put() -> None:
            self.samples.extend(samples)
            await self._ring()

        asyncio.run_coroutine_threadsafe(put(), self._loop).result(5)

    @property
    def journal_end(self) -> str:
        return self.rows[-1].hash if self.rows else EMPTY_JOURNAL_HASH

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the fake plane did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.hold.set()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    # -- serving ---------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stop, self._bell = asyncio.get_running_loop(), asyncio.Event(), asyncio.Condition()
        app = web.Application(middlewares=[self._behave], client_max_size=8 * 1024 * 1024)
        app.add_routes(
            [
                web.get("/v1/config", self._config), web.post("/v1/token", self._token),
                web.post("/v1/events", self._events), web.get("/v1/journal", self._journal),
                web.get("/v1/heads", self._heads),
                web.post("/v1/commands", self._command), web.get("/v1/commands/{id}", self._look_up),
                web.post("/v1/commands/select", self._select), web.get("/v1/metrics/stream", self._metrics),
                web.get("/v1/captures", self._captures), web.get("/v1/health", self._health),
            ]
        )  # fmt: skip
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.05, logger=_SILENT)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stop.wait()
        await self._ring()
        await runner.cleanup()

    async def _ring(self) -> None:
        async with self._bell:
            self._bell.notify_all()

    @web.middleware
    async def _behave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path
        self.calls.append(f"{request.method} {request.path_qs}")
        queue = next((q for prefix, q in self._faults.items() if path.startswith(prefix) and q), None)
        fault = queue.popleft() if queue else ""
        if fault.isdigit():
            kinds = {"401": "unauthenticated", "403": "forbidden", "413": "too_large", "503": "busy", "409": "conflict"}
            kinds |= {"422": "malformed", "410": "epoch_changed", "404": "not_found"}
            return _problem(int(fault), kinds.get(fault, "internal"), headers={"Retry-After": "1"})
        if fault == "drop":
            return self._cut(request)
        if fault == "hold":
            await asyncio.get_running_loop().run_in_executor(None, self.hold.wait, 20)
        if fault == "twice":
            await handler(request)
        if fault in ("garbage", "redirect", "huge", "gzip"):
            return _nonsense(fault)
        needs_token = path not in ("/v1/config", "/v1/token", "/v1/health")
        if needs_token and request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _problem(401, "unauthenticated")
        answer = await handler(request)
        if fault == "drop_after":
            return self._cut(request)
        if fault == "truncate" and isinstance(answer, web.Response):
            assert request.transport is not None
            request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{")
            return self._cut(request)
        return answer

    def _cut(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    def _now(self) -> str:
        return format_utc(from_epoch_us(time.time_ns() // 1000 + self.skew_us))

    def _answer(self, body: dict[str, Any], status: int = 200) -> web.Response:
        common = {"epoch": self.epoch, "server_time": self._now(), "request_id": str(uuid.uuid4())}
        return web.json_response(common | body, status=status)

    async def _config(self, request: web.Request) -> web.Response:
        return self._answer(
            {
                "origin": ORIGIN, "exercise": self.exercise, "root_public_key": ROOT.public_hex,
                "plane_device": PLANE.id, "plane_public_key": PLANE.public_hex, "policy_hash": "0" * 64,
                "limits": {"events_per_push": self.max_batch, "journal_page": 1000, "long_poll_s": 25,
                           "gzip_requests": 1},
            }
        )  # fmt: skip

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"well": True})

    async def _token(self, request: web.Request) -> web.Response:
        asked = await request.json()
        subject = token_subject(asked["device"], asked["nonce"], asked["time"], asked["origin"])
        public = self.devices.get(asked["device"], "")
        if asked["origin"] != ORIGIN or not public or not verify_token_request(public, subject, asked["sig"]):
            return _problem(401, "unauthenticated")
        token = uuid.uuid4().hex
        self.tokens[token] = asked["device"]
        return self._answer({"token": token, "expires": self._now()})

    async def _events(self, request: web.Request) -> web.Response:
        self.packed += request.headers.get("Content-Encoding") == "gzip"
        sent = (await request.json())["events"]
        if len(sent) > self.max_batch:
            return _problem(413, "too_large")
        results = [self._place(SignedEvent(e["canon"], e["sig"], e.get("person_sig", ""))) for e in sent]
        await self._ring()
        return self._answer({"results": results})

    def _place(self, event: SignedEvent) -> dict[str, Any]:
        envelope = event.envelope
        known = self.receipts.get((envelope.event_id, event.hash))
        if known:
            return known
        place = (*envelope.chain, envelope.seq)
        taken = place in self.places or envelope.event_id in self.places
        self.places |= {place, envelope.event_id}
        good = not taken and envelope.type not in self.reject and envelope.exercise == self.exercise
        row = Row(
            len(self.rows) + 1,
            journal_hash(self.journal_end, event.hash, good),
            "accepted" if good else "rejected",
            event,
        )
        self.rows.append(row)
        receipt = receipt_object(envelope.event_id, event.hash, row.status, row.gpos, self.epoch)
        problem = (
            {} if good else Problem("conflict" if taken else "forbidden", "The plane refuses this event.").as_object()
        )
        result = {
            "event_id": envelope.event_id, "hash": event.hash, "status": row.status, "gpos": row.gpos,
            "server_sig": sign_receipt(PLANE, receipt), "problem": problem,
        }  # fmt: skip
        self.receipts[(envelope.event_id, event.hash)] = result
        return result

    async def _journal(self, request: web.Request) -> web.Response:
        asked = request.query
        after, limit, wait = int(asked["after"]), int(asked["limit"]), int(asked["wait"])
        if asked["epoch"] != self.epoch:
            return _problem(410, "epoch_changed")
        here = self.rows[after - 1].hash if 0 < after <= len(self.rows) else EMPTY_JOURNAL_HASH if after == 0 else ""
        if here != asked["hash"]:
            return _problem(409, "conflict")
        if wait:
            async with self._bell:
                more = self._bell.wait_for(lambda: len(self.rows) != after or self._stop.is_set())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(more, wait)
        entries = [row.wire(row.event.envelope.incident in self.withheld) for row in self.rows[after : after + limit]]
        return self._answer(
            {
                "entries": entries, "size": len(self.rows), "journal_hash": self.journal_end,
                "checkpoint": checkpoint_of(self.rows, ORIGIN),
            }
        )  # fmt: skip

    async def _heads(self, request: web.Request) -> web.Response:
        device = self.tokens[request.headers["Authorization"].removeprefix("Bearer ")]
        return self._answer(heads_of(self.rows, device))

    async def _select(self, request: web.Request) -> web.Response:
        asked = await request.json()
        seen = {"state": "running", "observed_at": self._now(), "method": "probe", "generation": 0, "command_id": ""}
        return self._answer(
            {
                "select_token": "s-1", "generation": 0, "observation": seen, "scope": "tenant",
                "ids": [asked["target"]], "counts": {"sessions": 3}, "counted_at": self._now(), "adapter": "simulator",
                "capabilities": {"refuses_new": True}, "policy_hash": "0" * 64, "pending": "",
            }
        )  # fmt: skip

    async def _command(self, request: web.Request) -> web.Response:
        order = parse_canonical((await request.json())["canon"].encode())
        known = self.commands.get(order["command_id"])
        if known is None:
            if parse_utc(order["expires"]) < parse_utc(self._now()):
                return _problem(410, "expired")
            state = self.obey(order)
            if state == "stale":
                return _problem(409, "stale")
            self.effects.append(order["command_id"])
            known = self.commands[order["command_id"]] = self._status(order["command_id"], "acknowledged")
            self.commands[order["command_id"]] = self._status(order["command_id"], state)
        return self._answer(known, status=202)

    def _status(self, command_id: str, state: str) -> dict[str, Any]:
        seen = state == "verified"
        observation = {
            "state": "stopped", "observed_at": self._now(), "method": "probe", "generation": 1,
            "command_id": command_id,
        }  # fmt: skip
        result = {"result": "true" if seen else "unknown", "evidence": ""}
        return {
            "command_id": command_id, "state": state, "generation": 1, "acknowledged_at": self._now(),
            "dispatched_at": self._now() if seen else "", "observed_at": self._now() if seen else "",
            "observation": observation if seen else None, "refuses_new": result, "streams_cut": result,
            "survives_restart": {"result": "unknown", "evidence": ""},
        }  # fmt: skip

    async def _look_up(self, request: web.Request) -> web.Response:
        known = self.commands.get(request.match_info["id"])
        return self._answer(known) if known else _problem(404, "not_found")

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        at = int(request.query.get("after", "0"))
        while not self._stop.is_set():
            async with self._bell:
                while len(self.samples) <= at and not self._stop.is_set():
                    await self._bell.wait()
            for block in self.samples[at:]:
                at += 1
                if block.pop("cut", False):
                    assert request.transport is not None
                    request.transport.close()
                    return response
                await response.write(f"id: {at}\ndata: {json.dumps(block)}\n\n".encode())
        return response

    async def _captures(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for name in ("span_attributes", "payloads"):
            await response.write(json.dumps({"dimension": name, "content_b64": "eA=="}).encode() + b"\n")
        return response


def _problem(status: int, kind: str, headers: dict[str, str] | None = None) -> web.Response:
    body = Problem(kind, f"The plane says {status}.").as_object()
    return web.json_response(body, status=status, content_type=MEDIA_TYPE, headers=headers or {})


def _nonsense(kind: str) -> web.Response:
    if kind == "redirect":
        return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/steal"})
    if kind == "huge":
        return web.Response(body=b"[" + b" " * (80 * 1024 * 1024))
    if kind == "gzip":
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    return web.Response(body=b"<html>login</html>")
