"""One signed event becomes one row, its projections and its place in the outbox; the only code that writes `event`.

Call it inside a transaction and only with an event whose signature and place in its chain were checked before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from console.proof.chain import ChainHead
from console.proof.envelope import FIRST_PREV_HASH, Envelope, SignedEvent
from console.store import projections, rows
from console.store._sqlite import Connection

FIRST = FIRST_PREV_HASH
"""What the first event of a chain, and the first position of a journal, name as their predecessor."""
OWN, SYNCED, IMPORTED = "own", "sync", "import"


def next_number(conn: Connection) -> int:
    """The local number of the next event: one more than the last, without gaps."""
    return int(conn.execute("SELECT ifnull(max(n), 0) + 1 FROM event").fetchone()[0])


def put_event(
    conn: Connection, n: int, signed: SignedEvent, event: Envelope, *, origin: str, stored_at: str
) -> tuple[str, ...]:
    """Stores one event as local number `n`, the next one; returns the kinds that screens must reload.

    An own event is queued by a trigger, so none can be stored without. The incident's own row is not refreshed here.
    """
    rows.insert(conn, "event", _event_row(n, signed, event, origin, stored_at))
    return projections.apply(conn, n, event, checked=origin == OWN)


def put_events(
    conn: Connection,
    events: Sequence[tuple[int, SignedEvent]],
    positions: Mapping[int, tuple[int, str]],
    *,
    origin: str,
    stored_at: str,
) -> set[str]:
    """As `put_event` for each (n, event) that others wrote, in the order of `n`; `positions` as in `apply_all`."""
    rows.insert_many(conn, "event", [_event_row(n, s, s.envelope, origin, stored_at) for n, s in events])
    return projections.apply_all(conn, [(n, signed.envelope) for n, signed in events], positions)


def stored(conn: Connection, event_ids: Iterable[str]) -> dict[str, tuple[str, int]]:
    """The hash and local number of those of `event_ids` that are in the record."""
    found = conn.execute(
        "SELECT event_id, hash, n FROM event WHERE event_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(event_ids)),),
    )
    return {event_id: (text_hash, n) for event_id, text_hash, n in found}


def _event_row(n: int, signed: SignedEvent, event: Envelope, origin: str, stored_at: str) -> tuple[str | int, ...]:
    return (
        n, event.event_id, event.type, event.incident, event.device, event.incarnation, event.seq, event.hlc,
        signed.hash, signed.sig, signed.person_sig, origin, stored_at, signed.canon,
    )  # fmt: skip


def chain_head(conn: Connection, chain: tuple[str, str, int]) -> ChainHead:
    """The last stored event of a chain (device, incident, incarnation)."""
    found = conn.execute(
        "SELECT seq, hash FROM event WHERE device = ? AND incident = ? AND incarnation = ? ORDER BY seq DESC LIMIT 1",
        chain,
    ).fetchone()
    return ChainHead(*found) if found else ChainHead()


def put_fork(
    conn: Connection, signed: SignedEvent, event: Envelope | None, *, reason: str, origin: str, at: str
) -> None:
    """Keeps what does not fit the record, so that a fork can be shown; the same text again changes nothing."""
    if conn.execute("SELECT 1 FROM fork_evidence WHERE hash = ?", (signed.hash,)).fetchone():
        return
    place: tuple[Any, ...] = ("", "", "", 0, 0)
    if event is not None:
        place = (event.event_id, event.device, event.incident, event.incarnation, event.seq)
    values = (signed.hash, *place, signed.sig, signed.person_sig, reason, origin, at, signed.canon)
    rows.insert(conn, "fork_evidence", values)


def public_key_of(conn: Connection, device: str) -> str:
    """The public key (hex) whose id is `device`, or "" when no key of that id was ever seen.

    The id is the hash of the key, so whoever supplied it cannot have supplied a wrong one; whether the device may
    speak is another question, answered by the certificates.
    """
    found = conn.execute(
        "SELECT public_key FROM known_key WHERE device = ?1 "
        "UNION ALL SELECT public_key FROM certified_device WHERE device = ?1 LIMIT 1",
        (device,),
    ).fetchone()
    key = str(found[0]) if found else ""
    return key if key and projections.is_key_of(device, key) else ""


def person_keys_of(conn: Connection, person: str) -> tuple[str, ...]:
    """Every public key (hex) ever certified for a person, by the pinned root or by an enrolment that it invited.

    One that was revoked since is among them: what was signed before stays valid.
    """
    found = conn.execute(
        "SELECT public_key FROM certified_person p WHERE person = ? AND ((invite = '' "
        "AND signer IN (SELECT device FROM known_key WHERE origin = 'root')) OR n IN (SELECT n FROM enrolled_person))",
        (person,),
    )
    return tuple(str(row[0]) for row in found)
