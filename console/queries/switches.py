"""Switches: what is wanted, what the back-end claims, what was seen, each with its time; and what a sheet decides by.

The three are never merged into one state: only what was observed is ever drawn as in effect (SWI-4).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from console.domain.commands import EXPIRED, REFUSED, STALE, SUPERSEDED, Approval, request_subject
from console.domain.inventory import BlastRadius
from console.domain.restoring import Piece, is_main, shows
from console.domain.switches import Switch
from console.domain.times import format_utc, from_epoch_us, to_epoch_us
from console.proof.canonical import canonical
from console.proof.envelope import Envelope, SignedEvent
from console.proof.keys import verify_text
from console.queries.commands import CommandView, command
from console.queries.from_here import FromHere, commands_seen_otherwise, look_at_switch
from console.store.facts import CertifiedPerson, certified_people, open_command, pieces
from console.store.passed import DECLINED, broken_glass, taken_back
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class Word:
    """One column of a switch: state ("" unknown), the plane's time of it (RFC 3339), who or how, which command.

    `detail` is what stands beside it in the record: the back-end's reply, the durable form.
    """

    state: str = ""
    at: str = ""
    by: str = ""
    method: str = ""
    command_id: str = ""
    generation: int = 0
    event_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """One switch on one item; `pending` is a command of this desk under way, `last` its newest one.

    `drift` is the newest report that something moved it against the desired state, until it was seen right again.
    """

    switch: str
    target: str
    desired: Word
    claimed: Word
    observed: Word
    drift: Word
    pending: str
    last: CommandView | None
    from_here: FromHere = field(default_factory=FromHere)
    """What this desk saw for itself, by its own clock."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One step in the life of a switch, of whatever incident, newest first."""

    event_id: str
    incident: str
    at: str
    kind: str
    state: str
    command_id: str
    actor: str
    text: str
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A second person's approval that was asked for; `expires` is the plane's time, RFC 3339.

    `state` is "open", "approved", "declined", "withdrawn", "expired" or "used" (an order was given with it).
    """

    event_id: str
    incident: str
    command_id: str
    switch: str
    target: str
    want: str
    generation: int
    reason: str
    asked_by: str
    device: str
    expires: str
    policy_hash: str
    blast_radius: BlastRadius
    approvals: tuple[Approval, ...]
    state: str = "open"


@dataclass(frozen=True, slots=True)
class PendingRequests:
    """Requests of all incidents that somebody waits for: `mine` I asked for, `for_me` I may answer; newest first."""

    mine: tuple[Request, ...]
    for_me: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class SheetFacts:
    """What an open sheet is judged by, as far as the record knows."""

    people: Mapping[str, CertifiedPerson]
    candidates: Mapping[str, tuple[Piece, ...]]
    """Criterion id -> pieces that may prove it, newest first."""
    requested: frozenset[str]
    """Criteria whose owner was asked."""
    unsent: frozenset[str]
    """Ids of pieces that the plane has not taken yet; it judges by its own journal."""
    measured: Mapping[str, Mapping[str, object]]
    """Event id -> body, of the validations among the candidates."""
    request: Request | None
    busy: str
    recent_break_glass: int = 0
    """How often this person's key broke the glass within the last hour."""


_NEWEST = "t.gpos DESC, t.hlc DESC, t.event_id DESC"
_WORDS = (
    "SELECT s.state, s.at, s.seen_by, s.method, s.command_id, s.generation, t.event_id, s.detail, t.actor "
    "FROM switch_state s JOIN timeline t ON t.n = s.n WHERE t.status <> 'rejected' AND s.kind = ?1 "
)
_WAITING = ("open", "approved")
_SEEN = ("observed", "looked")
_LOOKED_BACK = timedelta(days=1)
"""How old a request may be by the clock of whoever asked; it lives minutes, but clocks may be hours off."""
_UNDONE = json.dumps([REFUSED, EXPIRED, STALE, SUPERSEDED])


def switch_rows(reader: Rows, pairs: Sequence[tuple[str, str]]) -> tuple[SwitchRow, ...]:
    """One row for each (switch, target), in that order."""
    return tuple(_row(reader, switch, target) for switch, target in pairs)


