"""Projections from scratch, in the store or beside it; the result must equal what was kept up to date event by event.

Positions come from the journal of the current pull, and from receipts of its epoch for what it has not shown yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from console.proof.envelope import Envelope
from console.store import projection_tables, projections
from console.store._sqlite import Connection

_FROM_RECEIPTS = """
SELECT e.n, r.gpos, r.status FROM receipt r JOIN event e ON e.event_id = r.event_id AND e.hash = r.event_hash
WHERE r.epoch = (SELECT epoch FROM sync_state)
"""
_FROM_JOURNAL = """
SELECT e.n, j.gpos, j.status FROM journal j JOIN event e ON e.event_id = j.event_id AND e.hash = j.event_hash
WHERE j.pull = (SELECT pull FROM sync_state)
"""


def rebuild(conn: Connection) -> None:
    """Drops and recreates the projections of a store; call it inside a transaction, it commits nothing."""
    projection_tables.drop(conn)
    projection_tables.create(conn)
    fill(conn, conn)


def fill(source: Connection, target: Connection) -> None:
    """Computes every projection from the record in `source` into the empty projection tables of `target`."""
    for n, canon in source.execute("SELECT n, canon FROM event ORDER BY n"):
        projections.apply(target, n, trusted_envelope(canon))
    place_all(source, target)


def place_all(source: Connection, target: Connection) -> None:
    """Gives every event the server's position and verdict as `source` knows them, and refreshes all incidents."""
    target.execute(
        "UPDATE timeline SET gpos = ?, status = ? WHERE status <> ?",
        (projection_tables.TAIL, projections.PENDING, projections.PENDING),
    )
    for positions in (_FROM_RECEIPTS, _FROM_JOURNAL):  # the journal has the last word
        for n, gpos, status in source.execute(positions).fetchall():
            projections.place(target, n, gpos or projection_tables.TAIL, status)
    for (incident,) in target.execute("SELECT incident FROM incident").fetchall():
        projections.refresh_incident(target, incident)


def differences(source: Connection, target: Connection) -> Iterator[str]:
    """Names of the projection tables whose rows differ between the two, in the order of their creation."""
    for table in projection_tables.TABLES:
        if _all_rows(source, table) != _all_rows(target, table):
            yield table


def _all_rows(conn: Connection, table: str) -> list[Any]:
    return conn.execute(f"SELECT * FROM {table} ORDER BY n").fetchall()  # noqa: S608 - the name is one of our literals


def trusted_envelope(canon: str) -> Envelope:
    """The envelope in a text that was verified when it was stored; far quicker than checking its form again."""
    return Envelope(**json.loads(canon))
