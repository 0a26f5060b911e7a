"""Flags for applications (OpenFeature Remote Evaluation Protocol): one flag, or all of them with an ETag.

Applications show a token of their own, which opens nothing else. A refusal is a problem like any other and carries
OFREP's members besides, so that a client reads what it knows; whatever it cannot read leaves it at its own default.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from console.plane.adapters.ofrep import EVALUATE, NAME, ServedFlags
from console.plane.api.envelope import PROBLEMS, as_text, common, problems
from console.plane.commanding import Refused
from console.plane.flags import NOT_FOUND, Evaluation, NoEvaluation
from console.plane.service import Plane
from console.protocol.problems import MEDIA_TYPE, Problem

router = APIRouter(responses=PROBLEMS)


class EvaluationRequest(BaseModel):
    """What an application says of the request that the flag is asked for."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    context: dict[str, JsonValue] = Field(default_factory=dict)


class EvaluationAnswer(BaseModel):
    """One flag; `value` is "AI enabled", `metadata` names who switched it off."""

    key: str
    value: bool
    reason: Literal["TARGETING_MATCH", "DEFAULT"]
    variant: Literal["enabled", "stopped"]
    metadata: dict[str, str | int]


class EvaluationFault(BaseModel):
    """One flag that cannot be answered for this context."""

    key: str
    errorCode: str  # noqa: N815 - the name in OFREP
    errorDetails: str  # noqa: N815


class BulkAnswer(BaseModel):
    """Every flag for one context."""

    flags: list[EvaluationAnswer | EvaluationFault]


async def flag_client(request: Request) -> ServedFlags:
    """The flags, for an application that may ask; raises Refused: 404 where none are served, 401 without the token."""
    served = flags_of(request.app.state.plane)
    if served is None:
        raise Refused(Problem("not_found", "This plane serves no flags."))
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not served.lets_in(token.strip()):
        raise Refused(Problem("unauthenticated", "Send the token that this plane's applications were given."))
    return served


def flags_of(plane: Plane) -> ServedFlags | None:
    """The flags that the plane serves, None when its settings say nothing of them."""
    found = plane.operator.back_ends.get(NAME)
    return found if isinstance(found, ServedFlags) else None


FlagsHere = Annotated[ServedFlags, Depends(flag_client)]


@router.post(
    f"{EVALUATE}/{{key}}",
    response_model=EvaluationAnswer,
    responses=problems(_400="A context that leaves something open", _404="No such flag, or no flags here"),
)
async def evaluate_flag(
    request: Request, body: EvaluationRequest, flags: FlagsHere, key: Annotated[str, Path(max_length=100)]
) -> Response:
    """Whether a request of that context may use AI."""
    found = await flags.evaluate(key, body.context)
    if isinstance(found, Evaluation):
        return as_text(json.dumps(_as_object(found)))
    status = 404 if found.code == NOT_FOUND else 400
    problem = Problem("not_found" if status == 404 else "malformed", found.sentence)
    told = problem.as_object() | common(request) | _as_object(found) | {"status": status}
    return Response(json.dumps(told), status, media_type=MEDIA_TYPE)


@router.post(
    EVALUATE,
    response_model=BulkAnswer,
    responses=problems(_404="No flags here")
    | {304: {"description": "Nothing changed since the answer of that ETag, for this context"}},
)
async def evaluate_flags(
    request: Request,
    body: EvaluationRequest,
    flags: FlagsHere,
    if_none_match: Annotated[str, Header(max_length=1000)] = "",
) -> Response:
    """Every flag for that context."""
    answer = json.dumps({"flags": [_as_object(one) for one in await flags.evaluate_all(body.context)]})
    tag = f'"{hashlib.sha256(answer.encode()).hexdigest()[:32]}"'
    if tag in (part.strip().removeprefix("W/") for part in if_none_match.split(",")):
        return Response(status_code=304, headers={"ETag": tag})
    response = as_text(answer)
    response.headers["ETag"] = tag
    return response


def _as_object(found: Evaluation | NoEvaluation) -> dict[str, Any]:
    if isinstance(found, NoEvaluation):
        return {"key": found.key, "errorCode": found.code, "errorDetails": found.sentence}
    return {
        "key": found.key,
        "value": found.value,
        "reason": found.reason,
        "variant": found.variant,
        "metadata": dict(found.metadata),
    }
