"""A gateway on loopback that speaks the range's protocol and misbehaves on request: lies, dawdles, forgets, restarts.

It serves from a thread of its own. What it believes is in `states`; every switch that a test sets through `throw` or
that a plane sets over HTTP is also in `durable` unless `forgets` is set. Times are those of this machine.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from console.domain.times import format_utc, from_epoch_us, parse_utc
from console.protocol.problems import MEDIA_TYPE

CONTROL, PROBE = "control-token-of-a-test", "probe-token-of-a-test"
TENANTS = ("tenant.borealis", "tenant.cascade", "tenant.dunmore", "tenant.estuary")
PAIRS = (("FF_GLOBAL_AI", "environment.range"), *(("FF_TENANT_BLOCK", tenant) for tenant in TENANTS))
BLOCKED_BY = {"FF_GLOBAL_AI": "", "FF_TENANT_BLOCK": "tenant"}


@dataclass
class State:
    switch: str
    target: str
    state: str = "running"
    generation: int = 0
    command_id: str = ""
    set_at: str = ""


class FakeGateway:
    """`with FakeGateway() as gateway:` serves at `gateway.url`.

    Attributes a test may set at any time:
        lies: answer "applied" and change nothing at the data path.
        holds: "effect" or "answer": a switch waits before that until `release`.
        down: every connection is dropped without an answer.
        cuts: whether open streams end; `names_the_cut`: whether they say by which command.
        forgets: nothing survives a restart.
        fails: status to answer switches with instead (0: none).
        silent: the data path takes requests and never answers.
        overloaded: the data path answers 503.
        flaps: a switch that is stopped lets every second request through.
        captured: items a capture answers.
    """

    def __init__(self) -> None:
        self.lies = self.forgets = self.silent = self.overloaded = False
        self.down = self.flaps = False
        self.holds = ""
        self.cuts = self.names_the_cut = True
        self.fails = self.asked = 0
        self.captured: list[dict[str, str]] = []
        self.calls: list[str] = []
        self.orders: list[dict[str, Any]] = []
        self.states = {pair: State(*pair) for pair in PAIRS}
        self.durable = {pair: State(*pair) for pair in PAIRS}
        self.answers: dict[str, dict[str, Any]] = {}
        self.boot_id, self.url, self.port = str(uuid.uuid4()), "", 0
        self._batches: list[dict[str, Any]] = []
        self._streams: list[tuple[str, web.Request, asyncio.Event]] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="fake-gateway")

    # -- for the test ----------------------------------------------------------------------------------------------

    def restart(self, *, keeps: bool = True) -> str:
        """Become another process: streams end, and only what is durable is still believed. The new boot id."""
        self._on_loop(lambda: self._restart(keeps))
        return self.boot_id

    def release(self) -> None:
        """Let go of what `holds` keeps."""
        self.holds = ""
        self._on_loop(self._released.set)

    def throw(self, switch: str, target: str, state: str, generation: int, command_id: str = "by-hand") -> None:
        """As if somebody had used the gateway's own credentials."""
        thrown = State(switch, target, state, generation, command_id)
        self._on_loop(lambda: self._set(thrown))

    def feed(self, samples: list[dict[str, Any]], t_us: int = 0) -> None:
        """Send a batch of samples to whoever follows."""

        def put() -> None:
            self._batches.append({"t": t_us or time.time_ns() // 1000, "samples": samples})

        self._on_loop(put)

    def held(self, switch: str, target: str) -> State:
        """What it believes."""
        return self.states[switch, target]

    @property
    def open_streams(self) -> int:
        return len(self._streams)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the fake gateway did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _on_loop(self, act: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return act()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(5)

    # -- serving ---------------------------------------------------------------------------------------------------

    async def _main(self) -> None:
        self._loop, self._stop, self._released = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        app = web.Application(middlewares=[self._watch])
        app.add_routes(
            [
                web.get("/control/state", self._state), web.get("/control/capabilities", self._capabilities),
                web.put("/control/switches/{switch}/{target}", self._switch), web.get("/control/counts", self._counts),
                web.post("/control/validate", self._validate), web.get("/control/capture", self._capture),
                web.get("/telemetry/stream", self._telemetry), web.post("/v1/chat", self._chat),
            ]
        )  # fmt: skip
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.05)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._ready.set()
        await self._stop.wait()
        self._released.set()
        for _, _, ended in self._streams:
            ended.set()
        await runner.cleanup()

    @web.middleware
    async def _watch(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.path}")
        if self.down and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if not request.path.startswith("/v1/") and request.headers.get("Authorization") != f"Bearer {CONTROL}":
            return _problem(401, "unauthenticated")
        answer: web.StreamResponse = await handler(request)
        return answer

    def _restart(self, keeps: bool) -> None:
        self.boot_id = str(uuid.uuid4())
        for _, request, ended in list(self._streams):
            if request.transport is not None:
                request.transport.abort()
            ended.set()
        survives = keeps and not self.forgets
        self.states = {pair: State(**asdict(self.durable[pair])) if survives else State(*pair) for pair in PAIRS}
        self.answers = self.answers if survives else {}

    def _set(self, state: State) -> int:
        pair = (state.switch, state.target)
        if not self.lies:
            self.states[pair] = state
        if not self.forgets:
            self.durable[pair] = state
        return self._cut(state) if state.state == "stopped" and self.cuts and not self.lies else 0

    def _cut(self, state: State) -> int:
        reached = [s for s in self._streams if state.target in ("environment.range", s[0])]
        for _, request, ended in reached:
            facts = {"switch": state.switch, "command_id": state.command_id, "generation": state.generation}
            line = f"event: cut\ndata: {json.dumps(facts)}\n\n".encode() if self.names_the_cut else b": bye\n\n"
            if request.transport is not None:
                request.transport.write(b"%x\r\n%b\r\n" % (len(line), line))
                request.transport.abort()
            ended.set()
        return len(reached)

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "boot_id": self.boot_id,
                "started_at": _now(),
                "switches": [asdict(state) for state in self.states.values()],
                "durable": [asdict(state) for state in self.durable.values()],
            }
        )

    async def _capabilities(self, request: web.Request) -> web.Response:
        able = {"refuses_new": True, "cuts_streams": self.cuts, "durable": not self.forgets, "read_back": True}
        kinds = {"FF_GLOBAL_AI": ["environment"], "FF_TENANT_BLOCK": ["tenant"]}
        return web.json_response({switch: able | {"kinds": kind} for switch, kind in kinds.items()})

    async def _switch(self, request: web.Request) -> web.Response:
        body = await request.json()
        pair = (request.match_info["switch"], request.match_info["target"])
        self.orders.append(body | {"switch": pair[0], "target": pair[1]})
        if self.fails:
            return _problem(self.fails, "internal" if self.fails >= 500 else "unmapped")
        if body["command_id"] in self.answers:
            return web.json_response(self.answers[body["command_id"]])
        if pair not in self.states:
            return _problem(404, "unmapped")
        if parse_utc(body["expires"]) <= parse_utc(_now()):
            return _problem(410, "expired")
        if body["generation"] <= self.states[pair].generation:
            return _problem(409, "stale", generation=self.states[pair].generation)
        await self._held_back("effect")
        cut = self._set(State(*pair, body["want"], body["generation"], body["command_id"], _now()))
        answer = {"applied": True, "state": body["want"], "generation": body["generation"], "durable": True}
        self.answers[body["command_id"]] = answer | {"streams_cut": cut}
        await self._held_back("answer")
        return web.json_response(self.answers[body["command_id"]])

    async def _held_back(self, before: str) -> None:
        if self.holds == before:
            await self._released.wait()

    async def _counts(self, request: web.Request) -> web.Response:
        one = {"sessions": 12, "open_streams": 3, "requests_60s": 480, "spend_microusd_60s": 91_000}
        return web.json_response({"counted_at": _now(), "counts": dict.fromkeys((*TENANTS, "environment.range"), one)})

    async def _validate(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response(
            {"cases": body["cases"], "passed": body["cases"], "measures": {"grounding_score": "0.91"}, "answers": ["x"]}
        )

    async def _capture(self, request: web.Request) -> web.Response:
        return web.json_response({"items": self.captured})

    async def _telemetry(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        boot, at = self.boot_id, int(request.query.get("after", "0"))
        with contextlib.suppress(ConnectionResetError):
            while not self._stop.is_set() and boot == self.boot_id:
                for batch in self._batches[at:]:
                    at += 1
                    await response.write(f"id: {at}\ndata: {json.dumps(batch)}\n\n".encode())
                await response.write(b": tick\n\n")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), 0.02)
        return response

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if request.headers.get("x-probe") != PROBE:
            return _problem(401, "unauthenticated")
        if self.silent:
            await self._stop.wait()
        if self.overloaded:
            return _problem(503, "busy")
        self.asked += 1
        for state in () if self.flaps and self.asked % 2 else tuple(self.states.values()):
            reaches = state.target in ("environment.range", body["tenant"])
            if state.state == "stopped" and reaches:
                return _problem(
                    403, "switched_off", switch=state.switch, target=state.target, generation=state.generation,
                    command_id=state.command_id,
                )  # fmt: skip
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'data: {"i":0,"text":"yes"}\n\n')
        if not body.get("hold"):
            await response.write(b'data: {"done":true}\n\n')
            return response
        ended = asyncio.Event()
        stream = (body["tenant"], request, ended)
        self._streams.append(stream)
        try:
            await ended.wait()
        finally:
            self._streams.remove(stream)
        return response


def item(dimension: str, name: str, value: Any) -> dict[str, str]:
    """A captured item that holds `value` as JSON."""
    content = base64.b64encode(json.dumps(value).encode()).decode()
    return {
        "dimension": dimension, "name": name, "media_type": "application/json", "captured_at": _now(),
        "content_b64": content,
    }  # fmt: skip


def _problem(status: int, kind: str, **more: Any) -> web.Response:
    return web.Response(status=status, text=json.dumps({"kind": kind, **more}), content_type=MEDIA_TYPE)


def _now() -> str:
    return format_utc(from_epoch_us(time.time_ns() // 1000))
