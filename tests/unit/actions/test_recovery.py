"""Signing a criterion, asking for and signing the review: who may, on what, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from console.actions.recovery import VERDICTS, request_review, sign_criterion, sign_review
from console.domain.errors import InputError, RefusedError
from console.policy import default_path, load
from console.proof.actor import Actor
from console.queries.incidents import incident
from tests.fakes.record_kit import COMMANDER, START, key_of
from tests.fakes.story import INVESTIGATOR, OWNER, SWITCH, TARGET, Story
from tests.fakes.told import Told

NOW = START + timedelta(seconds=10)
SHIPPED = load(default_path())


def sign(told: Told, actor: Actor = OWNER, **changed: Any) -> Any:
    fields: dict[str, Any] = {
        "switch": SWITCH, "target": TARGET, "criterion": "compliance_sign_off", "statement": "It complies.",
        "evidence": [told.story.ids.get("validation.measured", "")],
    } | changed  # fmt: skip
    return sign_criterion(
        told.record, told.story.incident, catalogue=SHIPPED.switches, actor=actor, now=NOW, **fields
    )  # fmt: skip


def refusal(told: Told, call: Any, kind: type[Exception] = RefusedError) -> str:
    before = told.types()
    with pytest.raises(kind) as caught:
        call()
    assert told.types() == before, "something was written"
    return str(caught.value)


def test_the_named_role_signs_on_evidence_that_is_there(told: Told, story: Story) -> None:
    run, items = story.validated(), story.captured("payloads")
    changes = sign(told, evidence=[run, items[0], told.newest().body["item"]])
    assert changes.touches("criterion", story.incident)
    signed = told.ask(lambda reader: reader.event(changes.events[0]))
    assert signed.person_sig
    assert signed.envelope.role == "security_lead"
    assert signed.envelope.body["statement"] == "It complies."


def test_another_role_cannot_sign(told: Told, story: Story) -> None:
    story.validated()
    assert "security_lead, not by incident_commander" in refusal(told, lambda: sign(told, COMMANDER))
    nobody = Actor("x@example.org", "", key_of(9))
    assert "somebody without a role" in refusal(told, lambda: sign(told, nobody))


def test_a_criterion_that_the_switch_does_not_have_is_refused(told: Told, story: Story) -> None:
    story.validated()
    assert "no restoration criterion" in refusal(told, lambda: sign(told, criterion="moon_phase"))
    assert "no switch" in refusal(told, lambda: sign(told, switch="FF_MOON"), InputError)


@pytest.mark.parametrize("evidence", [[], ["019c145c-0000-7000-8000-000000000000"], [""]])
def test_evidence_must_be_in_the_record(told: Told, story: Story, evidence: list[str]) -> None:
    story.validated()
    assert "Name evidence" in refusal(told, lambda: sign(told, evidence=evidence))


def test_evidence_of_another_incident_does_not_count(told: Told, story: Story) -> None:
    other = story.beside("019c145c-7a00-7000-8000-00000000abcd")
    other.opened()
    assert "Name evidence" in refusal(told, lambda: sign(told, evidence=[other.validated()]))


def test_without_a_key_nothing_is_signed(told: Told, story: Story) -> None:
    story.validated()
    locked = Actor(OWNER.person, OWNER.role)
    assert "passphrase" in refusal(told, lambda: sign(told, locked))


def test_the_review_is_asked_of_somebody_who_did_not_respond(told: Told, story: Story) -> None:
    story.acknowledged()
    request_review(told.record, story.incident, 1, INVESTIGATOR.person, COMMANDER, NOW)
    assert told.newest().body == {"seal": 1, "of": INVESTIGATOR.person}
    mine = COMMANDER.person
    sentence = refusal(told, lambda: request_review(told.record, story.incident, 1, mine, COMMANDER, NOW))
    assert "ask somebody who did not" in sentence


@pytest.mark.parametrize("verdict", VERDICTS)
def test_either_verdict_is_kept_and_only_the_good_one_permits_closing(told: Told, story: Story, verdict: str) -> None:
    sign_review(told.record, story.incident, 1, verdict, ["Item 3 is cut."], INVESTIGATOR, NOW)
    review = told.ask(incident, story.incident).facts.review
    assert bool(review) == (verdict == "evidence_sufficient")
    assert told.newest().body["findings"] == ["Item 3 is cut."]


def test_a_review_by_a_responder_or_without_a_verdict_is_refused(told: Told, story: Story) -> None:
    story.acknowledged()
    act = told.record, story.incident, 1
    assert "cannot review" in refusal(told, lambda: sign_review(*act, VERDICTS[0], [], COMMANDER, NOW))
    assert "not a verdict" in refusal(told, lambda: sign_review(*act, "fine", [], INVESTIGATOR, NOW))
    locked = Actor(INVESTIGATOR.person, "investigator")
    assert "passphrase" in refusal(told, lambda: sign_review(*act, VERDICTS[0], [], locked, NOW))
