"""The control API: what a control plane may read and set on the gateway, and the telemetry it may follow.

Every handler needs the control token. A switch command is idempotent by its command_id, refused when its generation is
not above the one held, and answered only after the state is on disk.
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from console.domain.errors import EnvironmentFault, InputError
from console.domain.switches import WANTS
from console.domain.times import format_utc, from_epoch_us, parse_utc
from console.simulator.effects import CAPABILITIES
from console.simulator.gateway import Gateway, now_us
from console.simulator.switches import ReusedCommand, StaleOrder, SwitchOrder
from console.simulator.web import Handler, Refusal, int_field, only_fields, read_object, require_token, text_field

MAX_CASES, MAX_CAPTURE = 1000, 50
_COMMAND_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_ORDER_FIELDS = frozenset({"want", "generation", "command_id", "expires"})


class ControlApi:
    """The handlers below /control and /telemetry on one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._closing = False
        self._commanding = asyncio.Lock()

    def add_to(self, app: web.Application) -> None:
        """Registers the routes, all behind the control token."""
        guarded = self._guarded
        app.router.add_get("/control/state", guarded(self.state), allow_head=False)
        app.router.add_put("/control/switches/{switch}/{target}", guarded(self.set_switch))
        app.router.add_get("/control/capabilities", guarded(self.capabilities), allow_head=False)
        app.router.add_get("/control/counts", guarded(self.counts), allow_head=False)
        app.router.add_post("/control/validate", guarded(self.validate))
        app.router.add_get("/control/capture", guarded(self.capture), allow_head=False)
        app.router.add_get("/telemetry/stream", guarded(self.telemetry), allow_head=False)

    def close(self) -> None:
        """Lets telemetry readers end at their next batch."""
        self._closing = True

    def _guarded(self, handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            require_token(request, self._gateway.order.control_token)
            return await handler(request)

        return checked

    async def state(self, request: web.Request) -> web.Response:
        """GET /control/state: what this process believes, and the same read back from the file."""
        gateway = self._gateway
        durable = gateway.board.durable_states()
        return web.json_response(
            {
                "boot_id": gateway.boot_id,
                "started_at": gateway.started_at,
                "problem": gateway.board.problem,
                "switches": [state.as_object() for state in gateway.board.states()],
                "closing": gateway.closing.as_object() if gateway.closing is not None else {},
                "awaiting_review": len(gateway.awaiting_review),
                "durable": None if durable is None else [state.as_object() for state in durable],
            }
        )

    async def set_switch(self, request: web.Request) -> web.Response:
        """PUT /control/switches/{switch}/{target}: see the module's rule."""
        order, expires = await _read_order(request)
        async with self._commanding:
            answer = await self._answer(order, expires)
        slow_ms = self._gateway.order.misbehaviour.slow_control_ms
        if slow_ms:
            await asyncio.sleep(slow_ms / 1000)
        return web.json_response(answer)

    async def _answer(self, order: SwitchOrder, expires: datetime) -> dict[str, Any]:
        board = self._gateway.board
        try:
            if (again := board.answer_to(order)) is not None:
                return again
            if not board.knows(order.switch, order.target):
                raise Refusal(404, "unmapped", f"This gateway does not enforce {order.switch} on {order.target}.")
            if expires <= datetime.now(UTC):
                raise Refusal(410, "expired", "The command's time is over; nothing was changed.")
            return await self._gateway.command(order)
        except ReusedCommand:
            raise Refusal(409, "conflict", "That command_id was used for another command.") from None
        except StaleOrder as stale:
            raise Refusal(
                409, "stale", f"Generation {stale.held} is held already.", {"generation": stale.held}
            ) from None
        except EnvironmentFault as fault:
            raise Refusal(
                500, "internal", fault.sentence, {"applied": order.want == "stopped", "durable": False}
            ) from fault

    async def capabilities(self, request: web.Request) -> web.Response:
        """GET /control/capabilities: what each switch can do here."""
        return web.json_response({switch: can.as_object() for switch, can in CAPABILITIES.items()})

    async def counts(self, request: web.Request) -> web.Response:
        """GET /control/counts: live counts by inventory id."""
        return web.json_response(
            {"counted_at": format_utc(from_epoch_us(now_us())), "counts": self._gateway.live_counts()}
        )

    async def validate(self, request: web.Request) -> web.Response:
        """POST /control/validate: a measured run that is delivered to nobody."""
        body = await read_object(request)
        only_fields(body, frozenset({"target", "cases", "seed"}))
        target = self._known_target(text_field(body, "target", 100))
        cases = int_field(body, "cases", 1, MAX_CASES)
        seed = int_field(body, "seed", 0, 2**53 - 1) if "seed" in body else self._gateway.order.seed
        try:
            return web.json_response(self._gateway.validate(target, cases, seed))
        except InputError as error:
            raise Refusal(422, "malformed", error.sentence) from error

    async def capture(self, request: web.Request) -> web.Response:
        """GET /control/capture: evidence material of the last interactions with a target."""
        target = self._known_target(request.query.get("target", ""))
        limit = request.query.get("limit", "10")
        if not re.fullmatch(r"\d{1,3}", limit, re.ASCII) or not 1 <= int(limit) <= MAX_CAPTURE:
            raise Refusal(422, "malformed", f"The parameter 'limit' must be a number from 1 to {MAX_CAPTURE}.")
        return web.json_response({"items": self._gateway.capture(target, int(limit))})

    async def telemetry(self, request: web.Request) -> web.StreamResponse:
        """GET /telemetry/stream: batches as they close; a reader that falls a minute behind loses the oldest."""
        feed = self._gateway.feed
        after = request.query.get("after", str(feed.newest))
        if not re.fullmatch(r"\d{1,16}", after, re.ASCII):
            raise Refusal(422, "malformed", "The parameter 'after' must be the id of a batch.")
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Boot-Id": self._gateway.boot_id,
            }
        )
        await response.prepare(request)
        last = int(after)
        try:
            while not self._closing:
                for batch_id, event in feed.after(last):
                    await response.write(event)
                    last = batch_id
                await feed.wait()
        except ConnectionResetError:
            pass  # the reader left; it may come back with the last id it saw
        return response

    def _known_target(self, target: str) -> str:
        if target not in self._gateway.world.ids:
            raise Refusal(404, "unmapped", "That target is not part of this range.")
        return target


async def _read_order(request: web.Request) -> tuple[SwitchOrder, datetime]:
    body = await read_object(request)
    only_fields(body, _ORDER_FIELDS)
    switch, target = request.match_info["switch"], request.match_info["target"]
    if switch not in CAPABILITIES:
        raise Refusal(404, "unsupported", "This gateway has no such switch.")
    command_id, want = text_field(body, "command_id", 64), text_field(body, "want", 10)
    if not _COMMAND_ID.fullmatch(command_id):
        raise Refusal(422, "malformed", "The field 'command_id' must be 8 to 64 letters, digits or hyphens.")
    if want not in WANTS:
        raise Refusal(422, "malformed", f"The field 'want' must be one of {', '.join(WANTS)}.")
    try:
        expires = parse_utc(text_field(body, "expires", 40))
    except InputError as error:
        raise Refusal(422, "malformed", error.sentence) from error
    return SwitchOrder(switch, target, want, int_field(body, "generation", 1, 2**53 - 1), command_id), expires
