"""Who is let into an incident: a fold over its events, open until it is limited."""

from __future__ import annotations

from typing import Any

import pytest

from console.domain.access import GRANTED, LIMITED, OPEN, ROLE_TAKEN, WITHDRAWN, Access, access_from_object
from console.domain.errors import InputError


def folded(*events: tuple[str, dict[str, Any]]) -> Access:
    access = OPEN
    for event_type, body in events:
        access = access.after(event_type, body)
    return access


def took(role: str, person: str) -> tuple[str, dict[str, Any]]:
    return ROLE_TAKEN, {"role": role, "person": person, "saw": ""}


CLOSED = (LIMITED, {"reason": "a person is named"})


def test_it_is_open_until_it_is_limited() -> None:
    assert OPEN.lets_in("anybody")
    assert not folded(CLOSED).lets_in("anybody")


def test_whoever_holds_a_role_stays_in_and_leaves_with_it() -> None:
    access = folded(took("incident_commander", "ada"), took("scribe", "bob"), CLOSED)
    assert (access.commander, access.lets_in("ada"), access.lets_in("bob")) == ("ada", True, True)
    handed = access.after(*took("incident_commander", "cleo"))
    assert (handed.commander, handed.lets_in("ada"), handed.lets_in("cleo")) == ("cleo", False, True)


def test_whoever_is_granted_is_let_in_until_it_is_withdrawn() -> None:
    access = folded(CLOSED, (GRANTED, {"person": "dan"}))
    assert access.lets_in("dan")
    assert not access.after(WITHDRAWN, {"person": "dan", "reason": "left"}).lets_in("dan")


def test_whoever_was_shut_out_by_name_is_not_let_back_in_by_a_role() -> None:
    access = folded(took("incident_commander", "ada"), took("scribe", "bob"), CLOSED)
    access = access.after(WITHDRAWN, {"person": "bob", "reason": "left"})
    assert not access.lets_in("bob")
    assert not access.after(*took("own_invention", "bob")).lets_in("bob")
    assert access.after(GRANTED, {"person": "bob"}).lets_in("bob")
    assert access.after(*took("incident_commander", "bob")).lets_in("bob")
    assert access_from_object(access.as_object()) == access


def test_an_incident_without_a_commander_lets_nobody_in_who_has_no_name() -> None:
    assert not folded(CLOSED).lets_in("")


def test_a_grant_before_the_limit_counts() -> None:
    assert folded((GRANTED, {"person": "dan"}), CLOSED).lets_in("dan")


def test_other_events_change_nothing() -> None:
    assert folded(CLOSED).after("note.added", {"text": "x", "happened_at": ""}) == folded(CLOSED)
    assert OPEN.commander == ""


def test_it_is_kept_and_read_back() -> None:
    access = folded(took("incident_commander", "ada"), CLOSED, (GRANTED, {"person": "dan"}))
    assert access_from_object(access.as_object()) == access
    with pytest.raises(InputError, match="damaged"):
        access_from_object({"limited": True})