def switch_history(reader: Rows, switch: str, target: str, limit: int = 100) -> tuple[HistoryLine, ...]:
    """Everything recorded about one switch on one item, newest first."""
    found = reader.tuples(
        "SELECT t.event_id, t.incident, s.at, s.kind, s.state, s.command_id, t.actor, s.detail, s.method, t.hlc, "
        "s.generation FROM switch_state s JOIN timeline t ON t.n = s.n WHERE t.status <> 'rejected' AND "
        "((s.switch = ?1 AND s.target = ?2) OR (s.switch = '' AND s.command_id IN "
        "(SELECT command_id FROM switch_state WHERE switch = ?1 AND target = ?2 AND command_id <> ''))) "
        "ORDER BY t.gpos DESC, t.hlc DESC, t.event_id DESC LIMIT ?3",
        (switch, target, limit),
    )
    return tuple(
        HistoryLine(r[0], r[1], r[2] or _time_of(r[9]), r[3], r[4], r[5], r[6], r[8] if r[3] in _SEEN else r[7], r[10])
        for r in found
    )


def commands_on(reader: Rows, switch: str, target: str, limit: int = 20) -> tuple[CommandView, ...]:
    """The commands this desk gave for one switch, newest first, as receipts."""
    ids = reader.tuples(
        "SELECT command_id FROM command WHERE switch = ? AND target = ? "
        "ORDER BY authorised_at DESC, command_id DESC LIMIT ?",
        (switch, target, limit),
    )
    return tuple(view for (one,) in ids if (view := command(reader, one)) is not None)


def loud_commands(reader: Rows) -> tuple[CommandView, ...]:
    """Commands whose outcome nobody knows, or of which this desk sees the opposite, each newest first (SWI-7)."""
    ids = reader.tuples("SELECT command_id FROM command WHERE state = 'unknown' ORDER BY authorised_at DESC LIMIT 20")
    found = (command(reader, one) for one in (*commands_seen_otherwise(reader), *(row[0] for row in ids)))
    return tuple(view for view in found if view is not None and view.loud)


def proposed_switches(reader: Rows, incident: str) -> tuple[tuple[str, str], ...]:
    """(switch, item) as the triage of this incident concluded them, the one to take first first."""
    text = reader.value("SELECT containment FROM conclusion_now WHERE incident = ?", (incident,), "[]")
    parts = [str(entry).split(" ", 1) for entry in json.loads(text)]
    return tuple((part[0], part[1]) for part in parts if len(part) == 2)


def approval_request(reader: Rows, incident: str, command_id: str) -> Request | None:
    """The newest request for that command's approval, with what was given to it."""
    return next(iter(approval_requests(reader, incident, command_id=command_id)), None)


def approval_requests(
    reader: Rows, incident: str, now: datetime | None = None, *, command_id: str = ""
) -> tuple[Request, ...]:
    """Every request of an incident or one command, newest first, each with the approvals whose signature holds.

    With `now`, by the plane's clock, those that nobody used in time are "expired".
    """
    people, ended = certified_people(reader, now), taken_back(reader, incident)
    given = [signed.envelope for signed in reader.events(incident, "approval.given")]
    orders = [signed.envelope.body for signed in reader.events(incident, "switch.confirmed")]
    used = {str(one.get("sig")) for body in orders for one in body["approvals"] if isinstance(one, Mapping)}
    found = []
    for signed in _asked(reader, incident, command_id):
        asked = _request(signed.envelope, given, people)
        state = ended.get(asked.event_id) or ("approved" if asked.approvals else "open")
        if any(approval.sig in used for approval in asked.approvals):
            state = "used"
        elif state in _WAITING and now is not None and asked.expires <= format_utc(now):
            state = "expired"
        found.append(replace(asked, state=state))
    return tuple(found)


def _asked(reader: Rows, incident: str, command_id: str) -> list[SignedEvent]:
    asked = reversed(reader.events(incident, "approval.requested"))
    return [one for one in asked if command_id in ("", one.envelope.body["command_id"])]


