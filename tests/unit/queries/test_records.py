"""What screens read of one incident: its page, its timeline, its evidence, its commands."""

from __future__ import annotations

from console.domain.evidence import DIMENSIONS
from console.domain.incident import STATES
from console.queries.commands import command
from console.queries.evidence import evidence
from console.queries.incidents import incident, incidents
from console.queries.timeline import timeline
from tests.fakes.record_kit import COMMANDER, new_incident
from tests.fakes.story import STAGES, Story
from tests.fakes.told import Told


def test_the_list_is_newest_first_and_bounded(told: Told, story: Story) -> None:
    for n in (3, 1, 2):
        story.beside(new_incident(n)).opened()
    listed = [row.incident for row in told.ask(incidents)]
    assert listed == sorted(listed, reverse=True)
    assert len(listed) == 4
    assert [row.incident for row in told.ask(incidents, 2)] == listed[:2]


def test_a_page_says_for_every_state_what_is_missing(told: Told, story: Story) -> None:
    page = told.ask(incident, story.incident)
    assert set(page.missing) == set(STATES)
    assert (page.missing["open"], page.row.title) == ((), "Grounding of answers out of bounds at borealis")
    assert "No stop" in page.missing["contained"][0]
    assert told.ask(incident, new_incident(77)) is None


def test_facts_follow_the_whole_story(told: Told, story: Story) -> None:
    for stage in STAGES[1:]:
        story.play(stage)
    facts = told.ask(incident, story.incident).facts
    assert (facts.state, facts.commander, facts.severity) == ("closed", COMMANDER.person, "SEV-1")
    assert set(facts.stops) == set(facts.restored)
    assert (facts.service_lamp, facts.behaviour_lamp) == ("normal", "normal")
    assert (facts.unsealed_items, facts.missing_dimensions, facts.unresolved_commands) == (0, (), ())
    assert facts.reviewer not in facts.responders


def test_lamps_from_before_the_restore_do_not_count(told: Told, story: Story) -> None:
    for stage in STAGES[1 : STAGES.index("restored")]:
        story.play(stage)
    story.lamps("normal", "normal")
    story.play("restored")
    assert told.ask(incident, story.incident).facts.service_lamp == ""


def test_the_timeline_is_every_event_in_order_as_it_was_signed(told: Told, story: Story) -> None:
    for stage in STAGES[1:6]:
        story.play(stage)
    entries = told.ask(timeline, story.incident)
    assert [entry.type for entry in entries] == told.types()
    assert all(entry.at.endswith("Z") and entry.signed.canon for entry in entries)
    assert {entry.actor for entry in entries} == {"plane", COMMANDER.person}


def test_evidence_says_what_is_missing(told: Told, story: Story) -> None:
    assert told.ask(evidence, story.incident).missing == tuple(DIMENSIONS)
    story.captured("payloads", "tool_ledger")
    view = told.ask(evidence, story.incident)
    assert [row.dimension for row in view.items] == ["payloads", "tool_ledger"]
    assert (len(view.missing), view.seals) == (5, ())
    story.sealed()
    assert [(row.seal, row.sealer, row.nested) for row in told.ask(evidence, story.incident).seals] == [
        (1, COMMANDER.person, False)
    ]


def test_a_command_that_is_not_here_is_none(told: Told) -> None:
    assert told.ask(command, new_incident(77)) is None
