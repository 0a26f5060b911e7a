"""Every reason to refuse an order, one by one, and the one way to be let through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from console.domain.commands import Approval, Order, approval_subject
from console.domain.inventory import BlastRadius
from console.domain.times import format_utc, from_epoch_us
from console.plane.identities import Identities
from console.plane.orders import Rules, Situation, approved_by, authorship_problem, order_problem
from console.plane.previews import Preview
from console.proof.canonical import canonical
from console.proof.keys import SigningKey
from tests.fakes.people import DESK, INCIDENT, OTHER_DESK, PLANE, ROOT, T0_MS, fresh_id
from tests.fakes.planes import BLOCK, BOREALIS, COMMANDER, OWNER, PEOPLE, POLICY, ROLES, SECOND

NOW = from_epoch_us(T0_MS * 1000)
EPOCH = "8d6a7c1e-1111-4222-8333-944445555666"
RULES = Rules(POLICY.inventory, POLICY.switches, POLICY.hash)
KNOWN = Identities(
    ROOT.public_hex,
    PLANE.id,
    devices={DESK.id: DESK.public_hex},
    persons={name: key.public_hex for name, key in PEOPLE.items()},
    roles={name: frozenset(roles) for name, roles in ROLES.items()},
)
ORDER = Order(
    command_id=fresh_id(),
    incident=INCIDENT,
    switch=BLOCK,
    target=BOREALIS,
    want="stopped",
    epoch=EPOCH,
    generation=4,
    blast_radius=BlastRadius("tenant", (BOREALIS,)),
    policy_hash=POLICY.hash,
    expires=format_utc(NOW + timedelta(seconds=30)),
    authorised_at=format_utc(NOW),
    reason="",
    typed_name="",
    dwell_ms=0,
    gesture="hold",
    person=COMMANDER,
    role="incident_commander",
    for_owner="",
    device=DESK.id,
    exercise=True,
    select_token="t",
    confirmation=fresh_id(),
    criteria={},
)
WIDE = replace(
    ORDER,
    switch="FF_GLOBAL_AI",
    target="environment.range",
    blast_radius=POLICY.inventory.blast_radius("environment.range"),
    reason="All of it.",
    typed_name="range",
    dwell_ms=2000,
    person=OWNER,
    role="platform_administrator",
)


def shown(order: Order) -> Preview:
    return Preview(order.device, order.incident, order.switch, order.target, order.want, order.generation, NOW)


def situation(order: Order = ORDER) -> Situation:
    return Situation(KNOWN, True, EPOCH, 4, shown(order), frozenset(), NOW)


def approve(
    order: Order, by: str = SECOND, *, key: SigningKey | None = None, ends_s: float = 600, given_s: float = 0
) -> Order:
    order = replace(order, request_expires=format_utc(NOW + timedelta(seconds=ends_s)))
    sig = (key or PEOPLE[by]).sign_text(canonical(approval_subject(order, order.request_expires)))
    at = format_utc(NOW + timedelta(seconds=given_s))
    return replace(order, approvals=(Approval(by, DESK.id, sig, at, same_desk=True),))


def kind(order: Order, at: Situation | None = None) -> str:
    problem = order_problem(order, RULES, at or situation(order))
    return problem.kind if problem is not None else ""


def gates(order: Order, at: Situation | None = None) -> tuple[str, ...]:
    problem = order_problem(order, RULES, at or situation(order))
    return problem.gates if problem is not None else ()


def test_a_good_order_is_let_through() -> None:
    assert kind(ORDER) == ""


CHANGES: dict[str, tuple[Callable[[Order], Order], str]] = {
    "unmapped target": (lambda o: replace(o, target="tenant.nowhere"), "not_found"),
    "no such switch": (lambda o: replace(o, switch="FF_NONE"), "not_found"),
    "another world": (lambda o: replace(o, exercise=False), "wrong_world"),
    "over": (lambda o: replace(o, expires=format_utc(NOW)), "expired"),
    "for ever": (lambda o: replace(o, expires=format_utc(NOW + timedelta(minutes=3))), "malformed"),
    "no time": (lambda o: replace(o, expires="soon"), "malformed"),
    "another journal": (lambda o: replace(o, epoch=fresh_id()), "epoch_changed"),
    "an older generation": (lambda o: replace(o, generation=3), "stale"),
    "a role nobody granted": (lambda o: replace(o, role="platform_administrator"), "gates_unmet"),
    "other rules": (lambda o: replace(o, policy_hash="0" * 64), "gates_unmet"),
    "another preview": (lambda o: replace(o, blast_radius=BlastRadius("tenant", ("tenant.cascade",))), "gates_unmet"),
    "no gesture": (lambda o: replace(o, gesture=""), "gates_unmet"),
    "a wider kind": (lambda o: replace(o, target="environment.range"), "gates_unmet"),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_each_rule_refuses(change: Callable[[Order], Order], expected: str) -> None:
    assert kind(change(ORDER)) == expected


PREVIEWS: dict[str, Preview | None] = {
    "none or too old": None,
    "of another desk": replace(shown(ORDER), device=OTHER_DESK.id),
    "in another incident": replace(shown(ORDER), incident=fresh_id()),
    "of another switch": replace(shown(ORDER), switch="FF_GLOBAL_AI"),
    "of another target": replace(shown(ORDER), target="tenant.cascade"),
    "of the other direction": replace(shown(ORDER), want="running"),
    "of an older generation": replace(shown(ORDER), generation=3),
    "used before": replace(shown(ORDER), used_by=fresh_id()),
}


@pytest.mark.parametrize("preview", PREVIEWS.values(), ids=PREVIEWS)
def test_an_order_acts_only_on_what_was_shown(preview: Preview | None) -> None:
    assert kind(ORDER, replace(situation(), preview=preview)) == "stale"


def test_its_own_use_of_a_preview_is_no_obstacle() -> None:
    assert kind(ORDER, replace(situation(), preview=replace(shown(ORDER), used_by=ORDER.command_id))) == ""


def test_a_wide_stop_needs_a_second_person() -> None:
    assert gates(WIDE) == ("second_person",)
    assert kind(approve(WIDE)) == ""


@pytest.mark.parametrize(
    "order",
    [
        approve(WIDE, by=OWNER),
        approve(WIDE, key=OTHER_DESK),
        approve(WIDE, ends_s=-31, given_s=-600),
        approve(WIDE, ends_s=3600),
        approve(WIDE, given_s=300),
        replace(approve(WIDE), generation=4, reason="x", command_id=fresh_id()),
        replace(approve(WIDE), request_expires=""),
    ],
    ids=[
        "by the author",
        "forged",
        "request over",
        "too long",
        "from the future",
        "for another order",
        "without an end",
    ],
)
def test_what_is_no_approval(order: Order) -> None:
    assert gates(order) == ("second_person",)


def test_an_order_given_at_the_end_of_its_request_has_its_half_minute() -> None:
    assert gates(approve(WIDE, ends_s=-29, given_s=-600)) == ()


ELSEWHERE = {
    "another command": {"command_id": fresh_id()},
    "another target": {"target": BOREALIS},
    "the other direction": {"want": "running"},
    "another generation": {"generation": 3},
    "another reach": {"blast_radius": BlastRadius("global", ("environment.range",))},
    "other rules": {"policy_hash": "0" * 64},
}


@pytest.mark.parametrize("shown", ELSEWHERE.values(), ids=ELSEWHERE)
def test_an_approval_made_from_another_preview_does_not_count(shown: dict[str, Any]) -> None:
    made = approve(replace(WIDE, **shown))
    order = replace(WIDE, approvals=made.approvals, request_expires=made.request_expires)
    assert gates(order) == ("second_person",)


def test_a_revoked_approver_or_one_without_a_role_does_not_count() -> None:
    order = approve(WIDE)
    revoked = replace(KNOWN, persons={name: key for name, key in KNOWN.persons.items() if name != SECOND})
    bare = replace(KNOWN, roles={**KNOWN.roles, SECOND: frozenset()})
    for known in (revoked, bare):
        assert gates(order, replace(situation(order), identities=known)) == ("second_person",)


def test_on_a_production_plane_an_approver_must_have_been_certified_a_day_ago() -> None:
    order = replace(approve(replace(WIDE, exercise=False)), exercise=False)
    for hours, unmet in ((23, ("second_person",)), (25, ())):
        since = format_utc(NOW - timedelta(hours=hours))
        known = replace(KNOWN, since=dict.fromkeys(PEOPLE, since))
        at = replace(situation(order), identities=known, exercise=False)
        problem = order_problem(order, RULES, at)
        assert (problem.gates if problem is not None else ()) == unmet
        assert problem is None or SECOND in problem.detail


def test_the_glass_breaks_three_times_an_hour() -> None:
    order = replace(WIDE, break_glass="Nobody answers.", person=COMMANDER, role="incident_commander")
    assert gates(order, replace(situation(order), recent_break_glass=2)) == ()
    assert gates(order, replace(situation(order), recent_break_glass=3)) == ("break_glass_limit",)
    assert gates(approve(order), replace(situation(approve(order)), recent_break_glass=3)) == ()


def test_an_order_counts_by_the_clock_of_the_plane_alone() -> None:
    authored_long_ago = replace(ORDER, authorised_at="2001-01-01T00:00:00.000000Z")
    assert kind(authored_long_ago) == ""


def test_a_second_name_of_the_author_is_no_second_person() -> None:
    twin = replace(KNOWN, persons={**KNOWN.persons, "twin@example.org": PEOPLE[OWNER].public_hex})
    order = approve(WIDE, by="twin@example.org", key=PEOPLE[OWNER])
    assert approved_by(order, RULES, replace(situation(order), identities=twin)) == frozenset()
    assert gates(order, replace(situation(order), identities=twin)) == ("second_person",)


def test_the_glass_can_be_broken_for_a_stop() -> None:
    assert (
        kind(replace(WIDE, break_glass="Nobody answers and it goes on.", person=COMMANDER, role="incident_commander"))
        == ""
    )


def test_a_restore_needs_its_criteria_proven() -> None:
    back = replace(ORDER, want="running", reason="Fixed.", typed_name="borealis", dwell_ms=2000)
    wanted = {f"criterion:{criterion.id}" for criterion in POLICY.switches.switch(BLOCK).criteria}
    assert set(gates(back)) == wanted
    proofs = {criterion.id: (fresh_id(),) for criterion in POLICY.switches.switch(BLOCK).criteria}
    proven = replace(back, criteria=proofs)
    assert set(gates(proven)) == wanted
    at = replace(situation(proven), proven=frozenset(i for ids in proofs.values() for i in ids))
    assert kind(proven, at) == ""


def authorship(order: Order, device: SigningKey, person: SigningKey, sender: str = DESK.id) -> str:
    text = canonical(order.as_object())
    problem = authorship_problem(order, text, device.sign_text(text), person.sign_text(text), sender, KNOWN)
    return problem.kind if problem is not None else ""


def test_both_signatures_are_needed_and_must_be_theirs() -> None:
    assert authorship(ORDER, DESK, PEOPLE[COMMANDER]) == ""
    assert authorship(ORDER, OTHER_DESK, PEOPLE[COMMANDER]) == "forbidden"
    assert authorship(ORDER, DESK, PEOPLE[SECOND]) == "forbidden"
    assert authorship(replace(ORDER, person="nobody@example.org"), DESK, DESK) == "forbidden"


def test_an_order_is_sent_by_the_desk_that_signed_it() -> None:
    assert authorship(ORDER, DESK, PEOPLE[COMMANDER], sender=OTHER_DESK.id) == "forbidden"


def test_the_root_key_commands_nothing() -> None:
    assert authorship(replace(ORDER, device=ROOT.id), ROOT, PEOPLE[COMMANDER], sender=ROOT.id) == "forbidden"
