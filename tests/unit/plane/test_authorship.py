"""What is written in somebody's name at a desk that belongs to somebody else carries their own signature."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.domain.access import Access
from console.plane.admission import judge_event
from console.plane.identities import Identities
from console.proof.keys import SigningKey
from tests.fakes.people import DESK
from tests.unit.plane.test_admission import CLOSED, KNOWN, PERSON, SCENE, event

ADA, BOB = "p@example.org", "bob@example.org"
BOB_KEY, OLD_KEY = SigningKey(b"bob".ljust(32, b".")), SigningKey(b"old".ljust(32, b"."))
SHARED = replace(KNOWN, persons={ADA: PERSON.public_hex, BOB: BOB_KEY.public_hex}, persons_of={DESK.id: ADA})


def refusal(known: Identities, actor: str, key: SigningKey | None = None, access: Access | None = None) -> str:
    made = event(actor=actor, person=key)
    verdict = judge_event(made, replace(SCENE, identities=known, access=access or Access()))
    assert (verdict.recorded, verdict.advances) == (True, True)
    return verdict.problem.detail if verdict.problem is not None else ""


def test_a_note_in_another_s_name_needs_their_signature() -> None:
    assert refusal(SHARED, BOB) == (
        f"This desk belongs to {ADA}; what {BOB} writes at it carries their signature: sign in and write it again."
    )
    assert "not that of bob" in refusal(SHARED, BOB, PERSON)
    assert refusal(SHARED, BOB, BOB_KEY) == ""


@pytest.mark.parametrize("actor", [ADA, "local:ada", "desk", "nobody@example.org"])
def test_the_owner_and_names_that_nobody_certified_write_as_before(actor: str) -> None:
    assert refusal(SHARED, actor) == ""


def test_a_desk_that_the_root_certified_belongs_to_nobody_and_writes_as_before() -> None:
    assert refusal(replace(SHARED, persons_of={}), BOB) == ""


def test_the_key_of_a_person_s_first_desk_still_says_who_wrote_there_and_nothing_more() -> None:
    known = replace(SHARED, former_keys={ADA: frozenset({OLD_KEY.public_hex})})
    assert refusal(known, ADA, OLD_KEY) == ""
    assert "not that of" in refusal(SHARED, ADA, OLD_KEY)
    assert "not that of" in refusal(replace(known, persons_of={DESK.id: BOB}), ADA, OLD_KEY)
    closing = event("incident.closed", CLOSED, person=OLD_KEY)
    assert judge_event(closing, replace(SCENE, identities=known)).problem is not None


def test_who_was_not_let_in_does_not_write_at_the_desk_of_somebody_who_was() -> None:
    limited = Access(limited=True, granted=frozenset({ADA}))
    assert refusal(SHARED, ADA, PERSON, limited) == ""
    assert "limited the access" in refusal(SHARED, BOB, BOB_KEY, limited)
