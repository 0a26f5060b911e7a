"""The data path: POST /v1/chat, where a kill is either in effect or not.

Ordinary and probe requests take the same way past the switches. A probe is left out of telemetry, counts and shedding,
so that proving a stop never looks like traffic and overload never looks like a stop.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from console.simulator import texts
from console.simulator.enforcement import Verdict
from console.simulator.gateway import MAX_PROBES, Gateway, now_us
from console.simulator.interactions import ANSWER_CHARS, PROMPT_CHARS, Interaction, is_notable
from console.simulator.service import Ask, Outcome
from console.simulator.streams import OpenStream, StreamedAnswer
from console.simulator.switches import SwitchState
from console.simulator.web import Refusal, int_field, only_fields, read_object, same_secret, text_field
from console.simulator.world import Route

MAX_CHUNKS = 8
HOLD_STEP_S, HOLD_MAX_S = 0.2, 60.0
RETRY_AFTER_S = 1

_FIELDS = frozenset({"tenant", "surface", "region", "input", "max_tokens", "session", "needs", "hold"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NEED = re.compile(r"agent|(tool|model)\.[a-z0-9][a-z0-9-]{0,60}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read and checked."""

    route: Route
    text: str
    max_tokens: int
    session: str
    needs: tuple[str, ...]
    hold: bool
    probe: bool
    request_id: str
    traceparent: str
    raw_sha256: str
    raw_bytes: int


class DataPath:
    """The handler of /v1/chat on one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_to(self, app: web.Application) -> None:
        """Registers the route."""
        app.router.add_post("/v1/chat", self.chat)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answers with a stream of events, 403 when a switch refuses it, 503 on overload."""
        began = asyncio.get_running_loop().time()
        call = await self._read(request)
        verdict = self._gateway.verdict(call.route, call.needs)
        self._admit(call, verdict)
        outcome = self._gateway.outcome(_ask(call), verdict.conditions)
        headers = {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Request-Id": call.request_id,
            "Traceparent": call.traceparent,
            "X-Model": outcome.model,
        }
        response = StreamedAnswer(headers=headers)
        tools = {*outcome.tools, *call.needs}
        stream = OpenStream(request, call.route, outcome.model, tools, probe=call.probe)
        self._gateway.opened(stream)
        try:
            if call.hold:
                await self._hold(response, stream)
            else:
                await self._answer(response, stream, call, outcome, began)
            if stream.cut_by is not None and not stream.begun:
                raise _switched_off((stream.cut_by,))
        except ConnectionResetError:
            pass  # the caller left or was cut; what it cost is counted below
        finally:
            self._gateway.closed(stream)
            if stream.begun and not call.probe:
                self._gateway.spent(call.route, outcome, call.session)
        return response

    async def _read(self, request: web.Request) -> Call:
        body = await read_object(request)
        only_fields(body, _FIELDS)
        raw = await request.read()
        route = self._gateway.world.route_of.get(
            (text_field(body, "tenant", 100), text_field(body, "surface", 100), text_field(body, "region", 100))
        )
        if route is None:
            raise Refusal(404, "unmapped", "No tenant of this range uses that surface in that region.")
        given = request.headers.get("X-Probe")
        if given is not None and not same_secret(given, self._gateway.order.probe_token):
            raise Refusal(401, "unauthenticated", "The probe token is not the one of this range.")
        hold = body.get("hold", False)
        if hold is not False and (hold is not True or given is None):
            raise Refusal(403, "forbidden", "Only a probe may hold its stream open.")
        request_id = request.headers.get("X-Request-Id", "")
        traceparent = request.headers.get("Traceparent", "")
        return Call(
            route=route,
            text=text_field(body, "input", 64 * 1024),
            max_tokens=int_field(body, "max_tokens", 0, 1_000_000),
            session=text_field(body, "session", 100) if "session" in body else "",
            needs=_needs(body.get("needs", [])),
            hold=hold,
            probe=given is not None,
            request_id=request_id if _REQUEST_ID.fullmatch(request_id) else secrets.token_hex(8),
            traceparent=traceparent
            if _TRACEPARENT.fullmatch(traceparent)
            else f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
            raw_sha256=hashlib.sha256(raw).hexdigest(),
            raw_bytes=len(raw),
        )

    def _admit(self, call: Call, verdict: Verdict) -> None:
        """Counts the arrival; raises Refusal when a switch or the load is against it."""
        gateway = self._gateway
        shed = not verdict.refused_by and (gateway.probes >= MAX_PROBES if call.probe else gateway.is_full)
        if not call.probe:
            gateway.meter.arrived(call.route, verdict.conditions.model, shed=shed)
        if verdict.refused_by:
            raise _switched_off(verdict.refused_by, gateway.board.problem)
        if shed:
            raise Refusal(
                503,
                "busy",
                "The service has as many open streams as it can serve.",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )

    async def _hold(self, response: web.StreamResponse, stream: OpenStream) -> None:
        loop = asyncio.get_running_loop()
        end, step, number = loop.time() + HOLD_MAX_S, loop.time(), 0
        await stream.begin(response)
        while True:
            await response.write(b'data: {"i":%d,"text":"held "}\n\n' % number)
            step, number = step + HOLD_STEP_S, number + 1
            if step >= end or not await stream.pause_until(step):
                break
        if stream.cut_by is None:
            await response.write_eof(b'data: {"done":true,"held":true}\n\n')

    async def _answer(
        self, response: web.StreamResponse, stream: OpenStream, call: Call, outcome: Outcome, began: float
    ) -> None:
        loop = asyncio.get_running_loop()
        chunks = texts.answer_chunks(outcome.kind, outcome.output_tokens, 1 if call.probe else MAX_CHUNKS)
        first, gap = began + outcome.first_token_s, outcome.duration_s / len(chunks)
        first_token_ms = 0.0
        for number, chunk in enumerate(chunks):
            if not call.probe and not await stream.pause_until(first + number * gap):
                return
            if number == 0:
                await stream.begin(response)
                first_token_ms = (loop.time() - began) * 1000
            if number < len(chunks) - 1:
                await response.write(chunk)
        latency_ms = (loop.time() - began) * 1000
        await response.write_eof(
            chunks[-1] + _done(self._gateway.world.serving_model, outcome, first_token_ms, latency_ms)
        )
        if not call.probe:
            self._finished(call, outcome, first_token_ms, latency_ms)

    def _finished(self, call: Call, outcome: Outcome, first_token_ms: float, latency_ms: float) -> None:
        gateway = self._gateway
        gateway.meter.finished(call.route, outcome, first_token_ms, latency_ms)
        answer = texts.ANSWERS[outcome.kind][: min(ANSWER_CHARS, outcome.output_tokens * texts.TOKEN_CHARS)]
        gateway.remember(
            Interaction(
                gateway.recent.next_number(),
                call.request_id,
                call.traceparent,
                call.session,
                call.route,
                now_us(),
                call.text[:PROMPT_CHARS],
                call.raw_sha256,
                call.raw_bytes,
                answer,
                outcome,
                first_token_ms,
                latency_ms,
            ),
            notable=is_notable(outcome, hostile=texts.is_hostile(call.text)),
        )


