"""Dated copies of the record beside it, made by the desk itself: before a migration and at quit.

A copy is the record alone: blobs are write-once and lie in the store's folder already. `store restore` takes one. Only
the process that holds the store's lock makes or drops copies; one appears under its name when it is whole and synced.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from console.domain.errors import ConsoleError
from console.store import rows
from console.store._sqlite import SQLITE_FAULTS, Connection, SqliteError, connect_reader, translate, vacuum_into
from console.store.files import publish_file, scratch_folder

FOLDER = "backups"
AT_QUIT_S = 10.0
"""Longer than this nobody waits for a window to close; the copy is given up then and made next time."""
NEWEST, DAYS = 3, 7
"""How many are kept: the newest ones, and the newest of each of so many days."""
FAILED = "failed"
_NAME = re.compile(r"record-(\d{8}T\d{6})Z-(schema\d+-)?([0-9a-f]{16})\.sqlite")
_CHANGED_IN_PLACE = ("sync_state", "alarm", "command", "draft", "known_key", "blob")


def kept(folder: Path) -> list[Path]:
    """The copies of the store `folder`, newest first."""
    try:
        found = [path for path in (folder / FOLDER).iterdir() if _NAME.fullmatch(path.name)]
    except OSError:  # not there, or not a folder: whoever makes the next copy finds out
        return []
    return sorted(found, key=lambda path: path.name, reverse=True)


def keep_copy(folder: Path, record: Path, now: datetime, *, within_s: float = 0.0, schema: int = 0) -> Path | None:
    """Copies `record`, the record file of `folder`, unless nothing changed since the newest copy; returns the copy.

    `now` is aware UTC; `within_s` 0 waits as long as it takes; `schema` names the version that a migration is about to
    leave. Raises DiskFullFault and its kin, BackupTooSlow; the record itself is never touched.
    """
    mark = _mark(record)
    newest = next(iter(kept(folder)), None)
    if newest is not None and _mark_of(newest) == mark and not schema:
        return None
    place = folder / FOLDER
    name = f"record-{now:%Y%m%dT%H%M%S}Z-{f'schema{schema}-' if schema else ''}{mark}.sqlite"
    if (place / name).exists():
        return None  # twice within a second, and nothing happened between
    if place.is_dir():
        _sweep(place)
    with scratch_folder(place / name, "no backup was made") as scratch:
        place.chmod(0o700)
        copy = scratch / name
        vacuum_into(record, copy, within_s)
        copy.chmod(0o600)
        publish_file(copy, place / name)
    for old in _superfluous(kept(folder)):
        old.unlink(missing_ok=True)
    (place / FAILED).unlink(missing_ok=True)
    return place / name


def remember_failure(folder: Path, sentence: str) -> None:
    """Keeps the reason why no copy was made, for the next start: at quit nobody reads it any more."""
    with contextlib.suppress(OSError):
        (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
        (folder / FOLDER / FAILED).write_text(sentence, "utf-8")


def last_failure(folder: Path) -> str:
    """Why the last copy was not made, "" when it was; asked once it is forgotten."""
    try:
        path = folder / FOLDER / FAILED
        sentence = path.read_text("utf-8")[:400]
        path.unlink()
    except OSError:
        return ""
    return sentence


def _superfluous(copies: Iterable[Path]) -> list[Path]:
    """Those of `copies`, newest first, that no rule keeps; what a migration left is kept as any other."""
    days: list[str] = []
    drop = []
    for place, path in enumerate(copies):
        found = _NAME.fullmatch(path.name)
        assert found is not None  # listed by that name
        day = found[1][:8]
        first_of_day = day not in days
        if first_of_day:
            days.append(day)
        if place >= NEWEST and not (first_of_day and len(days) <= DAYS):
            drop.append(path)
    return drop


def _sweep(place: Path) -> None:
    """Removes what a copy that was killed has left."""
    for path in place.glob(".record-*"):
        shutil.rmtree(path, ignore_errors=True)


def _mark_of(path: Path) -> str:
    found = _NAME.fullmatch(path.name)
    return found[3] if found else ""


def _mark(record: Path) -> str:
    """Sixteen hex digits that change with whatever is written, and cost no reading of events."""
    conn = connect_reader(record)
    try:
        digest = hashlib.sha256(str(conn.execute("PRAGMA user_version").fetchone()[0]).encode("ascii"))
        for table in rows.COLUMNS:
            with contextlib.suppress(SqliteError):  # an older schema may not have it
                digest.update(_state(conn, table))
    except SQLITE_FAULTS as error:
        raise translate(error, record) from error
    finally:
        conn.close()
    return digest.hexdigest()[:16]


def _state(conn: Connection, table: str) -> bytes:
    """Of what is only added to, the last row; of what changes in place, every row's check value."""
    if table not in _CHANGED_IN_PLACE:
        return f"{table} {conn.execute(f'SELECT max(rowid) FROM {table}').fetchone()[0]}\n".encode("ascii")  # noqa: S608
    checks = conn.execute(f"SELECT row_check FROM {table} ORDER BY row_check")  # noqa: S608 - literals only
    return table.encode("ascii") + b"".join(bytes(check) for (check,) in checks)


def try_to_keep(folder: Path, record: Path, now: datetime) -> tuple[Path | None, str]:
    """As `keep_copy` at quit, but never raises what has a sentence: the copy or None, and what went wrong or ""."""
    try:
        return keep_copy(folder, record, now, within_s=AT_QUIT_S), ""
    except ConsoleError as error:
        sentence = f"No backup of the store was made at the last quit: {error.sentence}"
        remember_failure(folder, sentence)
        return None, sentence
