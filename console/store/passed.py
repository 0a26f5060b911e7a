"""What was let through with fewer eyes than usual, and whether somebody has looked at it since (SWI-3, SWI-9, SWI-11).

Broken glass, approvals given at the desk that asked, breakers that stopped by themselves, stops without a reason: each
is owed a later look. A look counts only with the signature of a person who may take it. Commands that the plane never
took did nothing and owe nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from console.domain.gates import COMMANDER, is_blank
from console.domain.people import Loan, lent_roles
from console.domain.times import format_utc, from_epoch_us
from console.proof.envelope import Envelope, SignedEvent
from console.proof.keys import verify_text
from console.store.facts import CertifiedPerson, certified_people, signed_loans
from console.store.readers import Rows

BREAK_GLASS, SAME_DESK, AUTOMATIC, NO_REASON = "break_glass", "same_desk", "automatic", "no_reason"
DECLINED, WITHDRAWN = "declined", "withdrawn"
REVIEWED = (BREAK_GLASS, SAME_DESK)
"""What a third person reviews; the other two are settled by who answers for the command."""

_TYPES = (
    "switch.confirmed", "switch.acknowledged", "approval.given", "switch.reasoned", "break_glass.reviewed",
    "breaker.tripped", "breaker.taken_over",
)  # fmt: skip
_EVENTS = """
SELECT e.canon, e.sig, e.person_sig FROM timeline t JOIN event e ON e.n = t.n
WHERE t.status <> 'rejected' AND t.type IN (SELECT value FROM json_each(?1)) AND (?2 = '' OR t.incident = ?2)
ORDER BY t.gpos, t.hlc, t.event_id
"""
_REQUEST_TYPES = ("approval.requested", "approval.declined", "approval.withdrawn")


@dataclass(frozen=True, slots=True)
class Passed:
    """One thing to look at: `why` is BREAK_GLASS, SAME_DESK, AUTOMATIC or NO_REASON.

    `by` is the person, or the breaker that tripped; `at` the plane's time (RFC 3339); `reason` what was written, ""
    without; `barred` are the names of author and approvers and every other name of their keys; `owner_role` owns what
    an automatic stop took.
    """

    command_id: str
    incident: str
    switch: str
    target: str
    why: str
    by: str
    at: str
    reason: str
    barred: frozenset[str] = frozenset()
    owner_role: str = ""


def owed(reader: Rows, incident: str = "") -> tuple[Passed, ...]:
    """Everything that nobody has settled yet, oldest first; of all incidents unless one is named."""
    known = _Known.of(reader)
    told = _told(reader, _TYPES, incident)
    by_command = _grouped(told)
    found = [
        passed
        for signed in told
        if signed.envelope.type in _PASSED
        for passed in _PASSED[signed.envelope.type](signed.envelope, by_command, known.people)
    ]
    return tuple(
        one
        for one in found
        if not any(
            _settles(signed, one, known.at(signed.envelope)) for signed in by_command[one.incident, one.command_id]
        )
    )


def may_settle(passed: Passed, person: str, people: Mapping[str, CertifiedPerson]) -> bool:
    """Whether this person's word settles it.

    A review is for a certified person with a role who is neither author nor approver; an automatic stop is taken over
    by its owner or a commander; a reason comes from the author, or from a commander in their place.
    """
    known = people.get(person)
    if known is None or not known.roles:
        return False
    if passed.why in REVIEWED:
        return person not in passed.barred
    if passed.why == AUTOMATIC:
        return bool(known.roles & {passed.owner_role, COMMANDER})
    return person == passed.by or COMMANDER in known.roles


def broken_glass(reader: Rows, public_key: str, since: str) -> tuple[str, ...]:
    """Ids of the commands that whoever holds this key broke the glass for since then (the plane's time, RFC 3339).

    Every name of the key counts; what the plane refused, or never got, does not.
    """
    names = {name for name, person in certified_people(reader).items() if person.public_key == public_key}
    undone = (
        "SELECT command_id FROM switch_state WHERE kind = 'refused' UNION "
        "SELECT command_id FROM command WHERE state IN ('refused', 'expired', 'stale')"
    )
    without = {str(row[0]) for row in reader.tuples(undone)}
    events = [signed.envelope for signed in _told(reader, ("switch.confirmed",), "")]
    return tuple(
        str(event.body["command_id"])
        for event in events
        if event.actor in names
        and event.body["break_glass"]
        and event.body["expires"] > since
        and event.body["command_id"] not in without
    )


def taken_back(reader: Rows, incident: str) -> Mapping[str, str]:
    """Requests for a second person that nobody may answer any more: event id -> "declined" or "withdrawn".

    Who asked may withdraw; a certified person with a role and another name may decline, signed. Either is about the
    newest request for its command at that time.
    """
    known, newest, found = _Known.of(reader), dict[str, Envelope](), dict[str, str]()
    for signed in _told(reader, _REQUEST_TYPES, incident):
        event, command_id = signed.envelope, str(signed.envelope.body["command_id"])
        asked = newest.get(command_id)
        if event.type == "approval.requested":
            newest[command_id] = event
        elif asked is not None and event.type == "approval.withdrawn" and event.actor == asked.actor:
            found[asked.event_id] = WITHDRAWN
        elif asked is not None and event.type == "approval.declined" and _may_decline(signed, asked, known.at(event)):
            found.setdefault(asked.event_id, DECLINED)
    return found


def is_taken_back(reader: Rows, incident: str, command_id: str) -> bool:
    """Whether the newest request for a second person for that command was declined or withdrawn."""
    asked = [one.envelope for one in _told(reader, ("approval.requested",), incident)]
    ids = [one.event_id for one in asked if one.body["command_id"] == command_id]
    return bool(ids) and ids[-1] in taken_back(reader, incident)


def is_signed_by_person(signed: SignedEvent, people: Mapping[str, CertifiedPerson]) -> bool:
    """Whether the certified person whom the event names as its author has signed it."""
    author = people.get(signed.envelope.actor)
    return author is not None and verify_text(author.public_key, signed.canon.encode("utf-8"), signed.person_sig)


def _may_decline(signed: SignedEvent, asked: Envelope, people: Mapping[str, CertifiedPerson]) -> bool:
    person = people.get(signed.envelope.actor)
    return (
        person is not None
        and bool(person.roles)
        and person.person != asked.actor
        and is_signed_by_person(signed, people)
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """Everybody certified with what they hold by a grant, and what was lent: for judging what was said at a moment."""

    people: Mapping[str, CertifiedPerson]
    loans: tuple[Loan, ...]

    @classmethod
    def of(cls, reader: Rows) -> _Known:
        return cls(certified_people(reader), tuple(one.loan for one in signed_loans(reader)))

    def at(self, event: Envelope) -> Mapping[str, CertifiedPerson]:
        """With the roles that ran when the event was written, by its author's clock."""
        lent = lent_roles(self.loans, from_epoch_us(int(event.hlc[:12], 16) * 1000))
        borrowers = {
            name: replace(self.people[name], roles=self.people[name].roles | held.keys())
            for name, held in lent.items()
            if name in self.people
        }
        return {**self.people, **borrowers}


_ByCommand = Mapping[tuple[str, str], list[SignedEvent]]


def _told(reader: Rows, types: Iterable[str], incident: str) -> list[SignedEvent]:
    return [SignedEvent(*row) for row in reader.tuples(_EVENTS, (json.dumps(list(types)), incident))]


def _grouped(told: Iterable[SignedEvent]) -> _ByCommand:
    found: dict[tuple[str, str], list[SignedEvent]] = {}
    for signed in told:
        event = signed.envelope
        found.setdefault((event.incident, str(event.body["command_id"])), []).append(signed)
    return found


def _of_order(event: Envelope, by_command: _ByCommand, people: Mapping[str, CertifiedPerson]) -> Iterable[Passed]:
    body = event.body
    beside = [signed.envelope for signed in by_command[event.incident, str(body["command_id"])]]
    taken = next((one.body["acknowledged_at"] for one in beside if one.type == "switch.acknowledged"), "")
    if not taken:
        return
    approvers = [str(one.get("person", "")) for one in body["approvals"] if isinstance(one, Mapping)]
    barred = _all_names({event.actor, *approvers}, people)
    glass, reason = str(body["break_glass"]), str(body["reason"])
    about = (str(body["command_id"]), event.incident, str(body["switch"]), str(body["target"]))
    if glass:
        yield Passed(*about, BREAK_GLASS, event.actor, taken, glass, barred)
    if any(_is_same_desk(one, event, beside) for one in body["approvals"] if isinstance(one, Mapping)):
        yield Passed(*about, SAME_DESK, event.actor, taken, reason, barred)
    if is_blank(reason) and is_blank(glass):
        yield Passed(*about, NO_REASON, event.actor, taken, "", barred)


def _of_breaker(event: Envelope, _: _ByCommand, __: Mapping[str, CertifiedPerson]) -> Iterable[Passed]:
    body = event.body
    at = format_utc(from_epoch_us(int(event.hlc[:12], 16) * 1000))
    about = (str(body["command_id"]), event.incident, str(body["switch"]), str(body["target"]))
    yield Passed(*about, AUTOMATIC, str(body["breaker"]), at, str(body["sentence"]), owner_role=str(body["owner_role"]))


_PASSED: Mapping[str, Callable[[Envelope, _ByCommand, Mapping[str, CertifiedPerson]], Iterable[Passed]]] = {
    "switch.confirmed": _of_order,
    "breaker.tripped": _of_breaker,
}
_SETTLED_BY: Mapping[str, str] = {
    BREAK_GLASS: "break_glass.reviewed",
    SAME_DESK: "break_glass.reviewed",
    AUTOMATIC: "breaker.taken_over",
    NO_REASON: "switch.reasoned",
}


def _settles(signed: SignedEvent, passed: Passed, people: Mapping[str, CertifiedPerson]) -> bool:
    event = signed.envelope
    if event.type != _SETTLED_BY[passed.why] or not may_settle(passed, event.actor, people):
        return False
    return not is_blank(event.body["reason"]) if passed.why == NO_REASON else is_signed_by_person(signed, people)


def _all_names(names: set[str], people: Mapping[str, CertifiedPerson]) -> frozenset[str]:
    keys = {people[name].public_key for name in names if name in people}
    return frozenset(names | {name for name, person in people.items() if person.public_key in keys})


def _is_same_desk(approval: Mapping[str, object], order: Envelope, beside: Iterable[Envelope]) -> bool:
    """What the approval says of itself is not enough: the desk that wrote it down is looked at too."""
    where = {one.device for one in beside if one.type == "approval.given" and one.actor == approval.get("person")}
    return approval.get("same_desk") is True or order.device in {approval.get("device"), *where}
