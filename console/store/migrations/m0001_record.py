"""Schema version 1: the signed events and everything that cannot be computed from them.

Never edit this file after a release; it is written out in full so that no later change elsewhere can reach back.
"""

from __future__ import annotations

from typing import Any

from console.store._sqlite import Database

_TABLES: tuple[tuple[str, dict[str, type], str | tuple[str, ...]], ...] = (
    (
        "event",
        {
            "n": int, "event_id": str, "type": str, "incident": str, "device": str, "incarnation": int, "seq": int,
            "hlc": str, "hash": str, "sig": str, "person_sig": str, "origin": str, "stored_at": str, "canon": str,
        },
        "n",
    ),
    (
        "fork_evidence",
        {
            "hash": str, "event_id": str, "device": str, "incident": str, "incarnation": int, "seq": int, "sig": str,
            "person_sig": str, "reason": str, "origin": str, "found_at": str, "canon": str,
        },
        "hash",
    ),
    (
        "journal",
        {
            "pull": int, "gpos": int, "epoch": str, "event_id": str, "event_hash": str, "status": str,
            "journal_hash": str, "received_at": str,
        },
        ("pull", "gpos"),
    ),
    (
        "receipt",
        {
            "event_id": str, "epoch": str, "pull": int, "event_hash": str, "status": str, "gpos": int,
            "server_sig": str, "problem": str, "received_at": str,
        },
        ("event_id", "epoch", "pull"),
    ),
    ("checkpoint", {"pull": int, "epoch": str, "size": int, "note": str, "received_at": str}, ("pull", "size")),
    (
        "withheld",
        {"pull": int, "gpos": int, "event_hash": str, "event_id": str, "since": str},
        ("pull", "gpos"),
    ),
    (
        "sync_state",
        {
            "id": int, "pull": int, "epoch": str, "cursor": int, "cursor_hash": str, "largest_size": int,
            "exercise": int, "origin": str, "root_public_key": str, "plane_device": str, "plane_public_key": str,
            "hlc": str, "hlc_n": int, "projections": int, "frontier": str,
        },
        "id",
    ),
    ("alarm", {"alarm_id": str, "kind": str, "sentence": str, "raised_at": str, "settled_at": str}, "alarm_id"),
    (
        "command",
        {
            "command_id": str, "incident": str, "switch": str, "target": str, "want": str, "epoch": str,
            "generation": int, "state": str, "exercise": int, "confirmation": str, "expires": str,
            "authorised_at": str, "sent_at": str, "acknowledged_at": str, "dispatched_at": str,
            "observed_at_plane": str, "observed_at": str, "offset_us": int, "offset_known": int, "results": str,
            "problem": str, "sentence": str, "updated_at": str, "order_sig": str, "order_person_sig": str,
            "order_canon": str,
        },
        "command_id",
    ),
    (
        "observation",
        {
            "n": int, "command_id": str, "switch": str, "target": str, "state": str, "generation": int,
            "seen_by": str, "method": str, "observed_at": str, "received_at": str, "offset_us": int, "detail": str,
        },
        "n",
    ),
    ("blob", {"sha256": str, "size": int, "stored_at": str}, "sha256"),
    ("draft", {"key": str, "incident": str, "kind": str, "text": str, "saved_at": str}, "key"),
    (
        "known_key",
        {"device": str, "public_key": str, "origin": str, "incarnation": int, "since": str},
        "device",
    ),
)  # fmt: skip

_INDEXES: tuple[tuple[str, str, tuple[str, ...], bool], ...] = (
    ("event", "event_by_id", ("event_id",), True),
    ("event", "event_by_chain", ("device", "incident", "incarnation", "seq"), True),
    ("journal", "journal_by_event", ("event_id",), False),
    ("receipt", "receipt_by_position", ("pull", "gpos"), False),
    ("command", "command_by_incident", ("incident",), False),
    ("observation", "observation_by_switch", ("switch", "target"), False),
)

_APPEND_ONLY = ("event", "journal", "receipt", "fork_evidence", "observation", "checkpoint")


def apply(db: Database) -> None:
    """Creates the tables, indexes and triggers of schema version 1."""
    for name, columns, key in _TABLES:
        _create(db, name, columns | {"row_check": bytes}, pk=key)
    _create(db, "outbox", {"n": int}, pk="n", foreign_keys=[("n", "event", "n")])
    for table, name, columns_of, unique in _INDEXES:
        db.table(table).create_index(list(columns_of), index_name=name, unique=unique)
    for table in _APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            db.execute(
                f"CREATE TRIGGER {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'the table {table} is append-only'); END"
            )
    db.execute(
        "CREATE TRIGGER event_is_queued AFTER INSERT ON event WHEN NEW.origin = 'own' "
        "BEGIN INSERT INTO outbox (n) VALUES (NEW.n); END"
    )


def _create(db: Database, name: str, columns: dict[str, type], **options: Any) -> None:
    db.table(name).create(columns, not_null=list(columns), strict=True, **options)