def pending_requests(reader: Rows, now: datetime, me: str) -> PendingRequests:
    """What waits in any incident: asked for by `me`, or for `me` to answer; `now` by the plane's clock (SWI-3)."""
    people = certified_people(reader, now)
    since = f"{max(to_epoch_us(now - _LOOKED_BACK), 0) // 1000 << 16:016x}"
    incidents = reader.tuples(
        "SELECT DISTINCT incident FROM timeline WHERE type = 'approval.requested' AND hlc > ? AND status <> 'rejected'",
        (since,),
    )
    found = sorted(
        (one for (incident,) in incidents for one in approval_requests(reader, str(incident), now)),
        key=lambda one: one.expires,
        reverse=True,
    )
    mine = tuple(one for one in found if one.asked_by == me and one.state in (*_WAITING, DECLINED))
    return PendingRequests(mine, tuple(one for one in found if one.state == "open" and _may_answer(one, me, people)))


def _may_answer(request: Request, me: str, people: Mapping[str, CertifiedPerson]) -> bool:
    known, author = people.get(me), people.get(request.asked_by)
    if known is None or not known.roles or me == request.asked_by:
        return False
    return author is None or author.public_key != known.public_key


def _request(event: Envelope, given: Sequence[Envelope], people: Mapping[str, CertifiedPerson]) -> Request:
    body = event.body
    radius = BlastRadius(str(body["blast_radius"].get("scope", "")), tuple(body["blast_radius"].get("ids", ())))
    subject = request_subject(
        command_id=body["command_id"], switch=body["switch"], target=body["target"], want=body["want"],
        generation=body["generation"], blast_radius=radius, policy_hash=body["policy_hash"], expires=body["expires"],
    )  # fmt: skip
    approvals = tuple(
        Approval(one.actor, one.device, one.body["sig"], one.body["approved_at"], one.body["same_desk"])
        for one in given
        if one.body["command_id"] == body["command_id"]
        and one.actor in people
        and verify_text(people[one.actor].public_key, canonical(subject), one.body["sig"])
    )
    return Request(
        event.event_id, event.incident, body["command_id"], body["switch"], body["target"], body["want"],
        body["generation"], body["reason"], event.actor, event.device, body["expires"], body["policy_hash"],
        radius, approvals,
    )  # fmt: skip


def sheet_facts(
    reader: Rows,
    incident: str,
    switch: Switch,
    target: str,
    command_id: str,
    now: datetime | None = None,
    me: str = "",
) -> SheetFacts:
    """Who is certified, with what is lent at `now`; what could prove each criterion; what was asked; what `me` used."""
    people = certified_people(reader, now)
    ids = [
        str(row[0])
        for row in reader.tuples(
            "SELECT t.event_id FROM timeline t WHERE t.incident = ? AND t.status <> 'rejected' AND t.type IN "
            "('validation.measured', 'criterion.signed') ORDER BY t.gpos DESC, t.hlc DESC, t.event_id DESC",
            (incident,),
        )
    ]
    items = reader.tuples("SELECT item FROM evidence_item WHERE incident = ? ORDER BY n DESC LIMIT 200", (incident,))
    known = pieces(reader, incident, [*ids, *(str(row[0]) for row in items)], now)
    candidates = {
        one.id: tuple(p for p in known.values() if is_main(p, one) and shows(p, one, switch.id, target))
        for one in switch.criteria
    }
    return SheetFacts(
        people=people,
        candidates=candidates,
        requested=_requested(reader, incident, switch.id, target),
        unsent=_unsent(reader, incident),
        measured=_measured(reader, incident),
        request=approval_request(reader, incident, command_id) if command_id else None,
        busy=open_command(reader, switch.id, target),
        recent_break_glass=_recent_glass(reader, people.get(me), now),
    )


def _recent_glass(reader: Rows, person: CertifiedPerson | None, now: datetime | None) -> int:
    if person is None or now is None:
        return 0
    return len(broken_glass(reader, person.public_key, format_utc(now - timedelta(hours=1))))


