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
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from console.simulator import texts
from console.simulator.effects import CACHE, MODEL_ANSWER, SESSION, UNREVIEWED, WORDS
from console.simulator.enforcement import Verdict
from console.simulator.gateway import MAX_PROBES, Gateway, now_us
from console.simulator.interactions import ANSWER_CHARS, PROMPT_CHARS, Interaction, is_notable
from console.simulator.refusals import over_budget, switched_off
from console.simulator.service import STATIC, Ask, Outcome
from console.simulator.spending import Step, cost_of, most_of
from console.simulator.streams import OpenStream, StreamedAnswer
from console.simulator.web import Refusal, int_field, only_fields, read_object, same_secret, text_field
from console.simulator.world import Route

MAX_CHUNKS = 8
HOLD_STEP_S, HOLD_MAX_S = 0.2, 60.0
RETRY_AFTER_S = 1

_FIELDS = frozenset(
    {"tenant", "surface", "region", "input", "max_tokens", "session", "needs", "hold", "cache", "workflow"}
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_ITEM = re.compile(r"(tool|model|index|segment)\.[a-z0-9][a-z0-9-]{0,60}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read and checked.

    `needs` are items and abilities it cannot do without; `workflow` "" is held to no caps; `cache`: it may be answered
    by what was answered before.
    """

    route: Route
    text: str
    max_tokens: int
    session: str
    workflow: str
    needs: tuple[str, ...]
    cache: bool
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
        verdict = self._gateway.verdict(call.route, call.needs, call.text)
        self._admit(call, verdict)
        outcome, cached = self._outcome(call, verdict)
        step = self._reserve(call, outcome)
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
        stream.session = call.session
        self._gateway.opened(stream)
        if outcome.agent == "auto" and outcome.tools and not call.probe:
            stream.transaction = self._gateway.transactions.begin(call.route.tenant, call.session, outcome.tools)
        try:
            if call.hold:
                await self._hold(response, stream)
            else:
                told = {
                    "cached": cached,
                    "notices": verdict.notices,
                    "queued": _is_queued(verdict, outcome),
                    "documents": self._gateway.documents.find(
                        call.route.index, call.raw_sha256, verdict.conditions.revoked
                    ),
                }
                await self._answer(response, stream, call, outcome, began, told)
            if stream.cut_by is not None and not stream.begun:
                raise switched_off((stream.cut_by,))
        except ConnectionResetError:
            pass  # the caller left or was cut; what it cost is counted below
        finally:
            self._gateway.closed(stream)
            self._gateway.transactions.roll_back(stream.transaction)  # does nothing once it was committed
            self._settle(step, outcome, begun=stream.begun)
            if stream.begun and not call.probe:
                session = call.session if stream.cut_by is None else ""  # one that was cut does not live on by its end
                self._gateway.spent(call.route, outcome, session, degraded=bool(verdict.notices))
        return response

    def _outcome(self, call: Call, verdict: Verdict) -> tuple[Outcome, bool]:
        """What the service does with the request, and whether the cache answers it."""
        gateway, conditions = self._gateway, verdict.conditions
        may = call.cache and CACHE not in conditions.without and not {MODEL_ANSWER, UNREVIEWED} & {*conditions.without}
        if may and (kept := gateway.cache.look_up(call.route, conditions.model, call.text)) is not None:
            return kept, True
        outcome = gateway.outcome(_ask(call), conditions)
        if may and not call.probe:
            gateway.cache.keep(call.route, call.text, outcome)
        return outcome, False

    def _reserve(self, call: Call, outcome: Outcome) -> Step | None:
        """Sets aside what a workflow's step may cost; raises Refusal naming the cap that is short (TEL-3)."""
        if not call.workflow or call.probe:
            return None
        session, most = call.session or call.workflow, most_of(outcome, call.max_tokens)
        answer = self._gateway.spending.reserve(call.route.tenant, call.workflow, session, most, now_us())
        if isinstance(answer, Step):
            return answer
        raise over_budget(answer)

    def _settle(self, step: Step | None, outcome: Outcome, *, begun: bool) -> None:
        """Counts what was spent; an answer that never began did cost nothing."""
        if step is None:
            return
        if begun:
            self._gateway.spending.settle(step, cost_of(outcome), now_us())
        else:
            self._gateway.spending.release(step)

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
        session = text_field(body, "session", 100) if "session" in body else ""
        request_id = request.headers.get("X-Request-Id", "")
        traceparent = request.headers.get("Traceparent", "")
        return Call(
            route=route,
            text=text_field(body, "input", 64 * 1024),
            max_tokens=int_field(body, "max_tokens", 0, 1_000_000),
            session=session,
            workflow=text_field(body, "workflow", 100) if "workflow" in body else "",
            needs=(*_needs(body.get("needs", [])), *((SESSION,) if session else ())),
            cache=_flag(body, "cache"),
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
            raise switched_off(verdict.refused_by, gateway.board.problem)
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
        self,
        response: web.StreamResponse,
        stream: OpenStream,
        call: Call,
        outcome: Outcome,
        began: float,
        told: Mapping[str, Any],
    ) -> None:
        loop = asyncio.get_running_loop()
        kind = "queued" if told["queued"] else outcome.kind
        chunks = texts.answer_chunks(kind, outcome.output_tokens, 1 if call.probe else MAX_CHUNKS)
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
        self._gateway.transactions.commit(stream.transaction)
        await response.write_eof(chunks[-1] + _done(outcome, told, first_token_ms, latency_ms))
        if not call.probe:
            if told["queued"]:
                self._gateway.awaiting_review.append(call.request_id)
            self._finished(call, outcome, first_token_ms, latency_ms, told["documents"])

    def _finished(
        self, call: Call, outcome: Outcome, first_token_ms: float, latency_ms: float, documents: tuple[int, ...]
    ) -> None:
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
                documents,
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
        or not all(isinstance(need, str) and (need in WORDS or _ITEM.fullmatch(need)) for need in value)
    ):
        known = ", ".join(sorted(WORDS))
        raise Refusal(
            422,
            "malformed",
            f"The field 'needs' must list at most four: ids of a tool, model, index or segment, or of {known}.",
        )
    return tuple(value)


def _flag(body: Mapping[str, Any], name: str) -> bool:
    found = body.get(name, False)
    if not isinstance(found, bool):
        raise Refusal(422, "malformed", f"The field '{name}' must be true or false.")
    return found


def _is_queued(verdict: Verdict, outcome: Outcome) -> bool:
    """Whether the answer waits for a reviewer; a prepared text was reviewed before."""
    return UNREVIEWED in verdict.conditions.without and outcome.kind != STATIC.kind


def _done(outcome: Outcome, told: Mapping[str, Any], first_token_ms: float, latency_ms: float) -> bytes:
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
    if told["cached"]:
        facts["cached"] = True
    if told["notices"]:
        facts["notice"] = " ".join(told["notices"])
    return b"data: " + json.dumps(facts, separators=(",", ":")).encode() + b"\n\n"
