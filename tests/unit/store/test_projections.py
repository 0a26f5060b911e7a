"""Projections: whatever happened in whatever order, keeping up equals starting over."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.domain.events import BODIES, PERSON_SIGNED
from console.proof.envelope import SYSTEM, SignedEvent
from console.store import projections, rebuild, syncing
from console.store._sqlite import connect_memory
from console.store.opening import Store
from console.store.projection_tables import create
from console.store.record import Record
from console.store.verify import verify_store
from tests.fakes.record_kit import (
    COMMANDER,
    PERSON,
    PLANE,
    ROOT,
    Author,
    Cursor,
    append,
    body_of,
    desk,
    entries_after,
    key_of,
    new_incident,
    organisation,
)

ONE = new_incident(1)


def _rebuilt_differs(store: Store) -> list[str]:
    fresh = connect_memory()
    try:
        create(fresh)
        rebuild.fill(store.conn, fresh)
        return list(rebuild.differences(store.conn, fresh))
    finally:
        fresh.close()


def test_every_projection_is_of_a_known_type() -> None:
    assert set(projections.TABLE) <= set(BODIES)


def test_each_type_alone_projects_the_same_when_started_over(store: Store, record: Record) -> None:
    for event_type in BODIES:
        append(record, event_type, SYSTEM if event_type in ("person.certified", "role.granted") else ONE)
        assert _rebuilt_differs(store) == [], event_type


@st.composite
def _happenings(draw: st.DrawFn) -> list[tuple[str, str, int, dict[str, Any]]]:
    types = sorted(BODIES)
    some = st.sampled_from(["", "SEV-1", "SEV-3", "incident_commander", "contained", "grounding low", "x"])
    happenings = []
    for _ in range(draw(st.integers(1, 14))):
        event_type = draw(st.sampled_from(types))
        wanted = dict(part.split(":") for part in BODIES[event_type].split())
        fields = {name: draw(some) for name, kind in wanted.items() if kind == "s"}
        happenings.append((draw(st.sampled_from(["mine", "theirs"])), event_type, draw(st.integers(1, 2)), fields))
    return happenings


@given(_happenings(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_keeping_up_equals_starting_over(
    happenings: list[tuple[str, str, int, dict[str, Any]]], chance: random.Random
) -> None:
    with TemporaryDirectory() as folder, desk(Path(folder, "s")) as (store, record):
        other, cursor = Author(key_of(20)), Cursor()
        with record.transaction() as tx:
            syncing.remember_plane(
                tx, origin="o", exercise=True, root_public_key=ROOT.public_hex, plane_device=PLANE.id,
                plane_public_key=PLANE.public_hex, epoch="e1",
            )  # fmt: skip
        pending: list[SignedEvent] = list(organisation(Author(ROOT), other.key))
        for who, event_type, number, fields in happenings:
            incident, body = new_incident(number), body_of(event_type, **fields)
            if who == "mine":
                pending.append(_mine(record, event_type, incident, body))
            else:
                event = other.write(event_type, incident, body, actor=COMMANDER.person)
                if event_type in PERSON_SIGNED:
                    event = SignedEvent(event.canon, event.sig, PERSON.sign_text(event.canon.encode()))
                pending.append(event)
            if chance.random() < 0.4:
                cursor, pending = _pull(record, cursor, pending, chance), []
        _pull(record, cursor, pending[: chance.randint(0, len(pending))], chance)
        assert _rebuilt_differs(store) == []
        assert verify_store(store.path).faults == ()


def _mine(record: Record, event_type: str, incident: str, body: dict[str, Any]) -> SignedEvent:
    key = PERSON if event_type in PERSON_SIGNED else None
    with record.transaction() as tx:
        return tx.append(event_type, incident, body, actor=COMMANDER, person_key=key)


def _pull(record: Record, cursor: Cursor, events: list[SignedEvent], chance: random.Random) -> Cursor:
    rejected = [place for place in range(len(events)) if chance.random() < 0.2]
    entries, after = entries_after(cursor, events, rejected)
    with record.transaction() as tx:
        syncing.store_entries(tx, cursor, entries, after)
    return after


def test_a_type_from_a_newer_desk_is_kept_and_shown_raw(store: Store, record: Record) -> None:
    with record.transaction() as tx:
        tx.append("weather.changed", ONE, {"to": "rain"}, actor=COMMANDER)
    with store.reader() as db:
        assert db.value("SELECT type FROM timeline") == "weather.changed"
    assert verify_store(store.path).faults == ()


@pytest.mark.parametrize(("body", "version"), [({"level": 5}, 1), (body_of("severity.graded"), 2), ({}, 1)])
def test_a_known_type_with_a_body_that_it_may_not_hold_is_shown_raw(
    store: Store, record: Record, body: dict[str, Any], version: int
) -> None:
    other = Author(key_of(20))
    with record.transaction() as tx:
        tx.hold_key(other.key.public_hex, "import")
        odd = other.write("severity.graded", ONE, body, schema_v=version)
        entries, after = entries_after(Cursor(), [odd])
        syncing.store_entries(tx, Cursor(), entries, after)
    with store.reader() as db:
        assert db.value("SELECT count(*) FROM timeline") == 1
        assert db.value("SELECT count(*) FROM severity") == 0
    assert verify_store(store.path).faults == ()


def test_a_stale_answer_is_kept_beside_the_one_it_did_not_see(store: Store, record: Record) -> None:
    first = append(record, "triage.answered", ONE, branch="grounding", answer="yes").envelope.event_id
    append(record, "triage.answered", ONE, branch="grounding", answer="no", saw=first)
    append(record, "triage.answered", ONE, branch="grounding", answer="unclear", saw=first)
    with store.reader() as db:
        assert [row["answer"] for row in db.rows("SELECT answer FROM triage_now")] == ["unclear"]
        assert db.tuples("SELECT answer, saw FROM triage_answer") == [("yes", ""), ("no", first), ("unclear", first)]


def test_an_older_sighting_never_covers_a_newer_one(store: Store, record: Record) -> None:
    seen = {"switch": "FF_TENANT_BLOCK", "target": "tenant.borealis"}
    append(record, "switch.observed", ONE, **seen, state="stopped", observed_at="2026-01-31T14:05:00.000000Z")
    append(record, "switch.observed", ONE, **seen, state="running", observed_at="2026-01-31T14:04:00.000000Z")
    with store.reader() as db:
        assert db.tuples("SELECT state, at FROM switch_now") == [("stopped", "2026-01-31T14:05:00.000000Z")]


def test_the_incidents_own_row_follows_what_happens(store: Store, record: Record) -> None:
    def row() -> tuple[Any, ...]:
        with store.reader() as db:
            columns = "severity, state, class, acknowledged_event <> ''"
            return db.tuples(f"SELECT {columns} FROM incident WHERE incident = ?", (ONE,))[0]

    append(record, "incident.opened", ONE, title="t", severity="SEV-3", **{"class": "grounding"})
    assert row() == ("SEV-3", "open", "grounding", 0)
    append(record, "incident.acknowledged", ONE)
    append(record, "severity.graded", ONE, level="SEV-1")
    append(record, "lifecycle.entered", ONE, state="contained")
    append(record, "triage.concluded", ONE, **{"class": "semantic"})
    assert row() == ("SEV-1", "contained", "semantic", 1)
    append(record, "incident.closed", ONE)
    assert row()[1] == "closed"
