"""A small AI service to stand behind a real gateway: it streams tokens, says who answers, and tells of a fallback.

Run as `python -m console.simulator.stand.origin --model ID --port N`; whoever started it ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from aiohttp import web

from console.simulator.web import HOST, Refusal, read_object

HOLD_S, TOKEN_S = 60.0, 0.05
"""Longest held stream and the time between its tokens, in seconds."""
MOST_TOKENS = 1000


class Origin:
    """One server of a model; `model` is its inventory id."""

    def __init__(self, model: str) -> None:
        self._model = model

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat: `{"max_tokens": n}` answers at once, `{"hold": true}` streams until 60 s are over."""
        body = await read_object(request)
        wanted = body.get("max_tokens", 8)
        if not isinstance(wanted, int) or not 0 < wanted <= MOST_TOKENS:
            raise Refusal(422, "malformed", f"The field 'max_tokens' must be an integer from 1 to {MOST_TOKENS}.")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        await response.write(_event("model", {"answered_by": self._model}))
        if instead_of := request.headers.get("x-fallback", ""):
            # SWI-10: a downgrade counts only when its users were told
            notice = {"instead_of": instead_of[:80], "text": "A reduced service answers for the time being."}
            await response.write(_event("notice", notice))
        await _tokens(response, wanted, hold=body.get("hold") is True)
        await response.write(_event("done", {}))
        return response


async def _tokens(response: web.StreamResponse, wanted: int, *, hold: bool) -> None:
    loop = asyncio.get_running_loop()
    deadline, sent = loop.time() + HOLD_S, 0
    while loop.time() < deadline if hold else sent < wanted:
        await response.write(_event("token", {"n": sent}))
        sent += 1
        if hold:
            await asyncio.sleep(TOKEN_S)


def _event(name: str, value: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(value)}\n\n".encode()


def application(model: str) -> web.Application:
    """The service; callers address the gateway before it, so whatever Host they send is right."""
    app = web.Application(client_max_size=64 * 1024, middlewares=[_problems])
    app.router.add_post("/v1/chat", Origin(model).chat)
    return app


@web.middleware
async def _problems(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        found: web.StreamResponse = await handler(request)
    except Refusal as refusal:
        return refusal.response()
    return found


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description="A small AI service to stand behind a gateway.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    web.run_app(application(given.model), host=HOST, port=given.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
