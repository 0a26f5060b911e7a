"""What sync writes of the plane's answers: receipts, and what becomes of an event that got no place in the journal.

An answer with a position settles its event. One without settles nothing while what precedes the event may still come;
where the plane can never take it, it and what follows it in its chain are kept, shown as rejected, and told in one
alarm - and if the chain was one of our newest, new ones must be begun, or nothing written later could arrive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from console.domain.errors import InputError, RefusedError
from console.store import projections, rows
from console.store.ledger import OWN
from console.store.projection_tables import TAIL
from console.store.transaction import Transaction

STRANDED = "stranded"
"""The kind of the alarm."""
_TOLD = (
    "The plane could not take an event of this desk, so what follows it in its chain cannot go there either; all of it "
    "is kept and shown as rejected, to be written again."
)
_BEHIND = {
    "kind": "conflict",
    "detail": "It follows an event that the plane could not take, so it is not at the plane; write it again.",
}


class JournalDoubt(RefusedError):
    """What the plane answered cannot be true of one journal; `kind` is that of the alarm. Nothing was written."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class PlaneReceipt(Protocol):
    """The plane's answer for one event."""

    @property
    def event_id(self) -> str: ...  # noqa: D102
    @property
    def hash(self) -> str: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def gpos(self) -> int: ...  # noqa: D102
    @property
    def server_sig(self) -> str: ...  # noqa: D102
    @property
    def problem_kind(self) -> str: ...  # noqa: D102
    @property
    def problem_detail(self) -> str: ...  # noqa: D102


def store_receipts(tx: Transaction, epoch: str, receipts: Sequence[PlaneReceipt]) -> bool:
    """Keeps receipts, marks what was rejected, takes both kinds out of the outbox; the same again changes nothing.

    Returns whether one of our newest chains cannot go on at the plane. Raises JournalDoubt, with nothing written, when
    our copy of the journal holds another event at a receipt's position, or when the plane lacks what it had accepted.
    """
    followed, broken = epoch == _state(tx)["epoch"], False
    for receipt in receipts:
        problem = {"kind": receipt.problem_kind, "detail": receipt.problem_detail} if receipt.problem_kind else {}
        if followed and not receipt.gpos:
            broken = _not_placed(tx, receipt, problem) or broken
        else:
            _settle(tx, epoch, receipt, receipt.status, receipt.gpos, problem)
    places = [receipt.gpos for receipt in receipts if receipt.gpos]
    if places and followed:
        audit(tx, min(places), max(places))
    return broken


def set_aside(tx: Transaction, event_id: str, problem_kind: str, detail: str) -> bool:
    """Takes an event that the plane cannot read, and what follows it in its chain, out of the outbox.

    All of it is shown as refused, with the reason. Returns whether the chain was one of our newest.
    """
    found = tx.row(_EVENT, (event_id,))
    if found is None:
        raise InputError(f"There is no event {event_id[:40]} in this record to set aside.")
    return _strand(tx, found, "", {"kind": problem_kind, "detail": detail})


_EVENT = "SELECT n, event_id, hash, device, incident, incarnation, seq, origin FROM event WHERE event_id = ?"
_BEFORE = """
SELECT t.status, t.gpos, EXISTS (SELECT 1 FROM outbox o WHERE o.n = e.n) AS waits FROM event e JOIN timeline t USING (n)
WHERE e.device = ? AND e.incident = ? AND e.incarnation = ? AND e.seq = ? - 1
"""
_FOLLOWING = """
SELECT e.event_id, e.hash FROM event e JOIN outbox o ON o.n = e.n
WHERE e.device = ? AND e.incident = ? AND e.incarnation = ? AND e.seq > ? ORDER BY e.seq
"""


def _not_placed(tx: Transaction, receipt: PlaneReceipt, problem: Mapping[str, str]) -> bool:
    """An answer without a position: waited on while it may still get one, else the end of its chain at the plane."""
    event = tx.row(_EVENT, (receipt.event_id,))
    if event is None or event["hash"] != receipt.hash or not _waits(tx, event["n"]):
        return False
    chain = (event["device"], event["incident"], event["incarnation"], event["seq"])
    before = tx.row(_BEFORE, chain)
    if before is not None and before["waits"]:
        return False  # it is offered again once the plane has answered for what precedes it
    placed = before is not None and before["status"] == projections.ACCEPTED and before["gpos"] < TAIL
    if placed and problem.get("kind") == "conflict" and event["device"] == tx.device:
        raise JournalDoubt(
            "receipt",
            f"The plane asks for what precedes event {receipt.event_id}, and had accepted it; it was rolled back.",
        )
    return _strand(tx, event, receipt.server_sig, problem)