def _ask(call: Call) -> Ask:
    tokens = max(1, len(call.text) // texts.TOKEN_CHARS)
    return Ask(
        call.route, tokens, call.max_tokens, texts.is_hostile(call.text), call.request_id, agent="agent" in call.needs
    )


def _needs(value: object) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or len(value) > 4
        or not all(isinstance(need, str) and _NEED.fullmatch(need) for need in value)
    ):
        raise Refusal(
            422, "malformed", "The field 'needs' must list at most four of: a tool id, a model id, \"agent\"."
        )
    return tuple(value)


def _switched_off(refused_by: tuple[SwitchState, ...], problem: str = "") -> Refusal:
    facts = [
        {"switch": s.switch, "target": s.target, "generation": s.generation, "command_id": s.command_id}
        for s in refused_by
    ]
    detail = problem or f"{refused_by[0].switch} is stopped on {refused_by[0].target}."
    return Refusal(403, "switched_off", detail, {**facts[0], "refused_by": facts})


def _done(serving_model: str, outcome: Outcome, first_token_ms: float, latency_ms: float) -> bytes:
    facts: dict[str, Any] = {
        "done": True,
        "model": outcome.model,
        "refused": outcome.refused,
        "policy_violation": outcome.policy_violation,
        "schema_error": outcome.schema_error,
        "grounding_score": outcome.grounding,
        "tool_calls": outcome.tool_calls,
        "tools_denied": outcome.tools_denied,
        "agent": outcome.agent,
        "state_repetition_count": outcome.state_repetition,
        "input_tokens": outcome.input_tokens,
        "output_tokens": outcome.output_tokens,
        "cost_microusd": outcome.cost_microusd,
        "approval_ms": outcome.approval_ms,
        "first_token_ms": round(first_token_ms, 2),
        "latency_ms": round(latency_ms, 2),
    }
    if outcome.model != serving_model:
        facts["notice"] = "A simpler model answers for the moment; some abilities are limited."
    elif outcome.agent == "draft":
        facts["notice"] = "The assistant only drafts for the moment; nothing is sent without you."
    return b"data: " + json.dumps(facts, separators=(",", ":")).encode() + b"\n\n"
