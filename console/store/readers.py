"""Query-only access to a record: rows as dictionaries, from a connection that cannot write.

Every thread that reads opens its own `Reader` and closes it. A transaction is `Rows` too and sees what it has written,
so a rule can be checked against the database before anything is committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from console.proof.envelope import SignedEvent
from console.store._sqlite import SQLITE_FAULTS, Connection, connect_reader, translate

Parameters = Sequence[Any] | Mapping[str, Any]


class Rows:
    """Rows of one record; the SQL is always a literal of ours, and what varies is a parameter."""

    def __init__(self, conn: Connection, path: Path) -> None:
        self._conn, self._path = conn, path

    def rows(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """Every row as {column: value}."""
        names, found = self._fetch(sql, parameters)
        return [dict(zip(names, row, strict=True)) for row in found]

    def row(self, sql: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        """The first row, or None."""
        return next(iter(self.rows(sql, parameters)), None)

    def tuples(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Every row as a tuple: quicker, for many rows."""
        return self._fetch(sql, parameters)[1]

    def value(self, sql: str, parameters: Parameters = (), default: Any = None) -> Any:
        """The first column of the first row, or `default` when there is no row."""
        found = self._fetch(sql, parameters)[1]
        return found[0][0] if found else default

    def event(self, event_id: str) -> SignedEvent | None:
        """The signed event of that id as it was signed, or None."""
        found = self._fetch("SELECT canon, sig, person_sig FROM event WHERE event_id = ?", (event_id,))[1]
        return SignedEvent(*found[0]) if found else None

    def events(self, incident: str, event_type: str = "") -> list[SignedEvent]:
        """The signed events of one incident in timeline order, of one type when it is given; without rejected ones."""
        found = self._fetch(
            "SELECT e.canon, e.sig, e.person_sig FROM timeline t JOIN event e ON e.n = t.n "
            "WHERE t.incident = ?1 AND (?2 = '' OR t.type = ?2) AND t.status <> 'rejected' "
            "ORDER BY t.gpos, t.hlc, t.event_id",
            (incident, event_type),
        )[1]
        return [SignedEvent(*row) for row in found]

    def _fetch(self, sql: str, parameters: Parameters) -> tuple[list[str], list[tuple[Any, ...]]]:
        try:
            cursor = self._conn.execute(sql, parameters)
            return [column[0] for column in cursor.description], cursor.fetchall()
        except SQLITE_FAULTS as error:
            raise translate(error, self._path) from error


class Reader(Rows):
    """A query-only connection of its own; use it from one thread and close it."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """A reader on the record file `path`; raises StoreMissingError when there is none."""
        return cls(connect_reader(path), path)

    @property
    def conn(self) -> Connection:
        """The connection, for the store's own modules."""
        return self._conn

    def close(self) -> None:
        """Closes the connection; calling it again does nothing."""
        self._conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()
