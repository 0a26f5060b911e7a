"""Whether a record is still what was signed and stored: structure, schema, every row, every chain, every projection.

SQLite's own check misses most flipped bits, so every stored column is held against a check value or a signed text.
Faults are collected, not raised: one damaged row must not hide the next. Needs no key and changes nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from console.domain.errors import ConsoleError
from console.proof.journal import journal_hash, receipt_object, verify_receipt
from console.proof.keys import leaf_digest, verify_text
from console.store import ledger, projection_tables, rebuild, rows, schema
from console.store._sqlite import Connection, SqliteError, connect_memory, connect_reader, translate
from console.store.blobs import BlobStore
from console.store.projections import ACCEPTED, is_key_of
from console.store.transaction import Transaction

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
                yield row_fault(table, values)


def row_fault(table: str, values: Sequence[Any]) -> str:
    """The sentence for a row of `table` (its checked columns are `values`) that is not what was stored."""
    event_id = f", event {str(values[1])[:40]}" if table == "event" else ""
    return f"A row of '{table}' was altered: {rows.COLUMNS[table][0]} {str(values[0])[:80]}{event_id}."


_SIGNED = ("event_id", "type", "incident", "device", "incarnation", "seq", "hlc")
_SIGNED_OF, _LOADS = itemgetter(*_SIGNED), json.JSONDecoder().decode
_TEXTS = ("hash", "sig", "person_sig", "canon")
EVENT_COLUMNS = ", ".join((*_SIGNED, *_TEXTS))
"""What `Chains.faults` wants of an event, in this order."""
EVENT_ROW = f"{', '.join(rows.COLUMNS['event'])}, row_check"
"""What `event_row_faults` wants of an event, in this order."""
_OF_ROW = itemgetter(*(rows.COLUMNS["event"].index(name) for name in (*_SIGNED, *_TEXTS)))


def _name(event_id: str, seq: int) -> str:
    return f"Event {event_id[:40]} (number {seq} of its chain)"


class Chains:
    """Follows every chain of events, which come in the order of their chains or in the order they were stored."""

    def __init__(self, conn: Connection) -> None:
        self._conn, self.seen = conn, 0
        self._ends: dict[tuple[str, str, int], tuple[int, str, str, str, str]] = {}
        """The last event of each chain: seq, hash, event id, signature, text."""

    def faults(self, row: Sequence[Any]) -> Iterator[str]:
        """What is wrong with the next event: its link, what its columns repeat of its text, its person's signature."""
        event_id, kind, incident, device, incarnation, seq, hlc, text_hash, sig, person_sig, canon = row
        self.seen += 1
        chain = (device, incident, incarnation)
        before, previous, *_ = self._ends.get(chain) or (0, ledger.FIRST)
        self._ends[chain] = (seq, text_hash, event_id, sig, canon)
        if leaf_digest(canon.encode("utf-8")).hex() != text_hash:
            yield f"{_name(event_id, seq)} was altered: its text does not give its hash."
            return
        event = _LOADS(canon)
        if _SIGNED_OF(event) != (event_id, kind, incident, device, incarnation, seq, hlc):
            yield f"{_name(event_id, seq)} was altered: its columns are not what its text says."
        if seq != before + 1 or event["prev_hash"] != previous:
            yield (
                f"{_name(event_id, seq)} does not follow event number {before} of its chain; one is missing or was put "
                "in."
            )
        if person_sig:
            yield from _person_signature(self._conn, _name(event_id, seq), event, person_sig, canon)

    def newest_signatures(self) -> Iterator[str]:
        """Verifies the signature at the end of every chain, which authenticates all before it; "" for a good one."""
        for (device, _, _), (seq, _, event_id, sig, canon) in self._ends.items():
            name = _name(event_id, seq)
            key = ledger.public_key_of(self._conn, device)
            if not key:
                yield f"{name}: the key of its device {device[:16]} is not in the record."
            elif not verify_text(key, canon.encode("utf-8"), sig):
                yield f"{name}: its signature is not that of its device."
            else:
                yield ""


def event_row_faults(chains: Chains, row: Sequence[Any]) -> Iterator[str]:
    """What is wrong with a whole row of `event` (EVENT_ROW): its check value, and all that `chains` looks at."""
    if rows.row_check("event", row[:-1]) != row[-1]:
        yield row_fault("event", row[:-1])
    yield from chains.faults(_OF_ROW(row))


