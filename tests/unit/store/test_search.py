"""Search: findable at once, newest first, whether the index has it already or not; evidence never."""

from __future__ import annotations

import pytest

from console.store.opening import Store
from console.store.record import Record
from console.store.search import FOLD_EVERY, found_events, words_of
from console.store.verify import verify_store
from tests.fakes.record_kit import COMMANDER, append, body_of, new_incident, note

ONE = new_incident(1)


def _find(store: Store, text: str) -> list[str]:
    with store.reader() as db:
        return found_events(db, text)


def test_an_event_is_found_as_soon_as_it_is_committed(store: Store, record: Record) -> None:
    event = note(record, ONE, "Grounding fell for borealis").envelope.event_id
    assert _find(store, "grounding") == [event]
    assert _find(store, "BORE ground") == [event]
    assert _find(store, "grounding cascade") == []


def test_the_index_and_what_came_after_it_are_searched_together(store: Store, record: Record) -> None:
    with record.transaction() as tx:
        written = [
            tx.append("note.added", ONE, body_of("note.added", text=f"entry {n} straße"), actor=COMMANDER)
            for n in range(FOLD_EVERY + 20)
        ]
    ids = [event.envelope.event_id for event in reversed(written)]
    assert _find(store, "entry") == ids[:100]
    assert _find(store, f"entry {FOLD_EVERY - 30}") == [written[FOLD_EVERY - 30].envelope.event_id]
    assert store.conn.execute("SELECT count(*) FROM search WHERE search MATCH 'entry'").fetchone()[0] == FOLD_EVERY
    assert verify_store(store.path).faults == ()


def test_evidence_is_not_searched(store: Store, record: Record) -> None:
    append(record, "evidence.captured", ONE, source="secretword", dimension="payloads")
    append(record, "incident.opened", ONE, title="plainword")
    assert _find(store, "secretword") == []
    assert len(_find(store, "plainword")) == 1


@pytest.mark.parametrize("text", ["", "  ", '"', '" OR "', "NEAR(", "text:a", "*", "-", "a' --", "\x00", "(", "^"])
def test_search_syntax_is_text_like_any_other(store: Store, record: Record, text: str) -> None:
    note(record, ONE, "something else entirely")
    assert _find(store, text) == []


def test_accents_and_case_do_not_matter() -> None:
    assert words_of("Éclair, ZURÜCK_gesetzt 42%") == ["eclair", "zuruck", "gesetzt", "42"]
