"""The description of the API (OpenAPI 3.1): what the framework cannot know by itself is added here.

What the application serves and what is kept (`keeping`) are both completed here, so they are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from console.plane.api.envelope import caller
from console.plane.api.ofrep import flag_client
from console.protocol.problems import KINDS, MEDIA_TYPE

VERSION = "1"
"""Of the protocol, not of the program."""

_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457; `kind` decides what a caller does, `detail` is one sentence for a person.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "kind", "gates", "request_id"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:incident-console:problem:[a-z_]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "kind": {"enum": sorted(KINDS)},
        "gates": {"type": "array", "items": {"type": "string"}},
        "epoch": {"type": "string"},
        "server_time": {"type": "string"},
        "request_id": {"type": "string"},
    },
}
_TOKEN, _FLAG_TOKEN = "token", "flag_token"  # the names of the schemes
_SCHEMES = {caller: _TOKEN, flag_client: _FLAG_TOKEN}
_RETRY = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer", "minimum": 0}}}
_CHALLENGE = {"WWW-Authenticate": {"description": "How to authenticate", "schema": {"type": "string"}}}


def completed(described: dict[str, Any], concerns: Iterable[APIRouter]) -> dict[str, Any]:
    """The framework's description with problems, the token and what else it cannot know; changes and returns it."""
    parts = described.setdefault("components", {})
    parts.setdefault("schemas", {})["Problem"] = _PROBLEM
    for left_over in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(left_over, None)
    parts["securitySchemes"] = {
        _TOKEN: {"type": "http", "scheme": "bearer", "description": "A token of POST /v1/token."},
        _FLAG_TOKEN: {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of applications that ask for flags.",
        },
    }
    schemes = {
        (route.path, method.lower()): _scheme(route.dependant)
        for route in _routes(concerns)
        for method in route.methods or ()
    }
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            _complete(operation, schemes.get((path, method), ""))
            _name(operation)
    return described


def _complete(operation: dict[str, Any], scheme: str) -> None:
    if scheme:
        operation["security"] = [{scheme: []}]
    for status, answer in operation["responses"].items():
        content = answer.get("content", {})
        if status.startswith(("4", "5")):
            answer["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        elif not content:
            answer.pop("content", None)
        if status == "503":
            answer["headers"] = _RETRY
        elif status == "401":
            answer["headers"] = _CHALLENGE


def _name(operation: dict[str, Any]) -> None:
    """The id of an operation by its function alone: the framework's own repeats the path."""
    operation["operationId"] = operation["summary"].lower().replace(" ", "_")


def _routes(concerns: Iterable[APIRouter]) -> Iterator[APIRoute]:
    for concern in concerns:
        yield from (route for route in concern.routes if isinstance(route, APIRoute))


def _scheme(dependant: Dependant) -> str:
    """Which token a route asks for, "" when it asks for none."""
    own = next((scheme for call, scheme in _SCHEMES.items() if dependant.call is call), "")
    return own or next(filter(None, map(_scheme, dependant.dependencies)), "")
