"""A second person's approval: of exactly what was asked, in time, by somebody else who is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from console.actions.approvals import (
    decline_approval,
    give_approval,
    request_approval,
    request_criterion,
    withdraw_approval,
)
from console.domain.confirmation import Preview
from console.domain.errors import RefusedError
from console.domain.times import format_utc
from console.policy import default_path, load
from console.proof.actor import Actor
from console.queries.switches import Request, approval_request, approval_requests, pending_requests
from console.store import syncing
from console.store.record import Record
from tests.fakes.record_kit import (
    COMMANDER,
    PERSON,
    PLANE,
    POLICY,
    ROOT,
    START,
    Author,
    Cursor,
    append,
    desk,
    entries_after,
    key_of,
    new_incident,
    organisation,
)

SHIPPED = load(default_path())
ONE, COMMAND, WIDE = new_incident(1), new_incident(8), "environment.range"
SECOND = Actor("second@example.org", "sre_on_call", key_of(5))
TWIN = Actor("twin@example.org", "sre_on_call", PERSON)
LATER = START + timedelta(seconds=5)
PREVIEW = Preview(
    select_token="t", epoch="e1", generation=3, state="running", observed_at=format_utc(START),
    blast_radius=SHIPPED.inventory.blast_radius(WIDE), policy_hash=POLICY, counts={}, counted_at="",
    adapter="simulator",
)  # fmt: skip


@dataclass
class Desk:
    record: Record

    def ask(
        self, target: str = WIDE, reason: str = "All of it is wrong.", preview: Preview = PREVIEW, now: datetime = START
    ) -> str:
        changes = request_approval(
            self.record, ONE, command_id=COMMAND, switch="FF_GLOBAL_AI", target=target, want="stopped",
            preview=preview, reason=reason, inventory=SHIPPED.inventory, catalogue=SHIPPED.switches,
            policy_hash=POLICY, actor=COMMANDER, now=now,
        )  # fmt: skip
        return changes.events[0]

    def give(self, request: str, actor: Actor = SECOND, now: datetime = LATER, preview: Preview = PREVIEW) -> None:
        give_approval(self.record, ONE, request, actor, now, preview=preview)

    def found(self) -> Request:
        with self.record.transaction() as tx:
            request = approval_request(tx, ONE, COMMAND)
        assert request is not None
        return request


@pytest.fixture
def at_desk(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path / "store") as (_, record):
        root = Author(ROOT)
        events = organisation(root, key_of(10))
        for actor in (SECOND, TWIN):
            assert actor.key is not None
            body = {"person": actor.person, "public_key": actor.key.public_hex, "display_name": ""}
            events.append(root.write("person.certified", "system", body))
            events.append(root.write("role.granted", "system", {"person": actor.person, "role": actor.role}))
        entries, after = entries_after(Cursor("e1"), events)
        with record.transaction() as tx:
            syncing.remember_plane(
                tx, origin="o", exercise=True, root_public_key=ROOT.public_hex, plane_device=PLANE.id,
                plane_public_key=PLANE.public_hex, epoch="e1",
            )  # fmt: skip
            syncing.store_entries(tx, Cursor("e1"), entries, after)
        yield Desk(record)


def test_an_approval_stands_beside_its_request_and_is_marked_when_given_here(at_desk: Desk) -> None:
    at_desk.give(at_desk.ask(), preview=PREVIEW)
    (approval,) = at_desk.found().approvals
    assert (approval.person, approval.same_desk) == (SECOND.person, True)
    assert at_desk.found().expires == format_utc(START + timedelta(minutes=10))


def test_what_is_asked_must_be_what_is_shown(at_desk: Desk) -> None:
    refusals = {
        "narrow": lambda: at_desk.ask(target="tenant.borealis"),
        "no reason": lambda: at_desk.ask(reason="  "),
        "another reach": lambda: at_desk.ask(
            preview=replace(PREVIEW, blast_radius=SHIPPED.inventory.blast_radius("tool.mail"))
        ),
        "other rules": lambda: at_desk.ask(preview=replace(PREVIEW, policy_hash="0" * 64)),
    }
    for word, act in refusals.items():
        with pytest.raises(RefusedError):
            act()
        with at_desk.record.transaction() as tx:
            assert approval_requests(tx, ONE) == (), word


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"actor": COMMANDER}, "cannot be the second"),
        ({"actor": TWIN}, "cannot be the second"),
        ({"actor": Actor("nobody@example.org", "sre_on_call", key_of(6))}, "not certified"),
        ({"actor": replace(SECOND, key=key_of(6))}, "not certified"),
        ({"now": START + timedelta(minutes=10)}, "ended"),
        ({"preview": replace(PREVIEW, generation=4)}, "not what you are asked"),
        ({"preview": replace(PREVIEW, policy_hash="0" * 64)}, "not what you are asked"),
    ],
    ids=["oneself", "oneself by another name", "a stranger", "another's name", "too late", "moved", "other rules"],
)
def test_what_is_no_second_person(at_desk: Desk, given: dict[str, object], said: str) -> None:
    request = at_desk.ask()
    with pytest.raises(RefusedError, match=said):
        at_desk.give(request, **given)  # type: ignore[arg-type]
    assert at_desk.found().approvals == ()


def test_nobody_approves_twice_or_what_is_no_request(at_desk: Desk) -> None:
    request = at_desk.ask()
    at_desk.give(request)
    with pytest.raises(RefusedError, match="already"):
        at_desk.give(request)
    note = append(at_desk.record, "note.added", ONE).envelope.event_id
    with pytest.raises(RefusedError, match="no such request"):
        at_desk.give(note)


def test_an_approval_whose_signature_is_of_something_else_is_not_shown(at_desk: Desk) -> None:
    at_desk.give(at_desk.ask())
    with at_desk.record.transaction() as tx:
        (given,) = tx.events(ONE, "approval.given")
    at_desk.ask(preview=replace(PREVIEW, generation=4), now=START + timedelta(seconds=9))
    assert at_desk.found().generation == 4
    assert at_desk.found().approvals == ()
    assert given.envelope.body["command_id"] == COMMAND


def test_the_owner_of_a_criterion_is_asked_by_role(at_desk: Desk) -> None:
    ask = {"catalogue": SHIPPED.switches, "switch": "FF_TENANT_BLOCK", "target": "tenant.borealis"}
    request_criterion(at_desk.record, ONE, **ask, criterion="compliance_sign_off", actor=COMMANDER, now=START)  # type: ignore[arg-type]
    with at_desk.record.transaction() as tx:
        (asked,) = tx.events(ONE, "criterion.requested")
    assert asked.envelope.body["of"] == "security_lead"
    with pytest.raises(RefusedError, match="measured"):
        request_criterion(at_desk.record, ONE, **ask, criterion="behaviour_validation", actor=COMMANDER, now=START)  # type: ignore[arg-type]


def test_a_request_is_declined_once_signed_and_with_a_reason(at_desk: Desk) -> None:
    request = at_desk.ask()
    with pytest.raises(RefusedError, match="Write why"):
        decline_approval(at_desk.record, ONE, request, "\u200b", actor=SECOND, now=LATER)
    for actor in (COMMANDER, TWIN, Actor("nobody@example.org", "sre_on_call", key_of(6))):
        with pytest.raises(RefusedError):
            decline_approval(at_desk.record, ONE, request, "No.", actor=actor, now=LATER)
    decline_approval(at_desk.record, ONE, request, "One tenant is enough.", actor=SECOND, now=LATER)
    assert at_desk.found().state == "declined"
    with pytest.raises(RefusedError, match="declined or withdrawn"):
        at_desk.give(request)
    with pytest.raises(RefusedError, match="already"):
        decline_approval(at_desk.record, ONE, request, "No.", actor=SECOND, now=LATER)


def test_whoever_asked_withdraws_and_may_ask_again(at_desk: Desk) -> None:
    request = at_desk.ask()
    at_desk.give(request)
    assert at_desk.found().state == "approved"
    with pytest.raises(RefusedError, match="can withdraw it"):
        withdraw_approval(at_desk.record, ONE, request, "Not mine.", actor=SECOND, now=LATER)
    withdraw_approval(at_desk.record, ONE, request, "It stopped by itself.", actor=COMMANDER, now=LATER)
    assert at_desk.found().state == "withdrawn"
    again = at_desk.ask(now=LATER)
    assert at_desk.found().state == "open"
    at_desk.give(again)
    assert at_desk.found().state == "approved"
    with at_desk.record.transaction() as tx:
        assert [one.state for one in approval_requests(tx, ONE)] == ["approved", "withdrawn"]


def test_nobody_declines_by_writing_the_event_alone(at_desk: Desk) -> None:
    at_desk.ask()
    append(at_desk.record, "approval.declined", ONE, command_id=COMMAND, reason="It is mine to ask.")  # by who asked
    with at_desk.record.transaction() as tx:
        body = {"command_id": COMMAND, "reason": "No."}
        tx.append("approval.declined", ONE, body, actor=SECOND, person_key=PERSON)  # another's signature
        tx.append("approval.withdrawn", ONE, body, actor=SECOND)
    assert at_desk.found().state == "open"


def test_a_request_runs_out_by_the_clock_it_was_written_by(at_desk: Desk) -> None:
    at_desk.ask()
    ends = START + timedelta(minutes=10)
    with at_desk.record.transaction() as tx:
        states = [approval_requests(tx, ONE, now)[0].state for now in (ends - timedelta(seconds=1), ends)]
    assert states == ["open", "expired"]


def test_a_request_that_an_order_was_given_with_is_used(at_desk: Desk) -> None:
    at_desk.give(at_desk.ask())
    approval = at_desk.found().approvals[0].as_object()
    append(at_desk.record, "switch.confirmed", ONE, command_id=COMMAND, approvals=[approval])
    assert at_desk.found().state == "used"


def test_both_sides_see_what_waits(at_desk: Desk) -> None:
    def waiting(me: str, now: datetime = LATER) -> tuple[int, int]:
        with at_desk.record.transaction() as tx:
            found = pending_requests(tx, now, me)
        return len(found.mine), len(found.for_me)

    request = at_desk.ask()
    assert waiting(COMMANDER.person) == (1, 0)
    assert waiting(SECOND.person) == (0, 1)
    assert waiting(TWIN.person) == (0, 0), "another name of whoever asked"
    assert waiting("nobody@example.org") == (0, 0)
    assert waiting(SECOND.person, START + timedelta(minutes=11)) == (0, 0)
    at_desk.give(request)
    assert waiting(SECOND.person) == (0, 0)
    assert waiting(COMMANDER.person) == (1, 0)


def test_desks_whose_clocks_differ_agree_on_the_end_of_a_request(at_desk: Desk) -> None:
    """Asked at a desk two hours slow and answered at one that is right; all its times are the plane's."""
    ahead = replace(PREVIEW, offset_us=7_200_000_000)
    request = at_desk.ask(preview=ahead)
    right = START + timedelta(hours=2)
    assert at_desk.found().expires == format_utc(right + timedelta(minutes=10))
    with pytest.raises(RefusedError, match="ended"):
        at_desk.give(request, now=right + timedelta(minutes=10))
    at_desk.give(request, now=right + timedelta(minutes=9))
    assert at_desk.found().approvals[0].approved_at == format_utc(right + timedelta(minutes=9))
