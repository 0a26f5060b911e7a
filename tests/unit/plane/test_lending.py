"""A role lent for a while: who may, to whom, until when by whose clock, and everything that ends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from console.domain.times import format_utc, from_epoch_us
from console.plane.admission import Scene, judge_event
from console.plane.identities import Identities
from console.proof.chain import ChainHead
from console.proof.envelope import SYSTEM, Envelope, SignedEvent, sign
from console.proof.ids import hlc_next
from console.proof.keys import SigningKey
from tests.fakes.people import DESK, INCIDENT, PLANE, ROOT, T0_MS, fresh_id

NOW = from_epoch_us(T0_MS * 1000)
LEAD, ADA, BOB, TWIN = (f"{name}@example.org" for name in ("lead", "ada", "bob", "twin"))
KEYS = {name: SigningKey(name.encode().ljust(32, b".")) for name in (LEAD, ADA, BOB)}
ROLE = "security_lead"


def event(kind: str, body: dict[str, Any], actor: str = "root", **changes: Any) -> SignedEvent:
    key = ROOT if actor == "root" else DESK
    fields: dict[str, Any] = {
        "type": kind, "event_id": fresh_id(), "incident": SYSTEM, "device": key.id, "incarnation": 1, "seq": 1,
        "prev_hash": "0" * 64, "actor": actor, "role": "", "policy_hash": "", "hlc": hlc_next("", T0_MS),
        "seen_gpos": 0, "exercise": True, "body": body,
    }  # fmt: skip
    return sign(Envelope(**fields | changes), key, KEYS.get(actor))


def organisation() -> Identities:
    known = Identities(ROOT.public_hex, PLANE.id)
    known = known.after(
        event("device.certified", {"device": DESK.id, "public_key": DESK.public_hex, "label": ""}).envelope
    )
    for person, key in (*KEYS.items(), (TWIN, KEYS[LEAD])):
        body = {"person": person, "public_key": key.public_hex, "display_name": person}
        known = known.after(event("person.certified", body).envelope)
    return known.after(event("role.granted", {"person": LEAD, "role": ROLE}).envelope)


KNOWN = organisation()


def lent(person: str = ADA, by: str = LEAD, hours: float = 8, role: str = ROLE, **changes: Any) -> SignedEvent:
    until = format_utc(NOW + timedelta(hours=hours))
    return event("role.delegated", {"person": person, "role": role, "until": until, "reason": "asleep"}, by, **changes)


def recalled(by: str = LEAD) -> SignedEvent:
    return event("role.recalled", {"person": ADA, "role": ROLE, "reason": "back"}, by)


def refusal(signed: SignedEvent, known: Identities = KNOWN, now: datetime = NOW) -> str:
    verdict = judge_event(signed, Scene(known, exercise=True, head=ChainHead(), id_taken=False, now=now))
    return verdict.problem.detail if verdict.problem is not None else ""


LENT = KNOWN.after(lent().envelope)


def roles(known: Identities, hours: float = 0, person: str = ADA) -> frozenset[str]:
    return known.roles_at(NOW + timedelta(hours=hours)).get(person, frozenset())


def test_a_lent_role_is_held_until_it_ends_by_itself() -> None:
    assert refusal(lent()) == ""
    assert roles(LENT) == {ROLE}
    assert roles(LENT, 7.99) == {ROLE}
    assert roles(LENT, 8) == frozenset()
    assert LENT.roles.get(ADA) is None
    assert roles(LENT, person=LEAD) == {ROLE}


REFUSED = {
    "to oneself": (lent(LEAD), "to themselves"),
    "to oneself under another name": (lent(TWIN), "another name of"),
    "by somebody without it": (lent(BOB, by=ADA), "by a grant"),
    "another role than one's own": (lent(role="incident_commander"), "by a grant"),
    "to nobody certified": (lent("eve@example.org"), "not certified"),
    "ended already": (lent(hours=-1), "is past"),
    "for ever": (lent(hours=24.01), "at most 24 hours"),
    "in an incident": (lent(incident=INCIDENT), "in the incident 'system'"),
    "in the name of the plane": (lent(by="plane"), "not a person"),
    "recalled by a stranger": (recalled(by=BOB), "by a grant"),
}


@pytest.mark.parametrize(("made", "says"), REFUSED.values(), ids=REFUSED)
def test_what_nobody_may_lend_or_take_back(made: SignedEvent, says: str) -> None:
    assert says in refusal(made, LENT)


def test_what_is_borrowed_is_not_lent_on() -> None:
    assert "by a grant" in refusal(lent(BOB, by=ADA), LENT)
    assert roles(LENT.after(lent(BOB, by=ADA).envelope), person=BOB) == frozenset()


def test_a_loan_needs_the_lenders_own_signature() -> None:
    unsigned = replace(lent(), person_sig="")
    assert "must also carry the signature" in refusal(unsigned)
    stolen = sign(lent().envelope, DESK, KEYS[ADA])
    assert "not that of" in refusal(stolen)


@pytest.mark.parametrize("ahead_h", [-30, 30])
def test_the_end_is_judged_by_the_planes_clock_whatever_the_authors_says(ahead_h: int) -> None:
    """A desk a day ahead or behind lends by its own clock: too long or over already, here."""
    clock = hlc_next("", T0_MS + ahead_h * 3_600_000)
    made = lent(hours=ahead_h + 8, hlc=clock)
    assert ("at most" if ahead_h > 0 else "is past") in refusal(made)
    assert refusal(lent(hlc=clock)) == ""
    assert roles(KNOWN.after(lent(hlc=clock).envelope), 9) == frozenset()


def test_the_lender_and_everybody_else_who_was_granted_it_takes_it_back() -> None:
    assert refusal(recalled(), LENT) == ""
    assert roles(LENT.after(recalled().envelope)) == frozenset()
    assert roles(LENT.after(recalled(by=BOB).envelope)) == {ROLE}
    both = LENT.after(event("role.granted", {"person": BOB, "role": ROLE}).envelope)
    assert roles(both.after(recalled(by=BOB).envelope)) == frozenset()
    assert roles(LENT.after(recalled(by=ADA).envelope)) == {ROLE}


ENDS = {
    "the lender is revoked": ("person.revoked", {"person": LEAD, "reason": "left"}),
    "the borrower is revoked": ("person.revoked", {"person": ADA, "reason": "left"}),
    "the role is withdrawn": ("role.withdrawn", {"person": LEAD, "role": ROLE, "reason": "moved"}),
}


@pytest.mark.parametrize(("kind", "body"), ENDS.values(), ids=ENDS)
def test_what_ends_a_loan_ends_it_for_good(kind: str, body: dict[str, str]) -> None:
    ended = LENT.after(event(kind, body).envelope)
    assert roles(ended) == frozenset()
    certified = {"person": body["person"], "public_key": KEYS[body["person"]].public_hex, "display_name": ""}
    back = ended.after(event("person.certified", certified).envelope)
    back = back.after(event("role.granted", {"person": LEAD, "role": ROLE}).envelope)
    assert roles(back) == frozenset()


def test_nothing_is_lent_to_the_revoked() -> None:
    without = KNOWN.after(event("person.revoked", {"person": ADA, "reason": "left"}).envelope)
    assert "not certified" in refusal(lent(), without)
    assert roles(without.after(lent().envelope)) == frozenset()


def test_a_person_approves_on_a_production_plane_a_day_after_they_were_certified() -> None:
    day = timedelta(hours=24)
    assert "less than 24 hours" in KNOWN.may_approve(ADA, NOW, False, 24)
    assert "less than 24 hours" in KNOWN.may_approve(ADA, NOW - day, False, 24)
    assert KNOWN.may_approve(ADA, NOW + day, False, 24) == ""
    assert KNOWN.may_approve(ADA, NOW, True, 24) == ""
    assert "not certified" in KNOWN.may_approve("eve@example.org", NOW + day, True, 24)


def test_a_new_key_makes_a_person_new_and_the_same_one_does_not() -> None:
    later = hlc_next("", T0_MS + 86_400_000)
    same = {"person": ADA, "public_key": KEYS[ADA].public_hex, "display_name": ADA}
    assert KNOWN.after(event("person.certified", same, hlc=later).envelope).since[ADA] == KNOWN.since[ADA]
    other = event("person.certified", same | {"public_key": DESK.public_hex}, hlc=later)
    assert "less than" in KNOWN.after(other.envelope).may_approve(ADA, NOW + timedelta(hours=25), False, 24)


def test_a_certificate_dated_back_counts_from_what_the_plane_had_written() -> None:
    """The root's clock may be wrong, or set back; the plane's own events before it give a floor."""
    known = replace(KNOWN, plane_time=format_utc(NOW))
    old = hlc_next("", T0_MS - 10 * 86_400_000)
    body = {"person": "new@example.org", "public_key": DESK.public_hex, "display_name": "new"}
    known = known.after(event("person.certified", body, hlc=old).envelope)
    assert known.since["new@example.org"] == format_utc(NOW)
