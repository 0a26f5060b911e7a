"""The rules about who somebody is, which world they are in, and what follows a stop with fewer eyes than usual."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from console.actions import reviews, switches
from console.actions.people import delegate_role
from console.domain import people
from console.domain.errors import RefusedError
from console.plane import commanding, identities, orders
from console.plane.paging import Pages
from console.plane.rooting import revocation, write_as_root
from console.plane.service import wall_clock
from console.proof.canonical import canonical
from console.store import facts, passed
from tests.fakes.people import OTHER_DESK
from tests.fakes.planes import DESK, Client, now
from tests.seeded import edits
from tests.seeded.edits import Put
from tests.seeded.line import (
    BOREALIS,
    CACHE,
    COMMANDER,
    OWNER,
    SECOND,
    SECURITY,
    Line,
    actor,
)  # fmt: skip
from tests.seeded.rule import Rule
from tests.seeded.rules_gates import first, refused
from tests.waiting import wait_until

GLASS = "Nobody else is awake and it spreads."


def _authorship(old: str, new: str) -> Put:
    return edits.function(orders, "authorship_problem", old, new, commanding)


def _forged_person(line: Line) -> None:
    refused(line.confirm(line.ask(), person_sig=OTHER_DESK.sign_text(b"something else")))


def _forged_device(line: Line) -> None:
    refused(line.confirm(line.ask(), sig=OTHER_DESK.sign_text(b"something else")))


def _another_desks_order(line: Line) -> None:
    """Signed by another certified desk, with that desk's own token, and sent by this one."""
    with Client(line.client.url, OTHER_DESK) as other:
        incident = line.ask().incident
        order = other.order(incident, other.log_in().select(incident))
    text, key = canonical(order.as_object()), actor(COMMANDER).key
    assert key is not None
    made = {"canon": text.decode(), "sig": OTHER_DESK.sign_text(text), "person_sig": key.sign_text(text)}
    refused(line.send(line.ask(incident=incident), made))


def _revoked(subject: str) -> Any:
    """The desk does not know it yet."""

    def holds(line: Line) -> None:
        asked = line.ask()
        write_as_root(line.plane.settings, line.world.root, revocation(subject, "left"), wall_clock)
        refused(line.confirm(asked))

    return holds


def _unrevoked(event_type: str) -> Put:
    def put(stack: ExitStack) -> None:
        changes: Mapping[str, Any] = {event_type: lambda known, event: known}
        stack.enter_context(patch.dict(identities._CHANGES, changes))

    return put


def _other_world(line: Line) -> None:
    refused(line.confirm(line.ask(), crooked=lambda order: replace(order, exercise=not order.exercise)))


def _new_approver(line: Line) -> None:
    """Everybody here was certified just now."""
    refused(line.confirm(line.wide_stop(), OWNER))


def _ended_loan(line: Line) -> None:
    line.pull()
    until = now() + timedelta(seconds=0.4)
    made = delegate_role(line.record, SECURITY, "sre_on_call", until, "A short night.", actor=actor(SECOND), now=now())
    with line.record.transaction(now()) as tx:
        lent = tx.event(made.events[0])
    assert lent is not None
    line.push(lent)
    asked = line.ask(CACHE, BOREALIS)
    wait_until(lambda: now() > until, what="the loan to end")
    refused(line.confirm(asked, SECURITY, role="sre_on_call"))


_RUNNING_ON = ("if loan.until > at:", "if True:")


# -- what follows


def _owner_hears(line: Line) -> None:
    attempt = first(line.confirm(line.ask(CACHE, BOREALIS, for_owner="sre_on_call"), COMMANDER))
    paged = line.told("owner.paged", attempt.incident)
    assert [(one["role"], SECOND in one["persons"]) for one in paged] == [("sre_on_call", True)], "nobody told them"


def _executive_hears(line: Line) -> None:
    attempt = first(line.confirm(_glass(line), OWNER))
    assert [one["role"] for one in line.told("owner.paged", attempt.incident)] == ["executive"], "nobody told them"


def _glass(line: Line) -> Any:
    return line.wide_stop(approvals=(), request_expires="", break_glass=GLASS)


def _looked_at(line: Line) -> None:
    attempt = first(line.confirm(_glass(line), COMMANDER))
    line.pull()
    with line.record.transaction(now()) as tx:
        whys = [one.why for one in passed.owed(tx, attempt.incident)]
    assert passed.BREAK_GLASS in whys, "nobody would look at it"


def _not_by_oneself(line: Line) -> None:
    attempt = first(line.confirm(_glass(line), SECOND))
    line.pull()
    settled = True
    try:
        reviews.review_break_glass(
            line.record, attempt.incident, attempt.command_id, "justified", "I was right.", actor=actor(SECOND),
            now=now(),
        )  # fmt: skip
    except RefusedError:
        settled = False
    assert not settled, "reviewed by who broke it"


def _fourth_time(line: Line) -> None:
    for _ in range(3):
        first(line.confirm(_glass(line), COMMANDER))
    refused(line.confirm(_glass(line), COMMANDER))


def _unowed(stack: ExitStack) -> None:
    stack.enter_context(patch.dict(passed._PASSED, {"switch.confirmed": lambda *_: ()}))


RULES = (
    Rule("the person signed it", _forged_person, plane=_authorship(
        'if not verify_text(identities.persons.get(order.person, ""), text, person_sig):', "if False:")),
    Rule("the device signed it", _forged_device, plane=_authorship(
        " or not verify_text(identities.device_key(order.device), text, sig)", "")),
    Rule("the desk that signed it sends it", _another_desks_order, plane=_authorship(
        "if order.device != sender:", "if False:")),
    Rule("a revoked device orders nothing", _revoked(DESK.id), plane=_unrevoked("device.revoked"), fresh=True),
    Rule("a revoked person orders nothing", _revoked(COMMANDER), plane=_unrevoked("person.revoked"), fresh=True),
    Rule("an exercise's order is not production's", _other_world, plane=edits.function(
        orders, "order_problem", "if order.exercise != situation.exercise:", "if False:", commanding)),
    Rule("production: an order of an exercise is none", _other_world, exercise=False, plane=edits.function(
        orders, "order_problem", "if order.exercise != situation.exercise:", "if False:", commanding)),
    Rule("production: who approves is known for 24 h", _new_approver, exercise=False,
         desk=edits.swapped(switches, "too_new", lambda original, *args: ""),
         plane=edits.swapped(identities, "too_new", lambda original, *args: "")),
    Rule("a lent role ends by itself", _ended_loan,
         desk=edits.imported(facts, "lent_roles", people, _RUNNING_ON),
         plane=edits.imported(identities, "lent_roles", people, _RUNNING_ON)),
    Rule("the owner who was stood in for is paged", _owner_hears, plane=edits.function(
        Pages, "page_for", "if order.for_owner:", "if False:")),
    Rule("broken glass pages the executive", _executive_hears, plane=edits.function(
        Pages, "page_for", "if order.break_glass:", "if False:")),
    Rule("broken glass is to be reviewed", _looked_at, desk=_unowed),
    Rule("broken glass is not reviewed by who broke it", _not_by_oneself, fresh=True,
         desk=edits.swapped(reviews, "may_settle", lambda original, *args: True)),
    Rule("the glass breaks three times an hour", _fourth_time, fresh=True,
         desk=edits.swapped(switches, "broken_glass", lambda original, *args: ()),
         plane=edits.swapped(commanding, "recent_break_glass", lambda original, *args: 0)),
)  # fmt: skip
