"""What a token role says of a switch, and what the adapter makes of an OpenBao that is not as it should be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.plane.adapters import openbao
from console.plane.adapters.openbao import SWITCH, OpenBao
from console.plane.back_end_settings import OpenBaoSettings
from console.plane.backends import NO_ANSWER, OVERLOADED, Assertion, BackEndFault, Held
from console.plane.settings import Secrets

T = TypeVar("T")
LEDGER = InventoryItem("tool.ledger", "tool", "Ledger", "environment.stand")
INVENTORY = Inventory({LEDGER.id: LEDGER}, (Enforcement(SWITCH, LEDGER.id, "openbao"),), {})
ROLE = {"token_type": "batch", "disallowed_policies": ["own"], "disallowed_policies_glob": ["own-*"]}


@given(
    st.builds(
        Held, st.sampled_from(["running", "stopped"]), st.integers(0, 10**15 - 1), st.text(st.characters(codec="utf-8"))
    )
)
def test_a_role_carries_state_generation_and_any_id_and_keeps_what_was_the_organisations(asked: Held) -> None:
    changed = openbao._changed(ROLE, asked)
    assert openbao._held(changed) == asked
    again = openbao._changed(changed, Held("running", 9, "x"))
    assert (again["disallowed_policies"][:-1], again["disallowed_policies_glob"]) == (["own"], ["own-*"])


@pytest.mark.parametrize(
    ("names", "globs", "held"),
    [
        ([f"console-switch.stopped.3.{b'a'.hex()}"], [], Held("running", 3, "")),  # opened by hand
        ([], ["*"], Held("stopped", 0, "")),  # shut by hand
        (["console-switch.x.y.zz", "console-switch.stopped", 7], ["*"], Held("stopped", 0, "")),
        ("*", "*", Held("running", 0, "")),
    ],
)
def test_a_mark_that_does_not_fit_its_role_names_nobody(names: object, globs: object, held: Held) -> None:
    assert openbao._held({"disallowed_policies": names, "disallowed_policies_glob": globs}) == held


def asking(answers: dict[str, tuple[int, Any]], work: Callable[[OpenBao], Awaitable[T]]) -> T:
    """Run `work` against a server that gives these answers, by the end of the path."""

    async def answer(request: web.Request) -> web.StreamResponse:
        fitting = [value for end, value in answers.items() if request.path.endswith(end)]
        found: tuple[int, Any] = fitting[0] if fitting else (200, {})
        return web.json_response(found[1], status=found[0])

    async def whole() -> T:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        async with TestServer(app) as server:
            adapter = OpenBao(OpenBaoSettings(str(server.make_url("/"))), Secrets(), INVENTORY)
            try:
                return await work(adapter)
            finally:
                await adapter.close()

    return asyncio.run(whole())


def test_batch_tokens_and_storage_in_memory_are_declared_as_what_they_are() -> None:
    answers = {"roles/tool-ledger": (200, {"data": ROLE}), "seal-status": (200, {"storage_type": "inmem"})}
    capability = asking(answers, OpenBao.capabilities)[SWITCH]
    assert (capability.cuts_streams, capability.durable, capability.ends_sessions) == (False, False, False)
    read = asking(answers, OpenBao.read_back)
    assert (read.boot_id, read.durable) == ("not known", None)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (429, {}, OVERLOADED),
        (503, {"errors": ["sealed"]}, NO_ANSWER),
        (400, {"errors": ["ttl is too long"]}, NO_ANSWER),
        (403, {"errors": ["permission denied"]}, NO_ANSWER),
        (200, ["not an object"], "served"),
    ],
)
def test_a_refusal_counts_only_when_the_role_disallowed(status: int, body: object, outcome: str) -> None:
    reply = asking({"create/tool-ledger": (status, body)}, lambda adapter: adapter.probe(SWITCH, LEDGER, 1.0))
    assert (reply.outcome, reply.refused_by) == (outcome, ())


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"roles/tool-ledger": (503, {})}, "sealed"),
        ({"roles/tool-ledger": (403, {})}, "token"),
        ({"roles/tool-ledger": (500, {})}, "unknown"),
        ({"roles/tool-ledger": (200, {"data": ROLE})}, "somebody else"),
    ],
)
def test_what_is_not_seen_to_be_held_is_a_fault(answers: dict[str, tuple[int, Any]], words: str) -> None:
    asked = Assertion(SWITCH, LEDGER.id, "running", 1, "a", "2999-01-01T00:00:00.000000Z")
    with pytest.raises(BackEndFault, match=words):
        asking(answers, lambda adapter: adapter.apply(asked, 2.0))


def test_leases_that_do_not_end_are_a_fault_and_never_counted_as_cut() -> None:
    asked = Assertion(SWITCH, LEDGER.id, "stopped", 1, "a", "2999-01-01T00:00:00.000000Z")
    held = openbao._changed(ROLE, Held("stopped", 1, "a"))
    answers = {"roles/tool-ledger": (200, {"data": held}), "create/tool-ledger/": (200, {"data": {"keys": ["one"]}})}
    with pytest.raises(BackEndFault, match="still holds leases"):
        asking(answers, lambda adapter: adapter.apply(asked, 2.0))
