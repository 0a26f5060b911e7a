"""Owning an incident: every verb writes exactly its event, every rule refuses with a sentence and writes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from console.actions.incidents import (
    MAX_NAME,
    MAX_NOTE,
    acknowledge,
    add_note,
    assign_role,
    close,
    correct_note,
    enter_state,
    grade,
    take_role,
)
from console.domain.errors import InputError, RefusedError
from console.policy import default_path, load
from console.proof.actor import Actor
from console.queries.incidents import incident
from tests.fakes.record_kit import COMMANDER, START
from tests.fakes.story import STAGES, Story
from tests.fakes.told import Told

NOW = START + timedelta(seconds=10)
SHIPPED = load(default_path())
HOSTILE = "<img src=x onerror=alert(1)> \u202egnp.exe \u200b p\u0430ypal"


def graded(told: Told, level: str, **fields: Any) -> None:
    answers: dict[str, Any] = {
        "scope": "tenant",
        "urgency": "active",
        "reasons": ["Why."],
        "escalators": ["security_boundary"],
    }
    grade(
        told.record, told.story.incident, level=level, saw="", actor=COMMANDER, now=NOW, **(answers | fields)
    )  # fmt: skip


def refused(told: Told, *call: Any, kind: type[Exception] = RefusedError, **kw: Any) -> str:
    verb, *args = call
    before = told.types()
    with pytest.raises(kind) as caught:
        verb(told.record, told.story.incident, *args, now=NOW, **kw)
    assert told.types() == before, "something was written"
    return str(caught.value)


def test_acknowledging_is_seen_on_the_page(told: Told, story: Story) -> None:
    changes = acknowledge(told.record, story.incident, story.ids["incident.opened"], COMMANDER, NOW)
    assert changes.touches("incident", story.incident)
    assert told.ask(incident, story.incident).facts.acknowledged == changes.events[0]
    assert told.newest().body == {"saw": story.ids["incident.opened"]}


def test_a_role_is_taken_for_oneself(told: Told, story: Story) -> None:
    take_role(told.record, story.incident, "incident_commander", "", COMMANDER, NOW)
    assert told.ask(incident, story.incident).facts.commander == COMMANDER.person


def test_a_role_is_given_to_somebody_else_also_by_its_other_name(told: Told, story: Story) -> None:
    assign_role(told.record, story.incident, "app_owner", " po@example.org ", SHIPPED.roles, "", COMMANDER, NOW)
    assert told.newest().body == {"role": "product_owner", "person": "po@example.org", "saw": ""}
    assert told.newest().actor == COMMANDER.person


def test_a_role_that_nobody_defined_is_refused(told: Told) -> None:
    assert "no role" in refused(
        told, assign_role, "chief_wizard", "po@example.org", SHIPPED.roles, "", COMMANDER, kind=InputError
    )


@pytest.mark.parametrize("person", ["", "  ", "x" * (MAX_NAME + 1)])
def test_a_role_needs_a_name(told: Told, person: str) -> None:
    assert "Name the person" in refused(told, assign_role, "model_owner", person, SHIPPED.roles, "", COMMANDER)


def test_a_grade_keeps_its_reasons(told: Told, story: Story) -> None:
    graded(told, "SEV-0")
    assert told.ask(incident, story.incident).row.severity == "SEV-0"
    assert told.newest().body["reasons"] == ["Why."]
    assert told.newest().body["escalators"] == ["security_boundary"]


@pytest.mark.parametrize(("held", "wanted"), [("SEV-0", "SEV-1"), ("SEV-1", "SEV-2"), ("SEV-1", "SEV-4")])
def test_lowering_a_grave_level_takes_two(told: Told, held: str, wanted: str) -> None:
    graded(told, held)
    sentence = refused(
        told, grade, level=wanted, scope="", urgency="", reasons=[], escalators=[], saw="", actor=COMMANDER
    )
    assert "second person" in sentence
    assert held in sentence


def test_a_mild_level_may_be_lowered_by_one(told: Told, story: Story) -> None:
    story.opened()
    with_mild = story.beside("019c145c-7a00-7000-8000-00000000abcd")
    with_mild.opened(severity="SEV-2")
    grade(
        told.record, with_mild.incident, level="SEV-4", scope="", urgency="", reasons=[], escalators=[],
        saw=with_mild.ids["incident.opened"],
        actor=COMMANDER, now=NOW,
    )  # fmt: skip
    assert told.ask(incident, with_mild.incident).row.severity == "SEV-4"


def test_a_note_is_kept_as_it_was_written(told: Told, story: Story) -> None:
    add_note(told.record, story.incident, HOSTILE, NOW - timedelta(minutes=3), COMMANDER, NOW)
    assert told.newest().body["text"] == HOSTILE
    assert told.newest().body["happened_at"].startswith("2026-01-31T13:59:21")


def test_a_correction_leaves_the_first_entry_readable(told: Told, story: Story) -> None:
    first = add_note(told.record, story.incident, "at 14:02", NOW, COMMANDER, NOW).events[0]
    correct_note(told.record, story.incident, first, "at 14:03", COMMANDER, NOW)
    assert told.types()[-2:] == ["note.added", "note.corrected"]
    assert told.newest().body == {"corrects": first, "text": "at 14:03"}


def test_a_text_that_is_too_long_says_by_how_much(told: Told) -> None:
    assert f"at most {MAX_NOTE}" in refused(told, add_note, "x" * (MAX_NOTE + 1), NOW, COMMANDER)
    assert "20001 characters" in refused(told, correct_note, "e1", "x" * (MAX_NOTE + 1), COMMANDER)


@pytest.mark.parametrize(
    ("state", "before", "word"),
    [
        ("contained", "concluded", "No stop"),
        ("mitigated", "sealed", "No mitigation"),
        ("service_recovered", "signed", "Still stopped"),
        ("behaviour_recovered", "restored", "behaviour lamp"),
        ("resolved", "behaviour_recovered", "regression"),
        ("closed", "reviewed", "by closing it"),
    ],
)
def test_no_state_is_entered_before_its_test_is_met(
    told: Told, story: Story, state: str, before: str, word: str
) -> None:
    for stage in STAGES[1 : STAGES.index(before) + 1]:
        story.play(stage)
    assert word in refused(told, enter_state, state, [], COMMANDER)


def test_a_state_is_entered_on_its_grounds(told: Told, story: Story) -> None:
    stop = story.observed("stopped")
    enter_state(told.record, story.incident, "contained", [stop], COMMANDER, NOW)
    assert told.newest().body == {"state": "contained", "grounds": [stop]}
    assert told.ask(incident, story.incident).row.state == "contained"


def test_closing_needs_everything_words_and_a_signature(told: Told, story: Story) -> None:
    for stage in STAGES[1 : STAGES.index("reviewed")]:
        story.play(stage)
    assert "not reviewed" in refused(told, close, "Mended.", "", COMMANDER)
    story.reviewed()
    assert "in words" in refused(told, close, "  ", "", COMMANDER)
    assert "passphrase" in refused(told, close, "Mended.", "", Actor("ic@example.org", "incident_commander"))
    close(told.record, story.incident, "Mended.", "", COMMANDER, NOW)
    assert told.types()[-2:] == ["incident.closed", "lifecycle.entered"]
    assert told.ask(incident, story.incident).row.state == "closed"
    closed = told.ask(lambda reader: reader.events(story.incident, "incident.closed"))[0]
    assert closed.person_sig


def test_a_reviewer_who_responded_does_not_count(told: Told, story: Story) -> None:
    for stage in STAGES[1 : STAGES.index("reviewed")]:
        story.play(stage)
    story.reviewed(actor=COMMANDER)
    assert "somebody else" in refused(told, close, "Mended.", "", COMMANDER)
