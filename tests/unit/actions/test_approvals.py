"""Asking for a second person, giving the approval, asking an owner: one's own never counts, and rubbish is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from console.actions.approvals import give_approval, request_approval, request_criterion
from console.domain.confirmation import Preview
from console.domain.errors import RefusedError
from console.domain.times import format_utc
from console.policy import default_path, load
from console.proof.actor import Actor
from tests.fakes.record_kit import COMMANDER, PERSON, POLICY, START, new_incident
from tests.fakes.story import INVESTIGATOR, SWITCH, TARGET, Story
from tests.fakes.told import Told

SHIPPED = load(default_path())
NOW = START + timedelta(seconds=30)
WIDE, EVERYWHERE = "FF_GLOBAL_AI", "environment.range"


def seen(target: str = EVERYWHERE, **changed: Any) -> Preview:
    preview = Preview(
        select_token="t", epoch="e1", generation=4, state="running", observed_at=format_utc(START),
        blast_radius=SHIPPED.inventory.blast_radius(target), policy_hash=POLICY, counts={}, counted_at="",
        adapter="simulator",
    )  # fmt: skip
    return replace(preview, **changed)


def ask(told: Told, **changed: Any) -> str:
    fields = {
        "command_id": new_incident(9), "switch": WIDE, "target": EVERYWHERE, "want": "stopped", "preview": seen(),
        "reason": "It spreads.", "inventory": SHIPPED.inventory, "catalogue": SHIPPED.switches, "policy_hash": POLICY,
        "actor": COMMANDER, "now": NOW,
    } | changed  # fmt: skip
    return request_approval(told.record, told.story.incident, **fields).events[0]


def test_a_request_lives_ten_minutes(told: Told, story: Story) -> None:
    ask(told)
    body = told.newest().body
    assert (body["want"], body["generation"], body["expires"]) == (
        "stopped",
        4,
        format_utc(NOW + timedelta(minutes=10)),
    )


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"switch": SWITCH, "target": TARGET, "preview": seen(TARGET)}, "needs no second person"),
        ({"reason": " "}, "Write the reason"),
        ({"preview": seen(TARGET)}, "not of what this switch reaches"),
        ({"preview": seen(policy_hash="cd" * 32)}, "not of what this switch reaches"),
    ],
)
def test_what_need_not_or_cannot_be_asked(told: Told, changed: dict[str, Any], word: str) -> None:
    with pytest.raises(RefusedError, match=word):
        ask(told, **changed)
    assert told.types() == ["incident.opened"]


def test_an_approval_is_signed_and_marked_when_it_came_from_the_same_desk(told: Told, story: Story) -> None:
    request = ask(told)
    give_approval(told.record, story.incident, request, INVESTIGATOR, NOW, preview=seen())
    body = told.newest().body
    assert body["same_desk"] is True
    assert (told.newest().actor, bool(body["sig"])) == (INVESTIGATOR.person, True)


@pytest.mark.parametrize(
    ("actor", "word"),
    [
        (COMMANDER, "cannot be the second person"),
        (Actor("other-name@example.org", "investigator", PERSON), "cannot be the second person"),
        (Actor("x@example.org", "investigator", PERSON), "cannot be the second person"),
        (Actor(INVESTIGATOR.person, "investigator", None), "passphrase"),
    ],
)
def test_who_cannot_approve(told: Told, story: Story, actor: Actor, word: str) -> None:
    request = ask(told)
    with pytest.raises(RefusedError, match=word):
        give_approval(told.record, story.incident, request, actor, NOW)
    assert told.types()[-1] == "approval.requested"


def test_an_answer_counts_once_in_time_and_for_what_was_shown(told: Told, story: Story) -> None:
    request, act = ask(told), (told.record, story.incident)
    with pytest.raises(RefusedError, match="ended at"):
        give_approval(*act, request, INVESTIGATOR, NOW + timedelta(minutes=10))
    with pytest.raises(RefusedError, match="not what you are asked"):
        give_approval(*act, request, INVESTIGATOR, NOW, preview=seen(generation=5))
    with pytest.raises(RefusedError, match="no such request"):
        give_approval(*act, story.ids["incident.opened"], INVESTIGATOR, NOW)
    give_approval(*act, request, INVESTIGATOR, NOW)
    with pytest.raises(RefusedError, match="already"):
        give_approval(*act, request, INVESTIGATOR, NOW)


def test_an_owner_is_asked_by_role_for_what_somebody_signs(told: Told, story: Story) -> None:
    about = {"catalogue": SHIPPED.switches, "switch": SWITCH, "target": TARGET, "actor": COMMANDER, "now": NOW}
    request_criterion(told.record, story.incident, criterion="compliance_sign_off", **about)
    assert told.newest().body["of"] == "security_lead"
    for criterion in ("behaviour_validation", "moon_phase"):
        with pytest.raises(RefusedError, match="not signed off by anybody"):
            request_criterion(told.record, story.incident, criterion=criterion, **about)
    assert told.types() == ["incident.opened", "criterion.requested"]
