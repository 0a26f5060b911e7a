"""What a reply through the data path proves, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from console.domain.sighting import Aim, judge_reply
from console.plane.backends import NO_ANSWER, OVERLOADED, SERVED, SWITCHED_OFF, Held, ProbeReply, ReadBack, Refuser
from console.plane.probes import Effect, durable_form, holds

AT = datetime(2026, 1, 1, tzinfo=UTC)
STOP = Aim("FF_X", "tenant.x", "stopped", 3, "c-3")
RUN = replace(STOP, want="running")
OURS = Refuser("FF_X", "tenant.x", 3, "c-3")
OTHER = Refuser("FF_ALL", "environment.x", 9, "c-9")


def reply(outcome: str, *refused_by: Refuser) -> ProbeReply:
    return ProbeReply(outcome, AT, refused_by)


@pytest.mark.parametrize(
    ("found", "for_stop", "for_restore"),
    [
        (reply(SERVED), "not_in_effect", "in_effect"),
        (reply(SWITCHED_OFF, OURS), "in_effect", "not_in_effect"),
        (reply(SWITCHED_OFF, OTHER, OURS), "in_effect", "not_in_effect"),
        (reply(SWITCHED_OFF, OTHER), "hidden", "hidden"),
        (reply(SWITCHED_OFF, replace(OURS, generation=2)), "unknown", "not_in_effect"),
        (reply(SWITCHED_OFF, replace(OURS, assertion_id="c-2")), "unknown", "not_in_effect"),
        (reply(SWITCHED_OFF, replace(OURS, target="tenant.y")), "hidden", "hidden"),
        (reply(OVERLOADED), "unknown", "unknown"),
        (reply(NO_ANSWER), "unknown", "unknown"),
    ],
    ids=[
        "served",
        "ours",
        "ours among others",
        "another",
        "older generation",
        "another id",
        "elsewhere",
        "busy",
        "silence",
    ],
)
def test_what_a_reply_proves(found: ProbeReply, for_stop: str, for_restore: str) -> None:
    assert (judge_reply(found, STOP), judge_reply(found, RUN)) == (for_stop, for_restore)


def effect(seen: str) -> Effect:
    return Effect(seen, AT, 1, SERVED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "state", "refuses"),
    [
        ("in_effect", "stopped", "true"),
        ("not_in_effect", "running", "false"),
        ("hidden", "unknown", "unknown"),
        ("unknown", "unknown", "unknown"),
    ],
)
def test_what_is_not_seen_is_unknown(seen: str, state: str, refuses: str) -> None:
    assert (effect(seen).state("stopped"), effect(seen).refuses_new("stopped")) == (state, refuses)


def test_a_restore_in_effect_serves_again() -> None:
    assert (effect("in_effect").state("running"), effect("in_effect").refuses_new("running")) == ("running", "false")
    assert (effect("not_in_effect").state("running"), effect("not_in_effect").refuses_new("running")) == (
        "stopped",
        "true",
    )


def test_a_read_back_must_name_state_generation_and_id() -> None:
    pair = ("FF_X", "tenant.x")
    held = Held("stopped", 3, "c-3")
    assert holds(ReadBack("b", {pair: held}, None), STOP)
    for other in (replace(held, state="running"), replace(held, generation=2), replace(held, assertion_id="x")):
        assert not holds(ReadBack("b", {pair: other}, None), STOP)
    assert not holds(None, STOP)
    assert not holds(ReadBack("b", {}, None), STOP)


def test_the_durable_form_is_true_false_or_unknown() -> None:
    pair = ("FF_X", "tenant.x")
    good = {pair: Held("stopped", 3, "c-3")}
    assert durable_form(ReadBack("b", {}, good), STOP) == "true"
    assert durable_form(ReadBack("b", good, {pair: Held("running", 2, "c-2")}), STOP) == "false"
    assert durable_form(ReadBack("b", good, {}), STOP) == "false"
    assert durable_form(ReadBack("b", good, None), STOP) == "unknown"
    assert durable_form(None, STOP) == "unknown"
