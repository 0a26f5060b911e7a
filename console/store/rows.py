"""The columns of every record table, once and literally, and the check value that each row carries over all of them.

A flipped bit in a row is found by its `row_check` even where nothing was signed; against a forger stand the signatures
and chains. The order of columns here is part of the check and never changes within a schema version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from console.store._sqlite import Connection

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "event": (
        "n", "event_id", "type", "incident", "device", "incarnation", "seq", "hlc", "hash", "sig", "person_sig",
        "origin", "stored_at", "canon",
    ),
    "fork_evidence": (
        "hash", "event_id", "device", "incident", "incarnation", "seq", "sig", "person_sig", "reason", "origin",
        "found_at", "canon",
    ),
    "journal": ("pull", "gpos", "epoch", "event_id", "event_hash", "status", "journal_hash", "received_at"),
    "receipt": ("event_id", "epoch", "pull", "event_hash", "status", "gpos", "server_sig", "problem", "received_at"),
    "checkpoint": ("pull", "epoch", "size", "note", "received_at"),
    "withheld": ("pull", "gpos", "event_hash", "event_id", "since"),
    "sync_state": (
        "id", "pull", "epoch", "cursor", "cursor_hash", "largest_size", "exercise", "origin", "root_public_key",
        "plane_device", "plane_public_key", "hlc", "hlc_n", "projections", "frontier",
    ),
    "alarm": ("alarm_id", "kind", "sentence", "raised_at", "settled_at"),
    "command": (
        "command_id", "incident", "switch", "target", "want", "epoch", "generation", "state", "exercise",
        "confirmation", "expires", "authorised_at", "sent_at", "acknowledged_at", "dispatched_at", "observed_at_plane",
        "observed_at", "offset_us", "offset_known", "results", "problem", "sentence", "updated_at", "order_sig",
        "order_person_sig", "order_canon",
    ),
    "observation": (
        "n", "command_id", "switch", "target", "state", "generation", "seen_by", "method", "observed_at", "received_at",
        "offset_us", "detail",
    ),
    "blob": ("sha256", "size", "stored_at"),
    "draft": ("key", "incident", "kind", "text", "saved_at"),
    "known_key": ("device", "public_key", "origin", "incarnation", "since"),
}  # fmt: skip
"""table -> its columns but for `row_check`. `canon` is last where there is one: it is covered by `hash`, not again."""

_UNCHECKED = frozenset({"canon"})
_CHECK_BYTES = 16


def _sql(verb: str, table: str) -> str:
    columns = (*COLUMNS[table], "row_check")
    return f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


INSERT: Mapping[str, str] = {table: _sql("INSERT", table) for table in COLUMNS}
REPLACE: Mapping[str, str] = {table: _sql("INSERT OR REPLACE", table) for table in COLUMNS}
CHECKED: Mapping[str, int] = {
    table: len([name for name in columns if name not in _UNCHECKED]) for table, columns in COLUMNS.items()
}
"""How many leading columns the check value covers."""


def row_check(table: str, values: Sequence[str | int]) -> bytes:
    """Sixteen bytes of SHA-256 over the table's name and the covered columns, in the order of COLUMNS."""
    text = "\x1f".join(map(str, values[: CHECKED[table]]))
    return hashlib.sha256(f"{table}\x1f{text}".encode()).digest()[:_CHECK_BYTES]


def insert(conn: Connection, table: str, values: Sequence[str | int]) -> None:
    """Adds one row, its values in the order of COLUMNS."""
    conn.execute(INSERT[table], (*values, row_check(table, values)))


def insert_many(conn: Connection, table: str, rows: Iterable[Sequence[str | int]]) -> None:
    """As `insert` for each of `rows`, in one statement."""
    conn.executemany(INSERT[table], [(*values, row_check(table, values)) for values in rows])


def replace(conn: Connection, table: str, row: Mapping[str, str | int]) -> None:
    """Writes a whole row of a table that may change, by its primary key."""
    values = [row[name] for name in COLUMNS[table]]
    conn.execute(REPLACE[table], (*values, row_check(table, values)))


def one(conn: Connection, table: str, where: str, parameters: Sequence[Any] = ()) -> dict[str, Any] | None:
    """The first row of `table` that meets the literal SQL `where`, by column name, or None."""
    columns = COLUMNS[table]
    found = conn.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE {where}", parameters).fetchone()  # noqa: S608
    return None if found is None else dict(zip(columns, found, strict=True))
