"""What every HTTP side of the range has in common: loopback and Host check, bounded bodies, tokens, problems.

A handler raises Refusal to answer with an RFC 9457 problem; nothing else of ours leaves a handler as an error.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from console.protocol.problems import MEDIA_TYPE

HOST = "127.0.0.1"
MAX_BODY = 64 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refusal(Exception):
    """An answer other than success: HTTP status, stable `kind`, one sentence, further members and headers."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        more: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.more, self.headers = status, kind, detail, more or {}, headers or {}

    def response(self) -> web.Response:
        """The problem as it is sent."""
        body = {
            "type": f"urn:incident-console:problem:{self.kind}",
            "title": self.kind.replace("_", " "),
            "status": self.status,
            "detail": self.detail,
            "kind": self.kind,
            **self.more,
        }
        return web.Response(status=self.status, text=json.dumps(body), content_type=MEDIA_TYPE, headers=self.headers)


def make_app(port: int) -> web.Application:
    """An application that answers only when it is addressed as loopback on `port`; bodies of at most 64 KiB."""
    hosts = frozenset({f"{HOST}:{port}", f"localhost:{port}"})

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.headers.get("Host") not in hosts:
                raise Refusal(421, "wrong_host", "This server answers on the loopback under its own name only.")
            return await handler(request)
        except Refusal as refusal:
            return refusal.response()
        except web.HTTPRequestEntityTooLarge:
            return Refusal(413, "too_large", f"The body is larger than {MAX_BODY} bytes.").response()
        except web.HTTPMethodNotAllowed as error:
            return Refusal(
                405,
                "malformed",
                "That path has no such method.",
                headers={"Allow": ", ".join(sorted(error.allowed_methods))},
            ).response()
        except web.HTTPNotFound:
            return Refusal(404, "not_found", "There is nothing at that path.").response()

    return web.Application(middlewares=[guard], client_max_size=MAX_BODY)


def require_token(request: web.Request, token: str) -> None:
    """Raises Refusal 401 unless the request carries `Authorization: Bearer TOKEN`; compares in constant time."""
    given = request.headers.get("Authorization", "")
    if not same_secret(given, f"Bearer {token}"):
        raise Refusal(
            401,
            "unauthenticated",
            "Send the token of this interface as a bearer token.",
            headers={"WWW-Authenticate": "Bearer"},
        )


def same_secret(given: str, wanted: str) -> bool:
    """Whether two secrets are equal, in constant time; foreign text of any characters is allowed."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


async def read_object(request: web.Request) -> dict[str, Any]:
    """The JSON object in the body; raises Refusal 415, 413 or 422."""
    if request.content_type != "application/json":
        raise Refusal(415, "malformed", "Send the body as application/json.")
    try:
        value = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise Refusal(422, "malformed", "The body is not JSON.") from None
    if not isinstance(value, dict):
        raise Refusal(422, "malformed", "The body is not a JSON object.")
    return value


def text_field(value: dict[str, Any], name: str, longest: int) -> str:
    """A required text member; raises Refusal 422 naming it."""
    found = value.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= longest:
        raise Refusal(422, "malformed", f"The field '{name}' must be text of 1 to {longest} characters.")
    return found


def int_field(value: dict[str, Any], name: str, least: int, most: int) -> int:
    """A required integer member; raises Refusal 422 naming it."""
    found = value.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
        raise Refusal(422, "malformed", f"The field '{name}' must be an integer from {least} to {most}.")
    return found


def only_fields(value: dict[str, Any], known: frozenset[str]) -> None:
    """Raises Refusal 422 when there is a member nobody asked for."""
    unknown = value.keys() - known
    if unknown:
        raise Refusal(422, "malformed", f"The field {ascii(min(unknown))[:60]} is unknown here; leave it out.")