def _waits(tx: Transaction, n: int) -> bool:
    return tx.value("SELECT 1 FROM outbox WHERE n = ?", (n,)) is not None


def _strand(tx: Transaction, event: Mapping[str, Any], sig: str, problem: Mapping[str, str]) -> bool:
    """Shows an event that cannot get a place, and what waits behind it, as rejected; whether we need new chains."""
    epoch = _state(tx)["epoch"]
    known = tx.value("SELECT 1 FROM receipt WHERE event_id = ? AND gpos = 0", (event["event_id"],)) is not None
    _settle(tx, epoch, _Answer(event["event_id"], event["hash"], sig), projections.REJECTED, 0, problem)
    chain = (event["device"], event["incident"], event["incarnation"], event["seq"])
    for event_id, text_hash in tx.tuples(_FOLLOWING, chain):
        _settle(tx, epoch, _Answer(event_id, text_hash, ""), projections.REJECTED, 0, _BEHIND)
    if event["origin"] == OWN and not known:
        tx.raise_alarm(STRANDED, _TOLD)
    return (event["device"], event["incarnation"]) == (tx.device, tx.incarnation)


class _Answered(Protocol):
    """What an answer names: the event and its text, signed or (by ourselves) not."""

    @property
    def event_id(self) -> str: ...
    @property
    def hash(self) -> str: ...
    @property
    def server_sig(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Answer:
    """What we came to by ourselves: no signature of the plane."""

    event_id: str
    hash: str
    server_sig: str


def _settle(tx: Transaction, epoch: str, answer: _Answered, status: str, gpos: int, problem: Mapping[str, str]) -> None:
    state = _state(tx)
    event_id, pull = answer.event_id, state["pull"] if epoch == state["epoch"] else 0
    held = tx.row(
        "SELECT status, gpos FROM receipt WHERE event_id = ? AND epoch = ? AND pull = ?", (event_id, epoch, pull)
    )
    if held is None:
        why = json.dumps(dict(problem), sort_keys=True)
        values = (event_id, epoch, pull, answer.hash, status, gpos, answer.server_sig, why, tx.at)
        rows.insert(tx.conn, "receipt", values)
    elif held["gpos"] and gpos and (held["gpos"], held["status"]) != (gpos, status):
        raise JournalDoubt("receipt", f"The plane gave two receipts for event {event_id} that cannot both be true.")
    if epoch != state["epoch"]:
        return  # of a journal that is no longer followed: kept, but it settles nothing
    found = tx.tuples("SELECT n, incident FROM event WHERE event_id = ? AND hash = ?", (event_id, answer.hash))
    for n, incident in found:
        projections.place(tx.conn, n, gpos or TAIL, status)
        tx.conn.execute("DELETE FROM outbox WHERE n = ?", (n,))
        projections.refresh_incident(tx.conn, incident)
        tx.touch(("sync", "timeline", "incident"), (incident,))


_CONTRADICTED = """
SELECT r.event_id, r.gpos FROM receipt r JOIN journal j ON j.pull = r.pull AND j.gpos = r.gpos
WHERE r.pull = (SELECT pull FROM sync_state) AND r.gpos BETWEEN ? AND ?
  AND (r.event_hash <> j.event_hash OR r.status <> j.status) LIMIT 1
"""


def audit(tx: Transaction, first: int, last: int) -> None:
    """Receipts and journal must name the same event, with the same verdict, at each position from `first` to `last`."""
    for event_id, gpos in tx.tuples(_CONTRADICTED, (first, last)):
        raise JournalDoubt(
            "receipt",
            f"The plane's receipt says that event {event_id} is at position {gpos}, and its journal has another there.",
        )


def _state(tx: Transaction) -> dict[str, Any]:
    row = rows.one(tx.conn, "sync_state", "id = 1")
    assert row is not None  # made together with the tables
    return row
