"""The application: routes of every concern, problems for everything that goes wrong, the guard around it."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from console.domain.errors import EnvironmentFault
from console.plane.api import access, blobs, commands, enrol, live, ofrep, record, trust
from console.plane.api.describing import VERSION, completed
from console.plane.api.envelope import problem_response
from console.plane.api.guard import Guard
from console.plane.commanding import Refused
from console.plane.service import Plane
from console.protocol.problems import Problem

CONCERNS = (
    access.router, enrol.router, record.router, trust.router, blobs.router, commands.router, live.router,
    ofrep.router,
)  # fmt: skip

_KIND_OF_STATUS = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "not_allowed", 413: "too_large"}
_SENTENCES = {404: "There is nothing at this address.", 405: "This address does not know that method."}


def make_app(plane: Plane, hosts: frozenset[str]) -> Guard:
    """The ASGI application of `plane`, which must be started; `hosts` as in `Guard`."""
    api = make_api()
    api.state.plane = plane
    flags = ofrep.flags_of(plane)

    def is_known(token: str) -> bool:
        return bool(plane.tokens.device_of(token, plane.clock())) or (flags is not None and flags.lets_in(token))

    return Guard(api, hosts, is_known)


def make_api() -> FastAPI:
    """The routes of every concern, without a plane behind them."""
    api = FastAPI(
        title="Incident console, control plane",
        version=VERSION,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    for concern in CONCERNS:
        api.include_router(concern)
    api.add_exception_handler(Refused, _refused)
    api.add_exception_handler(EnvironmentFault, _busy)
    api.add_exception_handler(RequestValidationError, _malformed)
    api.add_exception_handler(HTTPException, _http_error)
    described = FastAPI.openapi.__get__(api)
    api.openapi = lambda: completed(described(), CONCERNS)  # type: ignore[method-assign]
    return api


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem_response(request, error.problem)


async def _busy(request: Request, error: Exception) -> Response:
    assert isinstance(error, EnvironmentFault)
    return problem_response(request, Problem("busy", error.sentence))


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])[:100]
    return problem_response(request, Problem("malformed", f"{where}: {first['msg']}"[:300]))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _KIND_OF_STATUS.get(error.status_code, "malformed")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed(request))
    return problem_response(request, Problem(kind, _SENTENCES.get(error.status_code, str(error.detail)[:300])), headers)


def _allowed(request: Request) -> list[str]:
    """Every method that some route knows at this address."""
    methods: set[str] = set()
    for concern in CONCERNS:
        for route in concern.routes:
            if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE:
                methods |= route.methods or set()
    return sorted(methods)
