"""Projections from scratch, in the store or beside it; the result must equal what was kept up to date event by event.

Positions come from the journal of the current pull, and from receipts of its epoch for what it has not shown yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from console.proof.envelope import trusted_envelope
from console.store import projection_tables, projections
from console.store._sqlite import Connection

_FROM_RECEIPTS = """
SELECT e.n, r.gpos, r.status FROM receipt r JOIN event e ON e.event_id = r.event_id AND e.hash = r.event_hash
WHERE r.pull = (SELECT pull FROM sync_state)
"""
_FROM_JOURNAL = """
SELECT e.n, j.gpos, j.status FROM journal j JOIN event e ON e.event_id = j.event_id AND e.hash = j.event_hash
WHERE j.pull = (SELECT pull FROM sync_state) ORDER BY j.gpos
"""
_SHOWN_LATER = """
SELECT e.n, j.gpos, j.status FROM withheld w JOIN journal j ON j.pull = w.pull AND j.gpos = w.gpos
JOIN event e ON e.event_id = w.event_id AND e.hash = w.event_hash WHERE w.pull = (SELECT pull FROM sync_state)
"""

AT_ONCE = 1_000
"""Events computed before their rows are written, one statement a table."""


def rebuild(conn: Connection) -> None:
    """Drops and recreates the projections of a store; call it inside a transaction, it commits nothing."""
    projection_tables.drop(conn)
    projection_tables.create(conn)
    fill(conn, conn)


def fill(source: Connection, target: Connection) -> None:
    """Computes every projection from the record in `source` into the empty projection tables of `target`."""
    positions = _positions(source)
    found = source.execute("SELECT n, canon FROM event ORDER BY n")
    while batch := found.fetchmany(AT_ONCE):
        projections.apply_all(target, [(n, trusted_envelope(canon)) for n, canon in batch], positions)
    _refresh_all(target)


def place_all(source: Connection, target: Connection) -> None:
    """Gives every event the server's position and verdict as `source` knows them, and refreshes all incidents."""
    target.execute(
        "UPDATE timeline SET gpos = ?, status = ? WHERE status <> ?",
        (projection_tables.TAIL, projections.PENDING, projections.PENDING),
    )
    projections.place_many(target, [(gpos, status, n) for n, (gpos, status) in _positions(source).items()])
    _refresh_all(target)


def _positions(source: Connection) -> dict[int, tuple[int, str]]:
    """(gpos, status) by local number of every event that the server has answered for."""
    found: dict[int, tuple[int, str]] = {}
    for positions in (_FROM_RECEIPTS, _FROM_JOURNAL, _SHOWN_LATER):  # the journal has the last word
        found |= {n: (gpos or projection_tables.TAIL, status) for n, gpos, status in source.execute(positions)}
    return found


def _refresh_all(target: Connection) -> None:
    projections.refresh_incidents(target, [row[0] for row in target.execute("SELECT incident FROM incident")])


def differences(source: Connection, target: Connection) -> Iterator[str]:
    """Names of the projection tables whose rows differ between the two, in the order of their creation."""
    for table in projection_tables.TABLES:
        if _all_rows(source, table) != _all_rows(target, table):
            yield table


def _all_rows(conn: Connection, table: str) -> list[Any]:
    return conn.execute(f"SELECT * FROM {table} ORDER BY n").fetchall()  # noqa: S608 - the name is one of our literals
