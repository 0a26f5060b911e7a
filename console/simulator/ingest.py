"""Ingestion: POST /v1/ingest writes a document into an index, unless a switch is against it. Searching goes on."""

from __future__ import annotations

import re

from aiohttp import web

from console.simulator.effects import WRITE
from console.simulator.gateway import Gateway
from console.simulator.refusals import switched_off
from console.simulator.web import Refusal, only_fields, read_object, text_field

MAX_TEXT = 16_000
_FIELDS = frozenset({"tenant", "index", "document", "text"})
_DOCUMENT = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Ingestion:
    """The handler of /v1/ingest on one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_to(self, app: web.Application) -> None:
        """Registers the route."""
        app.router.add_post("/v1/ingest", self.ingest)

    async def ingest(self, request: web.Request) -> web.Response:
        """Answers 201 with how many documents were written, 403 when a switch refuses it."""
        body = await read_object(request)
        only_fields(body, _FIELDS)
        tenant, index = text_field(body, "tenant", 100), text_field(body, "index", 100)
        document, text = text_field(body, "document", 64), text_field(body, "text", MAX_TEXT)
        if not _DOCUMENT.fullmatch(document):
            raise Refusal(422, "malformed", "The field 'document' must be 1 to 64 letters, digits, '.', '_' or '-'.")
        route = next((r for r in self._gateway.world.routes if (r.tenant, r.index) == (tenant, index)), None)
        if route is None:
            raise Refusal(404, "unmapped", "No tenant of this range writes to that index.")
        verdict = self._gateway.verdict(route, (index, WRITE))
        if verdict.refused_by:
            raise switched_off(verdict.refused_by, self._gateway.board.problem)
        written = self._gateway.documents.write(index, document, text)
        return web.json_response({"index": index, "document": document, "written": written}, status=201)
