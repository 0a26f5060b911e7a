"""Who this plane is, tokens for those who hold a certified key, and whether it is well."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.domain.times import format_utc
from console.plane.api.envelope import PROBLEMS, PlaneHere, as_json, common, reply
from console.plane.commanding import Refused
from console.plane.tokens import token_problem, use_nonce
from console.protocol.limits import DEFAULT_LIMITS
from console.protocol.messages import BackEndHealth, ConfigAnswer, HealthAnswer, TokenAnswer, TokenRequest
from console.protocol.problems import Problem

router = APIRouter(responses=PROBLEMS)


@router.get("/v1/config", response_model=ConfigAnswer)
async def config(request: Request, plane: PlaneHere) -> Response:
    """Who the plane is and what it accepts; needs no token."""
    birth = plane.birth
    return reply(
        request,
        ConfigAnswer,
        origin=birth.origin,
        exercise=birth.exercise,
        root_public_key=birth.root_public_key,
        plane_device=birth.plane_device,
        plane_public_key=birth.plane_public_key,
        policy_hash=plane.policy.hash,
        limits=asdict(DEFAULT_LIMITS),
    )


@router.post("/v1/token", response_model=TokenAnswer)
async def token(request: Request, body: TokenRequest, plane: PlaneHere) -> Response:
    """A short token for a device that proves it holds a certified key; each proof is good once."""
    now = plane.clock()
    problem = token_problem(body, plane.record.identities, plane.birth.origin, now)
    if problem is not None:
        raise Refused(problem)
    if not await plane.database.write(lambda tx: use_nonce(tx, body.nonce, now)):
        raise Refused(Problem("unauthenticated", "This request was used before; sign a new one."))
    grant = plane.tokens.grant(body.device, now)
    return reply(request, TokenAnswer, token=grant.token, expires=format_utc(grant.expires))


@router.get("/v1/health", response_model=HealthAnswer)
async def health(request: Request, plane: PlaneHere) -> Response:
    """Whether the plane and its back-ends are well; needs no token and tells nothing secret."""
    faults = plane.watcher.faults
    back_ends = {name: BackEndHealth(reachable=not fault, fault=fault) for name, fault in faults.items()}
    answer = HealthAnswer(
        **common(request),
        status="ok" if faults and not any(faults.values()) else "degraded",
        back_ends=back_ends or {"": BackEndHealth(reachable=False, fault="No back-end is configured.")},
        size=plane.record.head.gpos,
        followers=plane.relay.followers,
    )
    return as_json(answer)
