"""Whether a record is still what was signed and stored: structure, schema, every row, every chain, every projection.

SQLite's own check misses most flipped bits, so every stored column is held against a check value or a signed text.
Faults are collected, not raised: one damaged row must not hide the next. Needs no key and changes nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.domain.errors import ConsoleError
from console.proof.journal import journal_hash, receipt_object, verify_receipt
from console.proof.keys import leaf_digest, verify_text
from console.store import ledger, projection_tables, rebuild, rows, schema
from console.store._sqlite import Connection, SqliteError, connect_memory, connect_reader, translate
from console.store.blobs import BlobStore
from console.store.projections import ACCEPTED, is_key_of

MAX_FAULTS = 200


@dataclass(frozen=True, slots=True)
class Report:
    """Rows counted by table (and `blob_files`), and one sentence a fault; no faults means intact."""

    counts: Mapping[str, int]
    faults: tuple[str, ...]


def verify_store(path: Path, blobs: BlobStore | None = None, *, deep: bool = True) -> Report:
    """Checks the record file `path` as it is at this moment, and its blobs when they are given (content if `deep`).

    Raises StoreMissingError when there is no record; everything else that is wrong is in the report.
    """
    conn = connect_reader(path)
    try:
        conn.execute("BEGIN")
        return verify_record(conn, path, blobs, deep=deep)
    finally:
        conn.close()


def verify_record(conn: Connection, path: Path, blobs: BlobStore | None = None, *, deep: bool = True) -> Report:
    """As `verify_store`, on an open connection."""
    faults: list[str] = []
    checks: list[Callable[[Connection], Iterator[str]]] = [
        _structure, _schema, _row_checks, _events, _journal, _receipts, _outbox, _keys, _projections,
    ]  # fmt: skip
    if blobs is not None:
        checks.append(lambda c: _blobs(c, blobs, deep))
    for check in checks:
        try:
            for fault in check(conn):
                faults.append(fault)
                if len(faults) >= MAX_FAULTS:
                    return Report(
                        _counts(conn), (*faults, f"More than {MAX_FAULTS} faults; the rest was not looked at.")
                    )
        except (SqliteError, ConsoleError) as error:
            known = translate(error, path)
            faults.append(known.sentence if isinstance(known, ConsoleError) else f"SQLite: {error}")
        except (ValueError, TypeError, KeyError) as error:  # so damaged that it cannot even be read
            faults.append(f"A row of {path.name} cannot be read ({type(error).__name__}: {str(error)[:100]}).")
    return Report(_counts(conn), tuple(faults))


def _counts(conn: Connection) -> dict[str, int]:
    counts = {}
    for table in (*rows.COLUMNS, "outbox"):
        try:
            counts[table] = int(conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - literals
        except (SqliteError, UnicodeDecodeError):
            counts[table] = -1
    return counts


def _structure(conn: Connection) -> Iterator[str]:
    for (text,) in conn.execute("PRAGMA integrity_check(20)"):
        if text != "ok":
            yield f"SQLite finds the file damaged: {str(text)[:200]}."
    for table, *_ in conn.execute("PRAGMA foreign_key_check"):
        yield f"A row of '{table}' names an event that is not there."


def _schema(conn: Connection) -> Iterator[str]:
    found = schema.record_objects(conn)
    if schema.fingerprint(found) != schema.RECORD_FINGERPRINT:
        yield f"The schema is not the one this version writes: {schema.schema_fault(found)}."


def _row_checks(conn: Connection) -> Iterator[str]:
    """Every column of every row against the row's check value; the signed text is held against its hash later."""
    for table, columns in rows.COLUMNS.items():
        covered = columns[: rows.CHECKED[table]]
        select = f"SELECT {', '.join(covered)}, row_check FROM {table}"  # noqa: S608 - literals only
        for *values, check in conn.execute(select):
            if rows.row_check(table, values) != check:
                yield f"A row of '{table}' was altered: {covered[0]} {str(values[0])[:80]}{_event_id(table, values)}."


def _event_id(table: str, values: list[Any]) -> str:
    return f", event {str(values[1])[:40]}" if table == "event" else ""


_SIGNED = ("event_id", "type", "incident", "device", "incarnation", "seq", "hlc")


def _events(conn: Connection) -> Iterator[str]:
    """Every link, every column that repeats the signed text, the newest signature of each chain, every person's."""
    columns = f"{', '.join(_SIGNED)}, hash, sig, person_sig, canon"
    at: tuple[Any, ...] = ()
    seq, previous, newest, seen = 0, ledger.FIRST, None, 0
    for row in conn.execute(f"SELECT {columns} FROM event ORDER BY device, incident, incarnation, seq"):  # noqa: S608
        signed, (text_hash, sig, person_sig, canon) = row[: len(_SIGNED)], row[len(_SIGNED) :]
        seen += 1
        if (signed[3], signed[2], signed[4]) != at:
            yield from _newest_signature(conn, newest)
            at, seq, previous = (signed[3], signed[2], signed[4]), 0, ledger.FIRST
        name = f"Event {signed[0][:40]} (number {signed[5]} of its chain)"
        newest = (name, signed[3], sig, canon)
        if leaf_digest(canon.encode("utf-8")).hex() != text_hash:
            yield f"{name} was altered: its text does not give its hash."
            seq, previous = signed[5], text_hash
            continue
        event = json.loads(canon)
        if tuple(event.get(field) for field in _SIGNED) != tuple(signed):
            yield f"{name} was altered: its columns are not what its text says."
        if signed[5] != seq + 1 or event.get("prev_hash") != previous:
            yield f"{name} does not follow event number {seq} of its chain; one is missing or was put in."
        if person_sig:
            yield from _person_signature(conn, name, event, person_sig, canon)
        seq, previous = signed[5], text_hash
    yield from _newest_signature(conn, newest)
    last, count = conn.execute("SELECT ifnull(max(n), 0), count(*) FROM event").fetchone()
    if not last == count == seen:
        yield f"{last} events were stored and {min(count, seen)} are there; the others are missing."


