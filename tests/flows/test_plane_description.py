"""The plane keeps to its own description: the kept OpenAPI document, and requests made up from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case, CheckContext, Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from console.plane.api.keeping import COMMAND, KEPT, as_text
from tests.fakes.planes import Client, RunningPlane, World

STREAMS = ("/v1/metrics/stream", "/v1/captures")
BUSY = "urn:incident-console:problem:busy"


def fails_only_by_being_busy(_context: CheckContext, answer: Response, _case: Case[Any]) -> bool | None:
    """No answer tells of a fault; "busy" is a refusal like any other, and says when to come again."""
    if answer.status_code >= 500:
        assert (answer.status_code, answer.json()["type"]) == (503, BUSY), answer.text
        assert answer.headers["retry-after"]
    return None


CHECKS = [
    fails_only_by_being_busy, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance, unsupported_method,
]  # fmt: skip
SOON = {"wait": 0}


@pytest.fixture
def talking(tmp_path: Path) -> Iterator[tuple[RunningPlane, Client]]:
    with World(tmp_path).running() as (plane, desk):
        yield plane, desk


def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def test_the_kept_description_is_the_present_one() -> None:
    assert KEPT.read_text(encoding="utf-8") == as_text(), f"the API changed: renew its description with `{COMMAND}`"


def test_the_plane_serves_the_kept_description(talking: tuple[RunningPlane, Client]) -> None:
    assert talking[1].get("/v1/openapi.json").json() == described()


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in described()["paths"].items() for method, one in methods.items()]


@pytest.mark.parametrize(("path", "method", "one"), operations(), ids=lambda value: value if type(value) is str else "")
def test_each_operation_says_what_it_answers_and_whom(path: str, method: str, one: dict[str, Any]) -> None:
    for status, answer in one["responses"].items():
        if int(status) >= 400:
            (media,) = answer["content"]
            assert media == "application/problem+json"
            assert answer["content"][media]["schema"] == {"$ref": "#/components/schemas/Problem"}
        elif method != "head" and path not in STREAMS:
            assert all(content.get("schema") for content in answer.get("content", {}).values()), status
    open_to_all = {"/v1/config", "/v1/token", "/v1/health", "/v1/enrol", "/v1/events"}
    assert bool(one.get("security")) is not (path in open_to_all)


def test_the_operations_have_names_of_their_own() -> None:
    names = [one["operationId"] for _, _, one in operations()]
    assert len(names) == len(set(names))


schema = schemathesis.openapi.from_dict(described()).exclude(path=list(STREAMS))


@schema.parametrize()
@settings(
    max_examples=12, derandomize=True, deadline=None, database=None,
    phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_whatever_is_asked_is_answered_as_described(case: Case[Any], talking: tuple[RunningPlane, Client]) -> None:
    plane, desk = talking
    case.query = {**(case.query or {}), **{name: SOON[name] for name in case.query or () if name in SOON}}
    case.call_and_validate(
        base_url=plane.url, headers={"Authorization": f"Bearer {desk.token}"}, checks=CHECKS, timeout=30
    )
