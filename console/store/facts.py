"""What the rules ask of the record before something may happen; the same answers inside a transaction and outside.

Everything here reads projections through `Rows`, so an action that asks inside its transaction sees what it is
about to commit on top of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from console.domain.commands import ENDS
from console.domain.evidence import missing_dimensions
from console.domain.incident import IncidentFacts
from console.domain.people import Loan, lent_roles
from console.domain.restoring import ITEM, SIGN_OFF, VALIDATION, Piece, piece_of_event
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import format_utc, from_epoch_us
from console.proof.envelope import SignedEvent
from console.proof.keys import verify_text
from console.store.readers import Rows

_RESPONDING = (
    "incident.acknowledged",
    "role.taken",
    "severity.graded",
    "triage.answered",
    "triage.concluded",
    "switch.confirmed",
    "lifecycle.entered",
    "criterion.signed",
    "evidence.sealed",
)
"""Types whose author responded to the incident; a reviewer may have written none of them (LRN-3, EVI-7)."""

_ENDS = json.dumps(ENDS)


@dataclass(frozen=True, slots=True)
class CertifiedPerson:
    """A person whom the organisation's root certified: public key in hex, and the roles that they hold.

    `roles` are those granted and those in `lent` (role -> until when); `since` is when they were last certified, by
    the clock of who did (times RFC 3339).
    """

    person: str
    public_key: str
    display_name: str
    roles: frozenset[str]
    lent: Mapping[str, str] = field(default_factory=dict)
    since: str = ""


@dataclass(frozen=True, slots=True)
class SignedLoan:
    """A loan whose lender signed it, and what they wrote about it."""

    loan: Loan
    event_id: str
    reason: str


def certified_people(reader: Rows, at: datetime | None = None) -> Mapping[str, CertifiedPerson]:
    """Everybody the pinned root certified, by name, with the roles lent to them at that moment (none without one)."""
    roles: dict[str, set[str]] = {}
    for person, role in reader.tuples("SELECT person, role FROM grant_now"):
        roles.setdefault(person, set()).add(role)
    loans = signed_loans(reader) if at is not None else ()
    lent = lent_roles((one.loan for one in loans), at) if at is not None else {}
    return {
        name: CertifiedPerson(
            name,
            key,
            title,
            frozenset((*roles.get(name, ()), *lent.get(name, ()))),
            lent.get(name, {}),
            format_utc(from_epoch_us((int(hlc, 16) >> 16) * 1000)),
        )
        for name, key, title, hlc in reader.tuples("SELECT person, public_key, display_name, hlc FROM person_now")
    }


def signed_loans(reader: Rows) -> tuple[SignedLoan, ...]:
    """Every loan that was not taken back, ended ones among them, whose lender's own signature over it holds here."""
    found = []
    rows = reader.tuples(
        "SELECT l.person, l.role, l.lender, l.until, l.event_id, p.public_key, b.public_key FROM loan_now l "
        "JOIN person_now p ON p.person = l.lender JOIN person_now b ON b.person = l.person ORDER BY l.until, l.event_id"
    )
    for person, role, lender, until, event_id, key, borrower in rows:
        signed = reader.event(event_id)
        if signed is None or key == borrower or not verify_text(key, signed.canon.encode("utf-8"), signed.person_sig):
            continue
        found.append(SignedLoan(Loan(person, role, lender, until), event_id, str(signed.envelope.body["reason"])))
    return tuple(found)


def people_of_devices(reader: Rows) -> Mapping[str, str]:
    """Whose each enrolled device is, by device; one that the root certified by itself belongs to nobody."""
    return dict(reader.tuples("SELECT device, person FROM device_now WHERE person <> ''"))


