"""Attacks on the second person: one whom the author made an approver, and an approval given for another order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from console.domain.commands import Order
from console.domain.people import Loan
from console.domain.times import format_utc
from console.plane.identities import Identities
from console.plane.orders import Situation
from tests.fakes.people import fresh_id
from tests.fakes.planes import COMMANDER, OWNER, SECOND, SECURITY
from tests.unit.plane.test_orders import KNOWN, NOW, WIDE, approve, gates, situation


def lent(*lenders: str, hours: int = 8) -> Identities:
    """The second person was granted nothing; these lent them a role."""
    until = format_utc(NOW + timedelta(hours=hours))
    loans = {(SECOND, "sre_on_call", one): Loan(SECOND, "sre_on_call", one, until) for one in lenders}
    return replace(KNOWN, roles={**KNOWN.roles, SECOND: frozenset()}, loans=loans)


def at(order: Order, known: Identities) -> Situation:
    return replace(situation(order), identities=known)


def test_nobody_lends_a_role_to_have_their_own_order_approved() -> None:
    order = approve(WIDE)
    assert gates(order, at(order, lent(OWNER))) == ("second_person",)
    assert gates(order, at(order, lent(OWNER, COMMANDER))) == ()
    assert gates(order, at(order, lent(COMMANDER))) == ()


def test_nor_under_another_name_of_theirs() -> None:
    known = lent(SECURITY)
    known = replace(known, persons={**known.persons, SECURITY: known.persons[OWNER]})
    order = approve(WIDE)
    assert gates(order, at(order, known)) == ("second_person",)


@pytest.mark.parametrize(
    "changed",
    [
        {"command_id": fresh_id()},
        {"generation": 5},
        {"switch": "FF_READ_ONLY"},
        {"want": "running"},
    ],
)
def test_an_approval_is_of_one_order_alone(changed: dict[str, object]) -> None:
    order = replace(approve(WIDE), **changed)  # type: ignore[arg-type]
    known = replace(situation(order), generation=order.generation)
    assert "second_person" in gates(order, known)
