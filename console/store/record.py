"""The writer's handle on a record: one transaction at a time, every event chained, signed, shown and queued in it.

Device key, clock, randomness, policy hash and world are handed in. One thread writes at a time: a second one waits,
and a transaction inside a transaction is a bug. Nothing is acknowledged to a person before the `with` block is left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from console.domain.errors import RefusedError
from console.domain.times import format_utc
from console.proof.ids import hlc_merge
from console.proof.keys import SigningKey
from console.store import ledger, rows
from console.store._sqlite import Connection, Immediate
from console.store.ballast import Ballast
from console.store.faults import DiskFullFault
from console.store.transaction import Transaction, Writer, WriterState

__all__ = ["Record", "Transaction", "Writer"]

T = TypeVar("T")


class Record:
    """Open it with `Store.record`; it lives as long as its store.

    `policy_hash` may be changed when the policy was read again; what was appended before keeps the old one.
    """

    def __init__(self, conn: Connection, path: Path, writer: Writer, ballast: Ballast | None = None) -> None:
        """Takes up the chains of the device; raises RefusedError when the store belongs to the other world."""
        self._conn, self._path, self._writer = conn, path, writer
        self.policy_hash = writer.policy_hash
        self._busy = threading.Lock()
        self._holder = 0
        self._ballast, self._commits = ballast, 0
        self._immediate = Immediate(conn, path)
        with self._immediate:
            self._state = self._take_up()

    @property
    def device_key(self) -> SigningKey:
        """The key that signs every event of this desk."""
        return self._writer.device_key

    @property
    def exercise(self) -> bool:
        """Whether this is a drill's record."""
        return self._writer.exercise

    @property
    def incarnation(self) -> int:
        """The incarnation of this desk's chains, from 1; it rises when a backup was restored."""
        return self._state.incarnation

    def transaction(self, now: datetime | None = None) -> _Turn:
        """`with record.transaction() as tx:` - committed when the block ends, undone as a whole by any exception.

        `now` stands in for the clock throughout. Raises DiskFullFault, StoreBusyFault and their kin as sentences.
        """
        return _Turn(self, now or self._writer.clock())

    def with_ballast(self, work: Callable[[Record], T], tell: Callable[[str], None]) -> T:
        """`work(self)`; on a full disk gives the ballast up, tells so in one sentence, and does the work once more.

        Work that had committed something before the disk was full is not done again, because that would write it twice:
        its DiskFullFault is raised, and what follows has the room. With room again the ballast is made anew.
        """
        before = self._commits
        try:
            result = work(self)
        except DiskFullFault:
            if self._ballast is None or not self._ballast.drop():
                raise
            tell(self._ballast.sentence)
            if self._commits != before:
                raise
            return work(self)
        if self._ballast is not None:
            self._ballast.keep()
        return result

    def _take_up(self) -> WriterState:
        conn, key = self._conn, self.device_key
        known = rows.one(conn, "known_key", "device = ?", (key.id,))
        if known is None:
            known = {"device": key.id, "public_key": key.public_hex, "incarnation": 1}
        if known.get("origin") != "own":
            known |= {"origin": "own", "since": format_utc(self._writer.clock())}
            rows.replace(conn, "known_key", known)
        sync = rows.one(conn, "sync_state", "id = 1")
        assert sync is not None  # made together with the tables
        world = int(self._writer.exercise)
        if sync["exercise"] < 0:
            rows.replace(conn, "sync_state", sync | {"exercise": world})
        elif sync["exercise"] != world:
            of, wanted = ("an exercise", "production") if sync["exercise"] else ("production", "an exercise")
            raise RefusedError(
                f"The store {self._path.parent} belongs to {of} and cannot be used for {wanted}; name another folder."
            )
        own = "SELECT ifnull(max(hlc), '') FROM event WHERE n > ? AND origin = 'own'"
        newest = conn.execute(own, (sync["hlc_n"],)).fetchone()[0]
        last_n = ledger.next_number(conn) - 1
        return WriterState(int(known["incarnation"]), hlc_merge(sync["hlc"], newest), int(sync["cursor"]), last_n)


class _Turn:
    """One turn at writing; entered once."""

    __slots__ = ("_now", "_record", "_tx")

    def __init__(self, record: Record, now: datetime) -> None:
        self._record, self._now = record, now

    def __enter__(self) -> Transaction:
        record, thread = self._record, threading.get_ident()
        if record._holder == thread:
            raise RuntimeError("a transaction inside a transaction: pass `tx` on instead of opening another one")
        record._busy.acquire()
        try:
            record._immediate.__enter__()
        except BaseException:
            record._busy.release()
            raise
        record._holder = thread
        self._tx = Transaction(record._conn, record._path, record._writer, record.policy_hash, record._state, self._now)
        return self._tx

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        record = self._record
        try:
            self._tx.leave()
            record._immediate.__exit__(kind, error, trace)
            if error is None:
                record._state = self._tx.remembered()
                record._commits += 1
        finally:
            record._holder = 0
            record._busy.release()