def incident_faults(db: Transaction, incident: str) -> tuple[str, ...]:
    """What is wrong with the events of one incident: every row, every chain. To be asked before it is sealed.

    It looks at every event of that incident, about twenty microseconds each.
    """
    chains, faults = Chains(db.conn), list[str]()
    try:
        for row in db.tuples(f"SELECT {EVENT_ROW} FROM event WHERE incident = ? ORDER BY n", (incident,)):  # noqa: S608
            faults.extend(event_row_faults(chains, row))
        faults.extend(filter(None, chains.newest_signatures()))
    except (ValueError, TypeError, KeyError) as error:  # so damaged that it cannot even be read
        faults.append(f"An event of this incident cannot be read ({type(error).__name__}).")
    return tuple(faults)


def _events(conn: Connection) -> Iterator[str]:
    """Every link, every column that repeats the signed text, the newest signature of each chain, every person's."""
    chains = Chains(conn)
    for row in conn.execute(f"SELECT {EVENT_COLUMNS} FROM event ORDER BY device, incident, incarnation, seq"):  # noqa: S608
        yield from chains.faults(row)
    yield from filter(None, chains.newest_signatures())
    last, count = conn.execute("SELECT ifnull(max(n), 0), count(*) FROM event").fetchone()
    if not last == count == chains.seen:
        yield f"{last} events were stored and {min(count, chains.seen)} are there; the others are missing."


def _person_signature(
    conn: Connection, name: str, event: Mapping[str, Any], person_sig: str, canon: str
) -> Iterator[str]:
    keys = ledger.person_keys_of(conn, str(event.get("actor")))
    if keys and not any(verify_text(key, canon.encode("utf-8"), person_sig) for key in keys):
        yield f"{name}: its person's signature is not theirs."


JOURNAL_COLUMNS = "pull, gpos, status, event_hash, journal_hash"


def journal_faults(ends: dict[int, tuple[int, str]], row: Sequence[Any]) -> Iterator[str]:
    """Whether the next position (JOURNAL_COLUMNS) follows the one before, kept in `ends` by pull."""
    pull, gpos, status, text_hash, found = row
    before, at = ends.get(pull, (0, ledger.FIRST))
    if gpos != before + 1 or journal_hash(at, text_hash, status == ACCEPTED) != found:
        yield f"Position {gpos} of our copy of the journal does not follow position {before}."
    ends[pull] = (gpos, found)


def _journal(conn: Connection) -> Iterator[str]:
    state = rows.one(conn, "sync_state", "id = 1")
    if state is None:
        yield "The state row of the record is missing."
        return
    ends: dict[int, tuple[int, str]] = {}
    for row in conn.execute(f"SELECT {JOURNAL_COLUMNS} FROM journal ORDER BY pull, gpos"):  # noqa: S608 - literals only
        yield from journal_faults(ends, row)
    if ends.get(state["pull"], (0, ledger.FIRST)) != (state["cursor"], state["cursor_hash"]):
        yield f"The cursor stands at {state['cursor']}, which is not where our copy of the journal ends."
    for (gpos,) in conn.execute(
        "SELECT gpos FROM journal j WHERE NOT EXISTS (SELECT 1 FROM event WHERE event_id = j.event_id "
        "AND hash = j.event_hash) AND NOT EXISTS (SELECT 1 FROM fork_evidence WHERE hash = j.event_hash) "
        "AND NOT EXISTS (SELECT 1 FROM withheld w WHERE w.pull = j.pull AND w.gpos = j.gpos "
        "AND w.event_hash = j.event_hash)"
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
  EXISTS (SELECT 1 FROM receipt r WHERE r.event_id = e.event_id AND r.pull = (SELECT pull FROM sync_state))
  OR EXISTS (SELECT 1 FROM journal j WHERE j.event_id = e.event_id AND j.event_hash = e.hash
             AND j.pull = (SELECT pull FROM sync_state))
  OR EXISTS (SELECT 1 FROM withheld w WHERE w.event_id = e.event_id AND w.event_hash = e.hash
             AND w.pull = (SELECT pull FROM sync_state)))
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
