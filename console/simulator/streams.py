"""Open answer streams: paced writing, and being cut from outside.

A cut writes one last `event: cut` if the socket still takes it and then aborts the connection; whoever waits in
`pause_until` wakes at once and learns it from the answer. A stream that has not `begun` has sent nothing: its handler
can and must refuse the request properly.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection

from aiohttp import web

from console.simulator.switches import SwitchState
from console.simulator.world import Route

_GRID_S = 0.02
"""Streams wake on a common grid, so that many of them share one turn of the event loop."""


class StreamedAnswer(web.StreamResponse):
    """A streamed response whose headers leave together with the first chunk: one system call and one wake-up less.

    aiohttp does so for whole responses; where a version of it does not know the attribute, headers just go out first.
    """

    _send_headers_immediately = False


class OpenStream:
    """One answer being written; `begun` says that it has sent, `probe` whose it is.

    `tools` are the tools and abilities in use, `session` whose it is, `transaction` what the tools have begun; both ""
    when there is none.
    """

    __slots__ = (
        "_ended",
        "_loop",
        "_request",
        "_waiter",
        "begun",
        "cut_by",
        "model",
        "probe",
        "route",
        "session",
        "tools",
        "transaction",
    )

    def __init__(self, request: web.Request, route: Route, model: str, tools: Collection[str], *, probe: bool) -> None:
        self.route, self.model, self.tools, self.probe = route, model, tools, probe
        self.session = self.transaction = ""
        self.begun = self._ended = False
        self.cut_by: SwitchState | None = None
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None

    async def begin(self, response: web.StreamResponse) -> None:
        """Prepares the response; its first chunk must be written without waiting for anything in between."""
        self.begun = True
        await response.prepare(self._request)

    async def pause_until(self, when: float) -> bool:
        """Waits for loop time `when`, rounded up to the grid; False when the stream was ended meanwhile."""
        if not self._ended:
            waiter = self._waiter = self._loop.create_future()
            timer = self._loop.call_at(-(-when // _GRID_S) * _GRID_S, _wake, waiter)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiter = None
        return not self._ended

    def cut(self, stop: SwitchState) -> None:
        """Ends the stream now, in the name of `stop`."""
        if self._ended:
            return
        self._ended, self.cut_by = True, stop
        transport = self._request.transport
        if self.begun and transport is not None and not transport.is_closing():
            facts = {
                "switch": stop.switch,
                "target": stop.target,
                "command_id": stop.command_id,
                "generation": stop.generation,
            }
            line = f"event: cut\ndata: {json.dumps(facts)}\n\n".encode()
            # framed by hand: the response's own writer cannot be awaited here, and the body ends broken on purpose
            transport.write(b"%x\r\n%b\r\n" % (len(line), line))
            transport.abort()
        if self._waiter is not None:
            _wake(self._waiter)

    def hang_up(self) -> None:
        """Ends the stream without a word, because the gateway itself ends."""
        self._ended = True
        if self._request.transport is not None:
            self._request.transport.abort()
        if self._waiter is not None:
            _wake(self._waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
