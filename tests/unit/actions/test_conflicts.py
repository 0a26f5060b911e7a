"""Conflicts, revisions, drafts and rejected events, as a person deals with them; the record stays whole."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.actions.conflicts import resolve_conflict
from console.actions.drafts import discard_draft, save_draft
from console.actions.notes import revise_note
from console.actions.rejected import ask_commander, write_again
from console.domain.conflicts import note_subject
from console.domain.errors import ConsoleError, RefusedError
from console.domain.merging import OURS
from console.proof.actor import Actor
from console.proof.envelope import SYSTEM, SignedEvent
from console.queries.conflicts import conflicts, open_conflicts
from console.queries.drafts import drafts
from console.queries.rejected import quarantined, rejected
from console.store import rebuild, syncing
from console.store._sqlite import connect_memory
from console.store.projection_tables import create
from tests.fakes.record_kit import (
    COMMANDER,
    PERSON,
    PLANE,
    START,
    Author,
    append,
    body_of,
    entries_after,
    key_of,
)
from tests.fakes.story import Story
from tests.fakes.told import Told
from tests.fakes.told import told as telling

BEN = Actor("ben@example.org", "scribe")


def _other(told: Told, number: int = 31) -> Author:
    other = Author(key_of(number))
    with told.record.transaction() as tx:
        tx.hold_key(other.key.public_hex, "import")
    return other


def _grade(author: Author, incident: str, level: str, saw: str, actor: str = "ben") -> SignedEvent:
    return author.write("severity.graded", incident, body_of("severity.graded", level=level, saw=saw), actor=actor)


def _severity(told: Told) -> tuple[Any, ...]:
    return tuple(told.ask(lambda db: db.tuples("SELECT severity, severity_event FROM incident"))[0])


def _as_started_over(told: Told) -> list[str]:
    fresh = connect_memory()
    try:
        create(fresh)
        rebuild.fill(told.store.conn, fresh)
        return list(rebuild.differences(told.store.conn, fresh))
    finally:
        fresh.close()


def _conflict(told: Told, story: Story) -> tuple[str, str]:
    opened = story.ids["incident.opened"]
    theirs = _grade(_other(told), story.incident, "SEV-0", opened)
    mine = append(told.record, "severity.graded", story.incident, level="SEV-3", saw=opened)
    told.send(theirs)
    told.sync()
    return theirs.envelope.event_id, mine.envelope.event_id


def test_two_grades_at_once_are_shown_and_the_commander_settles_them(told: Told, story: Story) -> None:
    theirs, mine = _conflict(told, story)
    (found,) = told.ask(conflicts, story.incident)
    assert (found.subject, [side.event_id for side in found.sides]) == ("severity", [theirs, mine])
    assert [side.holds for side in found.sides] == [True, False]
    assert _severity(told) == ("SEV-0", theirs)
    assert told.ask(lambda db: db.value("SELECT level FROM severity_now")) == "SEV-0"
    for actor in (BEN, Actor("ben", "scribe", PERSON)):
        with pytest.raises(RefusedError):
            resolve_conflict(told.record, story.incident, "severity", mine, [theirs], "seen", actor, START)
    resolve_conflict(told.record, story.incident, "severity", mine, [theirs], "one tenant only", COMMANDER, START)
    assert told.ask(open_conflicts) == ()
    assert _severity(told) == ("SEV-3", mine)
    assert _as_started_over(told) == []
    with pytest.raises(ConsoleError):
        resolve_conflict(told.record, story.incident, "severity", mine, [theirs], "again", COMMANDER, START)


def test_a_resolution_for_an_older_side_of_a_role_holds(told: Told, story: Story) -> None:
    theirs = _other(told).write(
        "role.taken", story.incident, body_of("role.taken", role="scribe", person="ben"), actor="ben"
    )
    mine = append(told.record, "role.taken", story.incident, role="scribe", person="ann").envelope.event_id
    told.send(theirs)
    told.sync()
    holder = "SELECT person FROM role_now WHERE role = 'scribe'"
    assert told.ask(lambda db: db.value(holder)) == "ann"
    first = theirs.envelope.event_id
    resolve_conflict(told.record, story.incident, "role:scribe", first, [mine], "he was first", COMMANDER, START)
    assert told.ask(lambda db: db.value(holder)) == "ben"
    assert _as_started_over(told) == []


@pytest.mark.parametrize("restored", [False, True])
def test_what_a_desk_saw_of_another_epoch_is_not_what_it_saw_of_this_one(
    told: Told, story: Story, restored: bool
) -> None:
    """Positions after the backup name other events now: a role taken without knowing of the other is a conflict."""
    first, second = _other(told, 31), _other(told, 32)
    early = Author(key_of(33)).write("note.added", story.incident, body_of("note.added")).envelope.hlc
    plane = Author(PLANE)
    with told.record.transaction() as tx:
        tx.hold_key(PLANE.public_hex, "plane")
    began = told.cursor.gpos
    if restored:
        plane.made = 1_000
        body = {"epoch": "e2", "previous": "e1", "size": began, "reason": "restored"}
        told.send(plane.write("epoch.began", SYSTEM, body))
    told.send(
        first.write("role.taken", story.incident, body_of("role.taken", role="scribe", person="ben"), actor="ben")
    )
    saw = told.cursor.gpos  # the same number, of the journal before the backup was put back
    told.send(
        second.write(
            "role.taken", story.incident, body_of("role.taken", role="scribe", person="cyd"), actor="cyd",
            seen_gpos=saw, hlc=early,
        )
    )  # fmt: skip
    assert bool(told.ask(open_conflicts)) is restored
    assert _as_started_over(told) == []


def test_revisions_that_did_not_know_of_each_other_are_siblings_until_joined(told: Told, story: Story) -> None:
    first = append(told.record, "note.added", story.incident, text="old").envelope.event_id
    other = _other(told)
    theirs = other.write("note.revised", story.incident, body_of("note.revised", note=first, text="b", saw=[first]))
    revise_note(told.record, story.incident, first, "a", [first], COMMANDER, START)
    told.sync()
    told.send(theirs)
    (found,) = told.ask(conflicts, story.incident)
    assert found.subject == note_subject(first)
    sides = [side.event_id for side in found.sides]
    for text, saw in ((f"{OURS}\nx", sides), ("  ", sides), ("x", ["nothing"]), ("x", [])):
        with pytest.raises(RefusedError):
            revise_note(told.record, story.incident, first, text, saw, COMMANDER, START)
    revise_note(told.record, story.incident, first, "joined", sides, COMMANDER, START)
    assert told.ask(conflicts, story.incident) == ()


def test_a_draft_stays_on_the_desk_and_makes_no_event(told: Told, story: Story) -> None:
    before = told.types()
    save_draft(told.record, "note:1", story.incident, "note", "half", START)
    save_draft(told.record, "note:1", story.incident, "note", "half a thought", START)
    assert [draft.text for draft in told.ask(drafts, story.incident)] == ["half a thought"]
    discard_draft(told.record, "note:1", START)
    assert told.ask(drafts, story.incident) == ()
    assert told.types() == before


def _rejected_grade(told: Told, story: Story) -> str:
    mine = append(told.record, "severity.graded", story.incident, level="SEV-2", saw="somewhere")
    entries, after = entries_after(told.cursor, [mine], [0])
    with told.record.transaction() as tx:
        syncing.store_entries(tx, told.cursor, entries, after)
    told.cursor = after
    return mine.envelope.event_id


def test_a_rejected_event_is_listed_and_written_again_on_what_holds_now(told: Told, story: Story) -> None:
    event_id = _rejected_grade(told, story)
    (found,) = told.ask(rejected)
    assert (found.event_id, found.actions) == (event_id, ("write_again", "ask_commander", "export"))
    with pytest.raises(RefusedError):
        write_again(told.record, event_id, BEN, START)
    write_again(told.record, event_id, COMMANDER, START)
    again = told.ask(lambda db: db.events(story.incident, "severity.graded"))[-1].envelope
    assert (again.body["level"], again.body["saw"]) == ("SEV-2", story.ids["incident.opened"])
    ask_commander(told.record, event_id, "May I?", COMMANDER, START)
    assert event_id in told.ask(lambda db: db.events(story.incident, "note.added"))[-1].envelope.body["text"]
    with pytest.raises(ConsoleError):
        write_again(told.record, again.event_id, COMMANDER, START)
    assert told.ask(quarantined) == ()


@given(st.permutations(range(6)), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_any_order_of_arrival_comes_to_the_same_conflicts(order: list[int], chance: random.Random) -> None:
    """The same journal, of which a desk held some of its own before: severity and sides depend on the order alone."""
    with TemporaryDirectory() as folder, telling(Path(folder, "s")) as told:
        story = told.story
        story.opened()
        ids = [story.ids["incident.opened"]]
        made = []
        for number in order:
            author = _other(told, 40 + number)
            level = chance.choice(["SEV-0", "SEV-1", "SEV-2", "SEV-4"])
            one = _grade(author, story.incident, level, chance.choice(ids), actor=f"p{number}")
            ids.append(one.envelope.event_id)
            made.append(one)
        cut = chance.randint(0, len(made))
        told.send(*made[:cut])
        append(told.record, "severity.graded", story.incident, level="SEV-3", saw=chance.choice(ids))
        told.send(*made[cut:])
        told.sync()
        assert _as_started_over(told) == []
        for found in told.ask(conflicts, story.incident):
            levels = [told.ask(lambda db, s=s: db.event(s.event_id)).envelope.body.get("level") for s in found.sides]
            held = next(n for n, side in enumerate(found.sides) if side.holds)
            assert (levels[held] or "SEV-1") == min(level or "SEV-1" for level in levels) == _severity(told)[0]
