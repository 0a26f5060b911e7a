"""What Redis answers is checked for its form; nothing of it is taken on trust."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.domain.inventory import Inventory
from console.plane.adapters import redis
from console.plane.back_end_settings import RedisSettings
from console.plane.backends import OVERLOADED, SERVED, BackEndFault, BackEndRefusal, Held, Refuser
from console.plane.settings import PlaneSettings, Secrets
from console.plane.wires.redis_answers import applied, cut_by, held, probe_reply, refused, text_of

AT = datetime(2026, 1, 31, tzinfo=UTC)
SWITCH, TARGET = "FF_TOKEN_BUDGET", "tenant.glacier"


@pytest.mark.parametrize(
    "answer",
    [None, "applied", [], ["applied"], ["applied", "stopped", "x"], ["applied", "off", "1"], ["done", "stopped", "1"],
     ["applied", "stopped", 1], ["applied", "stopped", "1", "2"]],
)  # fmt: skip
def test_an_answer_in_another_form_is_a_fault(answer: object) -> None:
    with pytest.raises(BackEndFault, match="load it again"):
        applied(answer)


def test_what_was_applied_and_what_was_refused() -> None:
    assert applied(["applied", "stopped", "7"]) == ("stopped", 7)
    for kind in ("stale", "expired"):
        with pytest.raises(BackEndRefusal) as refusal:
            applied([kind, "stopped", "9"])
        assert (refusal.value.kind, refusal.value.generation) == (kind, 9)


@pytest.mark.parametrize("marker", [None, "", 1, "running", "running -1 a", "running 1 a b", "on 1 a", "running 1 a\n"])
def test_a_marker_that_cannot_be_read_is_held_as_stopped(marker: object) -> None:
    assert held(marker) == Held("stopped", 0, "")


def test_a_marker() -> None:
    assert held("running 3 command-3") == Held("running", 3, "command-3")
    assert held("running 0 -") == Held("running", 0, "")


@pytest.mark.parametrize("serving", [["hit", "0.1", "text"], ["miss", "0.1"], ["reserved", "99"]])
def test_what_serves(serving: list[str]) -> None:
    assert probe_reply(serving, AT).outcome == SERVED
    assert not refused(serving)


def test_every_switch_that_refused_is_named_and_a_budget_that_is_used_up_is_none() -> None:
    reply = probe_reply(["refused", SWITCH, TARGET, "3", "a", SWITCH, "environment.stand", "1", "-"], AT)
    assert reply.refused_by == (Refuser(SWITCH, TARGET, 3, "a"), Refuser(SWITCH, "environment.stand", 1, ""))
    assert probe_reply(["over", "micro_usd", "0"], AT).outcome == OVERLOADED


@pytest.mark.parametrize(
    "answer",
    [["refused"], ["refused", SWITCH, TARGET, "3"], ["refused", SWITCH, TARGET, "x", "a"], ["?"], [["refused"]],
     ["refused", "a b", TARGET, "3", "a"], ["refused", SWITCH, "\x1b[2J", "3", "a"]],
)  # fmt: skip
def test_a_refusal_in_another_form_names_nobody(answer: object) -> None:
    with pytest.raises(BackEndFault):
        probe_reply(answer, AT)


def test_a_session_is_cut_by_what_its_notice_names() -> None:
    assert cut_by(f"{SWITCH} {TARGET} 3 command-3", SWITCH, TARGET) == "command-3"
    for other in (
        f"FF_NONE {TARGET} 3 a",
        f"{SWITCH} tenant.other 3 a",
        "",
        None,
        f"{SWITCH} {TARGET} 3",
        "a b c \x1b",
    ):
        assert cut_by(other, SWITCH, TARGET) == ""


def test_hostile_text_is_short_and_on_one_line() -> None:
    shown = text_of("\x1b[2J\r\n" + "x" * 500)
    assert shown.isprintable()
    assert len(shown) == 120


def test_it_is_driven_only_when_the_settings_name_it() -> None:
    inventory = Inventory({}, (), {})
    assert redis.connect(PlaneSettings(), Secrets(), inventory) is None
    assert redis.connect(PlaneSettings(redis=RedisSettings()), Secrets(), inventory) is not None
