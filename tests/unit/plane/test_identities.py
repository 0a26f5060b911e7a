"""Who a plane knows comes from root-signed events in `system` and from nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from console.plane.identities import Identities, certificate_fault
from console.proof.envelope import SYSTEM, Envelope, sign
from console.proof.keys import SigningKey, key_id
from tests.fakes.people import DESK, OTHER_DESK, PLANE, ROOT, fresh_id

NOBODY = Identities(ROOT.public_hex, PLANE.id)
CERTIFIED = {"device": DESK.id, "public_key": DESK.public_hex, "label": "desk"}


def event(kind: str, body: dict[str, Any], *, by: SigningKey = ROOT, incident: str = SYSTEM) -> Envelope:
    envelope = Envelope(
        type=kind, event_id=fresh_id(), incident=incident, device=by.id, incarnation=1, seq=1, prev_hash="0" * 64,
        actor="root", role="", policy_hash="", hlc="0" * 16, seen_gpos=0, exercise=True, body=body,
    )  # fmt: skip
    return sign(envelope, by).envelope


def test_a_certified_device_is_known_by_its_key() -> None:
    assert NOBODY.device_key(DESK.id) == ""
    assert NOBODY.after(event("device.certified", CERTIFIED)).device_key(DESK.id) == DESK.public_hex


def test_the_root_is_a_device_of_its_own() -> None:
    assert NOBODY.device_key(ROOT.id) == ROOT.public_hex


@pytest.mark.parametrize(
    "made",
    [
        event("device.certified", CERTIFIED, by=OTHER_DESK),
        event("device.certified", CERTIFIED, incident=fresh_id()),
        event("note.added", CERTIFIED),
        event("device.certified", CERTIFIED | {"device": OTHER_DESK.id}),
        event("device.certified", CERTIFIED | {"public_key": "no key"}),
    ],
    ids=["not by the root", "in an incident", "another type", "another id", "no key"],
)
def test_nothing_else_makes_a_device_known(made: Envelope) -> None:
    assert NOBODY.after(made).devices == {}


def test_roles_add_up() -> None:
    known = NOBODY
    for role in ("incident_commander", "sre_on_call"):
        known = known.after(event("role.granted", {"person": "p@example.org", "role": role}))
    assert known.roles["p@example.org"] == {"incident_commander", "sre_on_call"}


def test_two_names_with_one_key_are_one_person() -> None:
    known = NOBODY
    for person in ("a@example.org", "b@example.org"):
        body = {"person": person, "public_key": DESK.public_hex, "display_name": person}
        known = known.after(event("person.certified", body))
    assert known.same_key("a@example.org", "b@example.org")
    assert not known.same_key("a@example.org", "c@example.org")


def test_a_value_is_never_changed() -> None:
    NOBODY.after(event("device.certified", CERTIFIED))
    assert NOBODY.devices == {}


def test_a_certificate_in_capitals_is_none() -> None:
    fault = certificate_fault(event("device.certified", CERTIFIED | {"public_key": DESK.public_hex.upper()}))
    assert "lower-case" in fault


@pytest.mark.parametrize("kind", ["device.certified", "person.certified"])
def test_a_key_that_proves_nothing_makes_nobody_known(kind: str) -> None:
    key = (b"\x01" + bytes(31)).hex()
    made = event(kind, CERTIFIED | {"person": "p", "public_key": key, "display_name": "", "device": key_id(key)})
    assert "proves nothing" in certificate_fault(made)
    assert NOBODY.after(made) == NOBODY
