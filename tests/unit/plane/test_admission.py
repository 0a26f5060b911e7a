"""One pushed event, one verdict: each rule alone, and what a rejection does to the chain behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from console.domain.access import COMMANDER, Access
from console.domain.times import from_epoch_us
from console.plane.admission import Scene, judge_event
from console.plane.identities import Identities
from console.proof.chain import ChainHead
from console.proof.envelope import SYSTEM, Envelope, SignedEvent, sign
from console.proof.ids import hlc_next
from console.proof.keys import SigningKey
from tests.fakes.people import DESK, INCIDENT, OTHER_DESK, PLANE, ROOT, T0_MS, fresh_id, moment

PERSON = SigningKey(b"person".ljust(32, b"."))
KNOWN = Identities(
    ROOT.public_hex,
    PLANE.id,
    devices={DESK.id: DESK.public_hex, PLANE.id: PLANE.public_hex},
    persons={"p@example.org": PERSON.public_hex},
)
SCENE = Scene(KNOWN, exercise=True, head=ChainHead(), id_taken=False, now=from_epoch_us(T0_MS * 1000))
NOTE = {"text": "x", "happened_at": moment()}
CLOSED = {"resolution": "done", "saw": ""}


def event(
    kind: str = "note.added",
    body: Any = NOTE,
    *,
    by: SigningKey = DESK,
    person: SigningKey | None = None,
    **changes: Any,
) -> SignedEvent:
    fields: dict[str, Any] = {
        "type": kind, "event_id": fresh_id(), "incident": INCIDENT, "device": by.id, "incarnation": 1, "seq": 1,
        "prev_hash": "0" * 64, "actor": "p@example.org", "role": "", "policy_hash": "", "hlc": hlc_next("", T0_MS),
        "seen_gpos": 0, "exercise": True, "body": body,
    }  # fmt: skip
    return sign(Envelope(**fields | changes), by, person)


def test_a_good_event_is_accepted() -> None:
    verdict = judge_event(event(), SCENE)
    assert (verdict.problem, verdict.recorded, verdict.advances, verdict.skew_ms) == (None, True, True, 0)


def test_a_type_nobody_here_knows_is_kept() -> None:
    assert judge_event(event("moon.risen", {"over": "sea"}), SCENE).problem is None


REJECTED = {
    "another world": (event(exercise=False), "wrong_world"),
    "only the plane": (event("signal.cleared", {}), "forbidden"),
    "only the root": (event("role.granted", {"person": "p", "role": "r"}, incident=SYSTEM), "forbidden"),
    "as if by the plane": (event("switch.observed", {"by": "plane"}), "forbidden"),
    "as if by something else": (event("switch.observed", {"by": "probe"}), "forbidden"),
    "a body that lacks": (event("note.added", {"text": "x"}), "malformed"),
    "a missing second signature": (event("incident.closed", CLOSED), "forbidden"),
    "a foreign second signature": (event("incident.closed", CLOSED, person=OTHER_DESK), "forbidden"),
    "an unneeded but wrong second signature": (event(person=OTHER_DESK), "forbidden"),
    "a person nobody certified": (event("incident.closed", CLOSED, person=PERSON, actor="q@example.org"), "forbidden"),
    "the root writing notes": (event(by=ROOT), "forbidden"),
    "the root outside system": (event("role.granted", {"person": "p", "role": "r"}, by=ROOT), "forbidden"),
    "another plane": (
        event(
            "plane.certified",
            {"device": DESK.id, "public_key": DESK.public_hex, "origin": "x"},
            by=ROOT,
            incident=SYSTEM,
        ),
        "forbidden",
    ),
    "a certificate for another id": (
        event(
            "device.certified",
            {"device": DESK.id, "public_key": PERSON.public_hex, "label": "x"},
            by=ROOT,
            incident=SYSTEM,
        ),
        "malformed",
    ),
}


@pytest.mark.parametrize(("made", "kind"), REJECTED.values(), ids=REJECTED)
def test_what_its_author_signed_is_rejected_on_the_record(made: SignedEvent, kind: str) -> None:
    verdict = judge_event(made, SCENE)
    assert verdict.problem is not None
    assert (verdict.problem.kind, verdict.recorded, verdict.advances) == (kind, True, True)


def test_the_plane_s_own_events_are_its_own_whoever_brings_them() -> None:
    cleared = {
        "fingerprint": "f", "metric": "m", "series": {}, "value": "1", "threshold": "1", "window_s": 1, "samples": 1,
        "cleared_at": moment(),
    }  # fmt: skip
    assert judge_event(event("signal.cleared", cleared, by=PLANE, actor="plane"), SCENE).problem is None


def test_an_id_that_is_taken_is_rejected_on_the_record() -> None:
    verdict = judge_event(event(), replace(SCENE, id_taken=True))
    assert verdict.problem is not None
    assert (verdict.problem.kind, verdict.recorded) == ("conflict", True)


@pytest.mark.parametrize(
    "made",
    [event(by=OTHER_DESK), replace(event(), sig=event().sig), replace(event(), sig="")],
    ids=["unknown device", "signature of another event", "no signature"],
)
def test_what_nobody_can_be_held_to_takes_no_place(made: SignedEvent) -> None:
    verdict = judge_event(made, SCENE)
    assert verdict.problem is not None
    assert (verdict.recorded, verdict.advances) == (False, False)


def test_a_gap_may_be_sent_again_later() -> None:
    verdict = judge_event(event(seq=3, prev_hash="1" * 64), SCENE)
    assert verdict.problem is not None
    assert (verdict.problem.kind, verdict.recorded, verdict.advances) == ("conflict", False, False)


@pytest.mark.parametrize("seq", [1, 2], ids=["place taken", "another predecessor"])
def test_a_fork_is_kept_and_does_not_move_the_chain(seq: int) -> None:
    made = event(seq=seq, prev_hash="0" * 64 if seq == 1 else "1" * 64)
    verdict = judge_event(made, replace(SCENE, head=ChainHead(1, "2" * 64)))
    assert verdict.problem is not None
    assert (verdict.problem.kind, verdict.recorded, verdict.advances) == ("conflict", True, False)


@pytest.mark.parametrize(("minutes", "flagged"), [(1, False), (-1, False), (3, True), (-3, True)])
def test_a_wrong_clock_is_flagged_and_never_refused(minutes: int, flagged: bool) -> None:
    verdict = judge_event(event(), replace(SCENE, now=SCENE.now - timedelta(minutes=minutes)))
    assert verdict.problem is None
    assert (verdict.skew_ms == minutes * 60_000) is flagged


def test_a_closing_with_both_signatures_is_accepted() -> None:
    assert judge_event(event("incident.closed", CLOSED, person=PERSON), SCENE).problem is None


LIMITED = Access(limited=True, holders={COMMANDER: "p@example.org"}, granted=frozenset({"guest@example.org"}))
RULED = replace(KNOWN, roles={"p@example.org": frozenset({COMMANDER})})


@pytest.mark.parametrize(
    ("actor", "owner", "accepted"),
    [
        ("p@example.org", "", True),
        ("guest@example.org", "", True),
        ("eve@example.org", "", False),
        ("p@example.org", "eve@example.org", False),
        ("local:eve", "guest@example.org", True),
    ],
    ids=["commander", "granted", "nobody", "a name on another's desk", "adopted from before the enrolment"],
)
def test_a_limited_incident_is_written_by_those_let_in(actor: str, owner: str, accepted: bool) -> None:
    known = replace(KNOWN, persons_of={DESK.id: owner} if owner else {})
    verdict = judge_event(event(actor=actor), replace(SCENE, identities=known, access=LIMITED))
    assert (verdict.problem is None) is accepted
    assert (verdict.recorded, verdict.advances) == (True, True)


def test_the_plane_writes_everywhere() -> None:
    assert judge_event(event(by=PLANE, actor="plane"), replace(SCENE, access=LIMITED)).problem is None


@pytest.mark.parametrize(
    ("access", "known", "incident", "accepted"),
    [
        (LIMITED, RULED, INCIDENT, True),
        (LIMITED, KNOWN, INCIDENT, False),
        (Access(), RULED, INCIDENT, False),
        (LIMITED, RULED, SYSTEM, False),
    ],
    ids=["commander", "without the role", "not in command", "system"],
)
def test_access_is_the_commanders(access: Access, known: Identities, incident: str, accepted: bool) -> None:
    made = event("access.granted", {"person": "a@example.org"}, person=PERSON, incident=incident)
    verdict = judge_event(made, replace(SCENE, identities=known, access=access))
    assert (verdict.problem is None) is accepted


def test_an_enrolment_that_comes_before_its_invitation_waits() -> None:
    body = {"device": OTHER_DESK.id, "public_key": OTHER_DESK.public_hex, "label": "", "person": "p", "code": "c"}
    verdict = judge_event(event("device.enrolled", body | {"invite": fresh_id()}, by=PLANE, incident=SYSTEM), SCENE)
    assert verdict.problem is not None
    assert (verdict.problem.kind, verdict.recorded, verdict.advances) == ("conflict", False, False)