def known_ids(reader: Rows, incident: str, ids: Iterable[str]) -> frozenset[str]:
    """Which of `ids` are events of this incident, captured items of it, or validations measured in it."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return frozenset()
    listed = json.dumps(wanted)
    events = reader.tuples(
        "SELECT event_id FROM timeline WHERE incident = ? AND status <> 'rejected' "
        "AND event_id IN (SELECT value FROM json_each(?))",
        (incident, listed),
    )
    items = reader.tuples(
        "SELECT item FROM evidence_item WHERE incident = ? AND item IN (SELECT value FROM json_each(?))",
        (incident, listed),
    )
    return frozenset(row[0] for row in (*events, *items))


def pieces(reader: Rows, incident: str, ids: Iterable[str], at: datetime | None = None) -> Mapping[str, Piece]:
    """What the record holds of `ids` in this incident that may prove a restoration criterion, by id (SWI-3).

    A sign-off carries its author's roles (with what is lent to them `at` that moment) only when their own signature
    over it holds; a validation counts only from the device that the root certified as the plane.
    """
    wanted = list(dict.fromkeys(ids))
    known = known_ids(reader, incident, wanted)
    people, planes = certified_people(reader, at), _planes(reader)
    found: dict[str, Piece] = {}
    for one in wanted:
        signed = reader.event(one) if one in known else None
        if signed is not None:
            piece = _piece(one, signed, people, planes)
            found |= {one: piece} if piece is not None else {}
        elif one in known:
            found[one] = Piece(one, ITEM)
    return found


def _planes(reader: Rows) -> frozenset[str]:
    return frozenset(str(row[0]) for row in reader.tuples("SELECT device FROM device_now WHERE kind = 'plane'"))


def _piece(
    event_id: str, signed: SignedEvent, people: Mapping[str, CertifiedPerson], planes: frozenset[str]
) -> Piece | None:
    event = signed.envelope
    piece = piece_of_event(event_id, event.type, event.body, ())
    if piece is None or (piece.kind == VALIDATION and event.device not in planes):
        return None
    author = people.get(event.actor)
    if piece.kind != SIGN_OFF or author is None:
        return piece
    held = verify_text(author.public_key, signed.canon.encode("utf-8"), signed.person_sig)
    return replace(piece, signer_roles=author.roles if held else frozenset())


def open_command(reader: Rows, switch: str, target: str) -> str:
    """The id of a command on this switch and target that has not come to an end, or ""."""
    found = reader.value(
        "SELECT command_id FROM command WHERE switch = ? AND target = ? "
        "AND state NOT IN (SELECT value FROM json_each(?)) LIMIT 1",
        (switch, target, _ENDS),
        "",
    )
    return str(found)


def incident_facts(reader: Rows, incident: str) -> IncidentFacts:
    """Everything the entry tests of an incident's states look at (INT-8)."""
    row = reader.row("SELECT * FROM incident WHERE incident = ?", (incident,)) or {}
    stops, restored, last_restore = _switched(reader, incident)
    lamps = _lamps_after(reader, incident, last_restore)
    review, reviewer = _review(reader, incident)
    captured = reader.tuples("SELECT DISTINCT dimension FROM evidence_item WHERE incident = ?", (incident,))
    return IncidentFacts(
        state=str(row.get("state", "")),
        acknowledged=str(row.get("acknowledged_event", "")),
        commander=str(
            reader.value(
                "SELECT person FROM role_now WHERE incident = ? AND role = 'incident_commander'", (incident,), ""
            )
        ),
        severity=str(row.get("severity", "")),
        stops=stops,
        restored=restored,
        unresolved_commands=_unresolved(reader, incident),
        unsealed_items=_unsealed(reader, incident),
        sealed=tuple(
            r[0] for r in reader.tuples("SELECT event_id FROM seal_now WHERE incident = ? ORDER BY seal", (incident,))
        ),
        missing_dimensions=missing_dimensions(name for (name,) in captured),
        service_lamp=lamps.get("service", ""),
        behaviour_lamp=lamps.get("behaviour", ""),
        mitigation=_last_event(reader, incident, "validation.measured")[0],
        review=review,
        reviewer=reviewer,
        responders=_responders(reader, incident),
    )


def _switched(reader: Rows, incident: str) -> tuple[dict[str, str], dict[str, str], int]:
    """(stops, restores) as observed at the data path, by "switch target", and the position of the last restore."""
    stops: dict[str, str] = {}
    restored: dict[str, str] = {}
    last = 0
    rows = reader.tuples(
        "SELECT s.switch, s.target, s.state, t.event_id, t.gpos FROM switch_state s JOIN timeline t ON t.n = s.n "
        "WHERE s.incident = ? AND s.kind = 'observed' AND s.method = 'probe' AND t.status <> 'rejected' "
        "ORDER BY t.gpos, t.hlc, t.event_id",
        (incident,),
    )
    for switch, target, state, event_id, gpos in rows:
        name = f"{switch} {target}"
        if state == STOPPED:
            stops.setdefault(name, event_id)
            restored.pop(name, None)
        elif state == RUNNING and name in stops:
            restored[name] = event_id
            last = int(gpos)
    return stops, restored, last


def _lamps_after(reader: Rows, incident: str, position: int) -> Mapping[str, str]:
    """The last lamps the plane saw after `position`, or nothing."""
    event_id, gpos = _last_event(reader, incident, "lamps.observed")
    signed = reader.event(event_id) if event_id and gpos > position else None
    return {name: str(signed.envelope.body[name]) for name in ("service", "behaviour")} if signed else {}


def _review(reader: Rows, incident: str) -> tuple[str, str]:
    """The last review that found the evidence sufficient, and its author."""
    event_id, _ = _last_event(reader, incident, "review.signed")
    signed = reader.event(event_id) if event_id else None
    if signed is None or signed.envelope.body["verdict"] != "evidence_sufficient":
        return "", ""
    return event_id, signed.envelope.actor


def _last_event(reader: Rows, incident: str, event_type: str) -> tuple[str, int]:
    rows = reader.tuples(
        "SELECT t.event_id, t.gpos FROM timeline t WHERE t.incident = ? AND t.type = ? AND t.status <> 'rejected' "
        "ORDER BY t.gpos DESC, t.hlc DESC, t.event_id DESC LIMIT 1",
        (incident, event_type),
    )
    return (str(rows[0][0]), int(rows[0][1])) if rows else ("", 0)


def _unresolved(reader: Rows, incident: str) -> tuple[str, ...]:
    rows = reader.tuples(
        "SELECT command_id FROM command WHERE incident = ? AND state NOT IN (SELECT value FROM json_each(?))",
        (incident, _ENDS),
    )
    return tuple(row[0] for row in rows)


def _unsealed(reader: Rows, incident: str) -> int:
    return int(
        reader.value(
            "SELECT count(*) FROM evidence_item i WHERE i.incident = ?1 "
            "AND i.seal NOT IN (SELECT seal FROM seal_now WHERE incident = ?1)",
            (incident,),
            0,
        )
    )


def _responders(reader: Rows, incident: str) -> frozenset[str]:
    rows = reader.tuples(
        "SELECT DISTINCT actor FROM timeline WHERE incident = ? AND status <> 'rejected' "
        "AND type IN (SELECT value FROM json_each(?))",
        (incident, json.dumps(_RESPONDING)),
    )
    return frozenset(row[0] for row in rows)
