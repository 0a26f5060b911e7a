"""Range control over HTTP, on a port of the supervisor's own: faults, state, and restarting the gateway.

Every handler needs the range token, which is neither the control nor the probe token: who drives switches cannot break
the service, and who breaks it cannot drive switches.
"""

from __future__ import annotations

from aiohttp import web

from console.domain.errors import EnvironmentFault, InputError, RefusedError
from console.simulator.supervisor import RESTART_SIGNALS, Supervisor
from console.simulator.web import Handler, Refusal, only_fields, read_object, require_token, text_field


class RangeApi:
    """The handlers below /range on one supervisor."""

    def __init__(self, supervisor: Supervisor, token: str) -> None:
        self._supervisor, self._token = supervisor, token

    def add_to(self, app: web.Application) -> None:
        """Registers the routes, all behind the range token."""
        app.router.add_get("/range", self._guarded(self.state), allow_head=False)
        app.router.add_post("/range/faults", self._guarded(self.inject))
        app.router.add_delete("/range/faults/{fault}", self._guarded(self.withdraw))
        app.router.add_post("/range/restart-gateway", self._guarded(self.restart))

    def _guarded(self, handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            require_token(request, self._token)
            try:
                return await handler(request)
            except EnvironmentFault as fault:
                raise Refusal(503, "busy", fault.sentence, headers={"Retry-After": "1"}) from fault
            except RefusedError as error:
                raise Refusal(409, "conflict", error.sentence) from error
            except InputError as error:
                raise Refusal(404 if request.method == "DELETE" else 422, "malformed", error.sentence) from error

        return checked

    async def state(self, request: web.Request) -> web.Response:
        """GET /range: trace, speed, what became of the load, faults, and the gateway process."""
        return web.json_response(self._supervisor.state())

    async def inject(self, request: web.Request) -> web.Response:
        """POST /range/faults: answered when the fault is in force."""
        fault = await self._supervisor.inject(await read_object(request))
        return web.json_response({"id": fault.id}, status=201)

    async def withdraw(self, request: web.Request) -> web.Response:
        """DELETE /range/faults/{fault}: answered when it is out of force."""
        await self._supervisor.withdraw(request.match_info["fault"])
        return web.Response(status=204)

    async def restart(self, request: web.Request) -> web.Response:
        """POST /range/restart-gateway: answered when the new process serves."""
        body = await read_object(request)
        only_fields(body, frozenset({"signal"}))
        signal_name = text_field(body, "signal", 4)
        if signal_name not in RESTART_SIGNALS:
            raise Refusal(422, "malformed", "The field 'signal' must be TERM or KILL.")
        return web.json_response(await self._supervisor.restart_gateway(signal_name))