def _row(reader: Rows, switch: str, target: str) -> SwitchRow:
    undone = "SELECT command_id FROM switch_state WHERE kind = 'ended' AND state IN (SELECT value FROM json_each(?4))"
    wanted = f"AND s.command_id NOT IN ({undone}) ORDER BY s.generation DESC, {_NEWEST} LIMIT 1"
    desired = _word(reader, "acknowledged", switch, target, wanted, _UNDONE)
    observed = _newest_sighting(reader, switch, target)
    drift = _word(reader, "drifted", switch, target, f"ORDER BY s.at DESC, {_NEWEST} LIMIT 1")
    if drift.at < max(desired.at, observed.at if observed.state == desired.state else ""):
        drift = Word()
    last = reader.value(
        "SELECT command_id FROM command WHERE switch = ? AND target = ? "
        "ORDER BY authorised_at DESC, command_id DESC LIMIT 1",
        (switch, target),
        "",
    )
    view = command(reader, str(last)) if last else None
    claimed = _claimed(reader, switch, target)
    pending, here = open_command(reader, switch, target), look_at_switch(reader, switch, target)
    return SwitchRow(switch, target, desired, claimed, observed, drift, pending, view, here)


def _word(reader: Rows, kind: str, switch: str, target: str, rest: str, *more: str) -> Word:
    row = reader.row(_WORDS + "AND s.switch = ?2 AND s.target = ?3 " + rest, (kind, switch, target, *more))
    if row is None:
        return Word()
    by = row["seen_by"] or (_author(reader, row["command_id"]) if kind == "acknowledged" else row["actor"])
    return Word(
        row["state"], row["at"], by, row["method"], row["command_id"], row["generation"], row["event_id"], row["detail"]
    )


def _author(reader: Rows, command_id: str) -> str:
    return str(
        reader.value(
            "SELECT t.actor FROM switch_state s JOIN timeline t ON t.n = s.n "
            "WHERE s.command_id = ? AND s.kind = 'confirmed' AND t.status <> 'rejected' LIMIT 1",
            (command_id,),
            "",
        )
    )


def _claimed(reader: Rows, switch: str, target: str) -> Word:
    """The back-end's last answer; a dispatch names only its command, so the acknowledgement says what it was of."""
    row = reader.row(
        "SELECT a.state, d.at, d.detail, d.command_id, a.generation, t.event_id FROM switch_state d "
        "JOIN timeline t ON t.n = d.n JOIN switch_state a ON a.command_id = d.command_id AND a.kind = 'acknowledged' "
        "WHERE d.kind = 'dispatched' AND t.status <> 'rejected' AND a.switch = ?1 AND a.target = ?2 "
        "ORDER BY a.generation DESC, d.at DESC LIMIT 1",
        (switch, target),
    )
    if row is None:
        return Word()
    return Word(row["state"], row["at"], "", "", row["command_id"], row["generation"], row["event_id"], row["detail"])


def _newest_sighting(reader: Rows, switch: str, target: str) -> Word:
    """The newest of what the plane recorded and what this desk was shown when it looked."""
    row = reader.row("SELECT * FROM switch_now WHERE switch = ? AND target = ?", (switch, target))
    seen = reader.row(
        "SELECT * FROM observation WHERE switch = ? AND target = ? ORDER BY observed_at DESC, n DESC LIMIT 1",
        (switch, target),
    )
    if seen is not None and (row is None or seen["observed_at"] > row["at"]):
        return Word(
            seen["state"], seen["observed_at"], seen["seen_by"], seen["method"], seen["command_id"],
            seen["generation"], "", seen["detail"],
        )  # fmt: skip
    if row is None:
        return Word()
    return Word(
        row["state"], row["at"], row["seen_by"], row["method"], row["command_id"], row["generation"], row["event_id"],
        row["detail"],
    )  # fmt: skip


def _requested(reader: Rows, incident: str, switch: str, target: str) -> frozenset[str]:
    bodies = [signed.envelope.body for signed in reader.events(incident, "criterion.requested")]
    return frozenset(str(b["criterion"]) for b in bodies if (b["switch"], b["target"]) == (switch, target))


def _unsent(reader: Rows, incident: str) -> frozenset[str]:
    found = reader.tuples("SELECT event_id FROM timeline WHERE incident = ? AND status = 'pending'", (incident,))
    return frozenset(str(row[0]) for row in found)


def _measured(reader: Rows, incident: str) -> Mapping[str, Mapping[str, object]]:
    found = reader.events(incident, "validation.measured")
    return {signed.envelope.event_id: signed.envelope.body for signed in found}


def _time_of(hlc: str) -> str:
    return format_utc(from_epoch_us(int(hlc[:12], 16) * 1000)) if len(hlc) == 16 else ""