def _newest_signature(conn: Connection, newest: tuple[str, str, str, str] | None) -> Iterator[str]:
    if newest is None:
        return
    name, device, sig, canon = newest
    key = ledger.public_key_of(conn, device)
    if not key:
        yield f"{name}: the key of its device {device[:16]} is not in the record."
    elif not verify_text(key, canon.encode("utf-8"), sig):
        yield f"{name}: its signature is not that of its device."


def _person_signature(
    conn: Connection, name: str, event: Mapping[str, Any], person_sig: str, canon: str
) -> Iterator[str]:
    keys = ledger.person_keys_of(conn, str(event.get("actor")))
    if keys and not any(verify_text(key, canon.encode("utf-8"), person_sig) for key in keys):
        yield f"{name}: its person's signature is not theirs."


def _journal(conn: Connection) -> Iterator[str]:
    state = rows.one(conn, "sync_state", "id = 1")
    if state is None:
        yield "The state row of the record is missing."
        return
    ends: dict[int, tuple[int, str]] = {}
    for pull, gpos, status, text_hash, found in conn.execute(
        "SELECT pull, gpos, status, event_hash, journal_hash FROM journal ORDER BY pull, gpos"
    ):
        before, at = ends.get(pull, (0, ledger.FIRST))
        if gpos != before + 1 or journal_hash(at, text_hash, status == ACCEPTED) != found:
            yield f"Position {gpos} of our copy of the journal does not follow position {before}."
        ends[pull] = (gpos, found)
    if ends.get(state["pull"], (0, ledger.FIRST)) != (state["cursor"], state["cursor_hash"]):
        yield f"The cursor stands at {state['cursor']}, which is not where our copy of the journal ends."
    for (gpos,) in conn.execute(
        "SELECT gpos FROM journal j WHERE NOT EXISTS (SELECT 1 FROM event WHERE event_id = j.event_id "
        "AND hash = j.event_hash) AND NOT EXISTS (SELECT 1 FROM fork_evidence WHERE hash = j.event_hash)"
    ):
        yield f"The event at position {gpos} of the journal is not in the record."
    for text_hash, canon in conn.execute("SELECT hash, canon FROM fork_evidence"):
        if leaf_digest(canon.encode("utf-8")).hex() != text_hash:
            yield f"The quarantined event {text_hash[:16]} was altered: its text does not give its hash."


def _receipts(conn: Connection) -> Iterator[str]:
    key = conn.execute("SELECT plane_public_key FROM sync_state").fetchone()
    if not key or not key[0]:
        return
    for event_id, epoch, text_hash, status, gpos, sig in conn.execute(
        "SELECT event_id, epoch, event_hash, status, gpos, server_sig FROM receipt WHERE gpos > 0"
    ):
        if not verify_receipt(key[0], receipt_object(event_id, text_hash, status, gpos, epoch), sig):
            yield f"The receipt of event {event_id} is not signed by the plane."


_UNANSWERED = """
SELECT e.event_id, e.origin, o.n IS NOT NULL FROM event e LEFT JOIN outbox o ON o.n = e.n
WHERE (e.origin = 'own' OR o.n IS NOT NULL) AND (o.n IS NULL) = NOT (
  EXISTS (SELECT 1 FROM receipt r WHERE r.event_id = e.event_id AND r.epoch = (SELECT epoch FROM sync_state))
  OR EXISTS (SELECT 1 FROM journal j WHERE j.event_id = e.event_id AND j.event_hash = e.hash
             AND j.pull = (SELECT pull FROM sync_state)))
"""


def _outbox(conn: Connection) -> Iterator[str]:
    for event_id, _, queued in conn.execute(_UNANSWERED):
        why = "is queued although the plane has answered for it" if queued else "was neither answered for nor queued"
        yield f"The outbox is wrong: event {event_id} {why}."


def _keys(conn: Connection) -> Iterator[str]:
    for device, key in conn.execute("SELECT device, public_key FROM known_key"):
        if not is_key_of(device, key):
            yield f"The key kept for device {device[:16]} is not its key."


def _projections(conn: Connection) -> Iterator[str]:
    made_by = conn.execute("SELECT projections FROM sync_state").fetchone()
    if made_by != (projection_tables.PROJECTIONS,) or not schema.projections_fit(conn):
        return  # of another version, or not whole: rebuilt at the next start, before anybody reads them
    fresh = connect_memory()
    try:
        for sql in schema.projection_objects(conn).values():  # they fit, and this needs no sqlite-utils
            fresh.execute(sql)
        rebuild.fill(conn, fresh)
        for table in rebuild.differences(conn, fresh):
            yield f"The projection '{table}' is not what the events give; nothing signed is lost, rebuild it."
    finally:
        fresh.close()


def _blobs(conn: Connection, blobs: BlobStore, deep: bool) -> Iterator[str]:
    for sha256, size in conn.execute("SELECT sha256, size FROM blob ORDER BY sha256"):
        if fault := blobs.fault(sha256, size, deep=deep):
            yield fault


def tally(report: Report) -> str:
    """The counts in one line, nothing that is zero."""
    return ", ".join(f"{count} {table}" for table, count in Counter(report.counts).items() if count) or "empty"
