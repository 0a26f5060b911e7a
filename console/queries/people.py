"""Who is who: certified people with their roles, lent ones marked, numbers and devices, and everything lent (CMD-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from console.domain.roster import Roster
from console.domain.times import format_utc
from console.store.facts import certified_people, people_of_devices, signed_loans
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person.

    `roles` are held now, `lent` (role -> until, RFC 3339) says which of them are borrowed; `stand_in_for` and `phone`
    come from the organisation's list ("" when they are not in it); `devices` belong to them; `revoked` when the root
    turned them away, `certified_since` (RFC 3339) is "" then and for whoever is only in the list.
    """

    person: str
    display_name: str
    roles: tuple[str, ...]
    lent: Mapping[str, str]
    phone: str
    stand_in_for: tuple[str, ...]
    devices: tuple[str, ...]
    revoked: bool
    certified_since: str


@dataclass(frozen=True, slots=True)
class DelegationRow:
    """One role lent that has not ended: by whom, to whom, until when (RFC 3339), and why."""

    event_id: str
    person: str
    role: str
    lender: str
    until: str
    reason: str


@dataclass(frozen=True, slots=True)
class PeopleBoard:
    """Everybody by name, the revoked last, and what is lent, what ends first first."""

    rows: tuple[PersonRow, ...]
    delegations: tuple[DelegationRow, ...]


def people_board(reader: Rows, roster: Roster, now: datetime) -> PeopleBoard:
    """Everybody certified, revoked or in the organisation's list, and every role that is lent at `now`."""
    people = certified_people(reader, now)
    titles = _every_name(reader)
    devices: dict[str, list[str]] = {}
    for device, owner in people_of_devices(reader).items():
        devices.setdefault(owner, []).append(device)
    rows = []
    for name in {*people, *titles, *(entry.person for entry in roster.entries)}:
        known, listed = people.get(name), roster.entry(name)
        rows.append(
            PersonRow(
                person=name,
                display_name=known.display_name if known else listed.display_name if listed else titles[name],
                roles=tuple(sorted(known.roles)) if known else (),
                lent=known.lent if known else {},
                phone=listed.phone if listed else "",
                stand_in_for=roster.stands_in(name),
                devices=tuple(sorted(devices.get(name, ()))),
                revoked=known is None and name in titles,
                certified_since=known.since if known else "",
            )
        )
    rows.sort(key=_by_name)
    at = format_utc(now)
    running = tuple(
        DelegationRow(one.event_id, one.loan.person, one.loan.role, one.loan.lender, one.loan.until, one.reason)
        for one in signed_loans(reader)
        if one.loan.until > at
    )
    return PeopleBoard(tuple(rows), running)


def _every_name(reader: Rows) -> Mapping[str, str]:
    """Everybody whom the root ever certified or turned away, or the plane enrolled for it: person -> shown name."""
    certified = reader.tuples(
        "SELECT p.person, p.display_name FROM certified_person p JOIN timeline t ON t.n = p.n "
        "WHERE t.status <> 'rejected' AND (p.signer IN (SELECT device FROM known_key WHERE origin = 'root') "
        "OR p.n IN (SELECT n FROM enrolled_person)) ORDER BY t.gpos, t.hlc, t.event_id"
    )
    return dict(certified)


def _by_name(row: PersonRow) -> tuple[bool, str, str]:
    return row.revoked, row.display_name.casefold(), row.person
