"""The record checked page by page while it is in use: every row, every chain, every position of the journal.

Between two pages no transaction is open, so neither the writer nor the write-ahead log waits for the check, and whoever
drives it may pause or stop. Rows are only added or replaced whole, so what is read later fits what was read before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from console.domain.errors import ConsoleError
from console.store import rows
from console.store._sqlite import SqliteError
from console.store.readers import Reader
from console.store.verify import (
    EVENT_ROW,
    JOURNAL_COLUMNS,
    Chains,
    event_row_faults,
    journal_faults,
    row_fault,
)

PAGE = 200
"""Rows a page: some milliseconds."""
SIGNATURES = 20
"""Signatures a page."""


def check_in_pages(db: Reader, page: int = PAGE) -> Iterator[tuple[str, ...]]:
    """Checks everything that is there; yields the faults of each page, mostly none.

    Raises nothing that the record can be blamed for: what cannot be read is a fault, and ends the check.
    """
    try:
        yield from _events(db, page)
        for table in rows.COLUMNS:
            if table != "event":
                yield from _rows(db, table, page)
        yield from _journal(db, page)
    except ConsoleError as error:
        yield (error.sentence,)
    except (SqliteError, ValueError, TypeError, KeyError) as error:
        yield (f"A row of the record cannot be read ({type(error).__name__}: {str(error)[:100]}).",)


def _events(db: Reader, page: int) -> Iterator[tuple[str, ...]]:
    chains, n = Chains(db.conn), 0
    sql = f"SELECT {EVENT_ROW} FROM event WHERE n > ? ORDER BY n LIMIT ?"  # noqa: S608 - literals only
    while found := db.tuples(sql, (n, page)):
        yield tuple(_of_page(chains, n, found))
        n = found[-1][0]
        if len(found) < page:
            break  # what is written while this goes on must not keep it going
    signatures = chains.newest_signatures()
    while some := list(islice(signatures, SIGNATURES)):
        yield tuple(filter(None, some))


def _of_page(chains: Chains, n: int, found: Sequence[Sequence[Any]]) -> Iterator[str]:
    for row in found:
        if row[0] != n + 1:
            yield f"Event number {n + 1} of this record is missing."
        n = row[0]
        yield from event_row_faults(chains, row)


def _rows(db: Reader, table: str, page: int) -> Iterator[tuple[str, ...]]:
    covered = ", ".join(rows.COLUMNS[table][: rows.CHECKED[table]])
    sql = f"SELECT rowid, {covered}, row_check FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608
    place = 0
    while found := db.tuples(sql, (place, page)):
        yield tuple(row_fault(table, row[1:-1]) for row in found if rows.row_check(table, row[1:-1]) != row[-1])
        place = found[-1][0]
        if len(found) < page:
            break


def _journal(db: Reader, page: int) -> Iterator[tuple[str, ...]]:
    sql = f"SELECT {JOURNAL_COLUMNS} FROM journal WHERE (pull, gpos) > (?, ?) ORDER BY pull, gpos LIMIT ?"  # noqa: S608
    ends: dict[int, tuple[int, str]] = {}
    at = (0, 0)
    while found := db.tuples(sql, (*at, page)):
        yield tuple(fault for row in found for fault in journal_faults(ends, row))
        at = found[-1][:2]
        if len(found) < page:
            break
