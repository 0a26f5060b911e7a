"""Lending a role at a desk and taking it back: what is refused, what counts, and when it ends by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from console.actions.people import delegate_role, recall_role
from console.domain.errors import InputError, RefusedError
from console.domain.roster import Roster, RosterEntry
from console.proof.actor import Actor
from console.proof.envelope import SYSTEM, sign
from console.proof.keys import SigningKey
from console.queries.people import people_board
from console.store.facts import certified_people, signed_loans
from tests.fakes.record_kit import COMMANDER, Author, body_of, key_of
from tests.fakes.story import INVESTIGATOR, OWNER
from tests.fakes.told import Told

NOW = datetime.fromisoformat("2026-01-31T14:10:00+00:00")
ROLE, HER = OWNER.role, INVESTIGATOR.person


def lend(told: Told, person: str = HER, role: str = ROLE, hours: float = 8, actor: Actor = OWNER, **kw: Any) -> None:
    until = NOW + timedelta(hours=hours)
    delegate_role(told.record, person, role, until, kw.pop("reason", "asleep"), actor=actor, now=NOW, **kw)
    told.sync()


def roles(told: Told, hours: float = 0, person: str = HER) -> frozenset[str]:
    found = told.ask(certified_people, NOW + timedelta(hours=hours))
    assert isinstance(found[person].roles, frozenset)
    return frozenset(found[person].roles)


def forged(told: Told, *, by: str, key: SigningKey | None, person: str = HER) -> None:
    """A loan that the plane took (a plane that was taken over takes anything)."""
    author = Author(key_of(10), incarnation=9)
    until = "2026-01-31T20:00:00.000000Z"
    body = body_of("role.delegated", person=person, role=ROLE, until=until, reason="x")
    event = author.write("role.delegated", SYSTEM, body, actor=by).envelope
    told.send(sign(event, author.key, key))


def test_a_lent_role_counts_until_it_ends_and_is_marked(told: Told) -> None:
    lend(told)
    assert roles(told) == {INVESTIGATOR.role, ROLE}
    assert told.ask(certified_people, NOW)[HER].lent == {ROLE: "2026-01-31T22:10:00.000000Z"}
    assert roles(told, 8) == {INVESTIGATOR.role}
    assert told.ask(certified_people)[HER].roles == {INVESTIGATOR.role}


def test_it_does_not_count_before_the_plane_took_it(told: Told) -> None:
    delegate_role(told.record, HER, ROLE, NOW + timedelta(hours=1), "asleep", actor=OWNER, now=NOW)
    assert roles(told) == {INVESTIGATOR.role}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "to oneself": ({"person": OWNER.person}, "to themselves"),
    "to a stranger": ({"person": "eve@example.org"}, "not certified"),
    "not one's own": ({"actor": INVESTIGATOR, "person": OWNER.person}, "by a grant"),
    "with another key": ({"actor": Actor(OWNER.person, ROLE, key_of(99))}, "by a grant"),
    "not signed in": ({"actor": Actor(OWNER.person, ROLE)}, "sign in"),
    "past": ({"hours": -1}, "is past"),
    "too long": ({"hours": 25}, "at most 24 hours"),
    "longer than is set": ({"hours": 3, "most_h": 2}, "at most 2 hours"),
}


@pytest.mark.parametrize(("changed", "says"), REFUSED.values(), ids=REFUSED)
def test_what_nobody_may_lend(told: Told, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        lend(told, **changed)
    assert told.ask(signed_loans) == ()


def test_a_reason_is_asked_for(told: Told) -> None:
    with pytest.raises(InputError, match="Say why"):
        lend(told, reason="  ")


def test_what_is_borrowed_is_not_lent_on(told: Told) -> None:
    lend(told)
    with pytest.raises(RefusedError, match="by a grant"):
        lend(told, COMMANDER.person, actor=INVESTIGATOR)


def test_the_lender_takes_it_back_and_a_stranger_does_not(told: Told) -> None:
    with pytest.raises(RefusedError, match="nothing to do"):
        recall_role(told.record, HER, ROLE, "back", actor=OWNER, now=NOW)
    lend(told)
    with pytest.raises(RefusedError, match="by a grant"):
        recall_role(told.record, HER, ROLE, "mine", actor=INVESTIGATOR, now=NOW)
    recall_role(told.record, HER, ROLE, "back", actor=OWNER, now=NOW)
    told.sync()
    assert roles(told) == {INVESTIGATOR.role}
    lend(told)
    assert roles(told) == {INVESTIGATOR.role, ROLE}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("person.revoked", {"person": OWNER.person}),
        ("role.withdrawn", {"person": OWNER.person, "role": ROLE}),
    ],
)
def test_a_loan_ends_with_its_lender(told: Told, kind: str, body: dict[str, str]) -> None:
    lend(told)
    told.send(told.story.root.write(kind, SYSTEM, body_of(kind, **body)))
    assert roles(told) == {INVESTIGATOR.role}
    granted = body_of("role.granted", person=OWNER.person, role=ROLE)
    told.send(told.story.root.write("role.granted", SYSTEM, granted))
    assert roles(told) == {INVESTIGATOR.role}


def test_a_loan_that_its_lender_did_not_sign_says_nothing_even_if_the_plane_took_it(told: Told) -> None:
    forged(told, by=OWNER.person, key=None)
    forged(told, by=OWNER.person, key=INVESTIGATOR.key)
    forged(told, by=HER, key=INVESTIGATOR.key, person=COMMANDER.person)
    assert told.ask(signed_loans) == ()
    assert roles(told) == {INVESTIGATOR.role}


def test_the_board_shows_everybody_what_is_lent_and_whom_to_call(told: Told) -> None:
    lend(told)
    entry = RosterEntry("night@example.org", "Night", "+44 1632 960109", ("investigator",), "nights")
    hers = RosterEntry(HER, "Iv", "+44 1632 960110", ("investigator",))
    board = told.ask(people_board, Roster((entry, hers), {ROLE: (HER,)}), NOW)
    rows = {row.person: row for row in board.rows}
    assert (rows[HER].phone, rows[HER].stand_in_for, set(rows[HER].lent)) == ("+44 1632 960110", (ROLE,), {ROLE})
    assert rows["night@example.org"].certified_since == ""
    assert rows[OWNER.person].certified_since.startswith("2026-01-31T14:")
    assert [(one.person, one.role, one.lender, one.reason) for one in board.delegations] == [
        (HER, ROLE, OWNER.person, "asleep")
    ]
    revoked = body_of("person.revoked", person=OWNER.person)
    told.send(told.story.root.write("person.revoked", SYSTEM, revoked))
    board = told.ask(people_board, Roster(), NOW)
    assert (board.rows[-1].person, board.rows[-1].revoked, board.delegations) == (OWNER.person, True, ())
