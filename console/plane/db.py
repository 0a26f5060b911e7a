"""The plane's database: one writer thread, one reader thread, short transactions, a commit that is on the disk.

The only module of the plane that imports SQLite. `Database.write` is the only way to change anything; what must follow
a commit (a published snapshot) is handed to `Transaction.then`, so that nobody ever sees what was rolled back.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from console.domain.errors import EnvironmentFault, InputError
from console.plane.bell import Bell
from console.plane.tables import PLANE

try:
    from pysqlite3 import dbapi2 as sqlite
except ImportError:  # pragma: no cover - elsewhere than on Linux Python's own SQLite is new enough
    import sqlite3 as sqlite

T = TypeVar("T")

SCHEMA = "0003"
"""The newest step in `migrations/versions`."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
    "PRAGMA busy_timeout=5000",
)


def database_url(given: str) -> URL:
    """The address of a database; a plain path means a SQLite file. Raises InputError for anything unreadable."""
    try:
        url = (
            make_url(given)
            if "://" in given
            else URL.create("sqlite", database=str(Path(given).expanduser().absolute()))
        )
    except ArgumentError as error:
        raise InputError(
            f"'{given[:80]}' is not the address of a database; give a path or a URL like sqlite:////path."
        ) from error
    if url.get_backend_name() == "sqlite" and (not url.database or url.database == ":memory:"):
        raise InputError("The plane keeps its record in a file; name one instead of a database in memory.")
    return url


def database_file(url: URL) -> Path | None:
    """The SQLite file of `url`, None for a server."""
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


class Transaction:
    """One transaction on the writer thread.

    Attributes:
        connection: to work with.
        held: what was read under this transaction's locks, by name, so that it is read once.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.held: dict[str, Any] = {}
        self._before: list[Callable[[], None]] = []
        self._after: list[Callable[[], None]] = []

    def at_the_end(self, step: Callable[[], None]) -> None:
        """Run `step` as the last thing within this transaction."""
        self._before.append(step)

    def then(self, step: Callable[[], None]) -> None:
        """Run `step` on the writer thread once this transaction is on the disk, before any other begins."""
        self._after.append(step)

    def _finish(self) -> None:
        for step in self._before:
            step()

    def _committed(self) -> None:
        for step in self._after:
            step()


class Database:
    """An open database; `changed` rings on the event loop after every commit. Close it with `close`."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.changed = Bell()
        self.address = ""
        self._lock = _locked(url)
        try:
            self._engine = _engine(url)
        except BaseException:
            self._unlock()
            raise
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="plane-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="plane-reader")

    @classmethod
    def opened(cls, url: URL) -> Self:
        """Open the database of a founded plane, bringing its schema up to date.

        Raises InputError when there is no plane in it or when it comes from a newer version, EnvironmentFault when it
        cannot be opened or another plane runs on it.
        """
        file = database_file(url)
        if file is not None and not file.exists():
            raise InputError(f"There is no plane in {file}; make one with `incident-console plane init`.")
        database = cls(url)
        try:
            database._bring_up_to_date()
            with database._engine.connect(), database._engine.connect():
                pass  # both threads find their connection open: the first command is as fast as the next
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def created(cls, url: URL) -> Self:
        """Make the schema in an empty database. Raises InputError when a plane is in it already."""
        database = cls(url)
        try:
            if database._schema():
                raise InputError(f"{_named(url)} holds a plane already; a plane is born once. Name another database.")
            database._migrate()
        except BaseException:
            database.close()
            raise
        return database

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction on the writer thread; its result, once it is committed.

        Raises whatever `work` raises (nothing is kept then), and EnvironmentFault when the database refuses.
        """
        result = await asyncio.get_running_loop().run_in_executor(self._writer, self.write_now, work)
        self.changed.ring()
        return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a reader of its own thread, which cannot write. Raises EnvironmentFault."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._read_now, work)

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        """`write` for a caller without an event loop (founding); nobody is woken up."""
        try:
            with self._engine.begin() as connection:
                transaction = Transaction(connection)
                result = work(transaction)
                transaction._finish()
        except SQLAlchemyError as error:
            raise _fault(error, self.url) from error
        transaction._committed()
        return result

    def announce(self, address: str) -> None:
        """Write into the lock file where the plane that holds it is reached; gone with the next holder."""
        self.address = address
        if self._lock is not None:
            os.pwrite(self._lock, address.encode(), 0)

    def close(self) -> None:
        """Finish what is under way and let go of the file."""
        self._writer.shutdown()
        self._reader.shutdown()
        self._engine.dispose()
        self._unlock()

    def _read_now(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.connect().execution_options(plane_reads=True) as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise _fault(error, self.url) from error

    def _schema(self) -> str:
        """The step this database stands at, "" when it is empty."""
        try:
            with self._engine.connect() as connection:
                if not inspect(connection).has_table("alembic_version"):
                    return ""
                return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")
        except SQLAlchemyError as error:
            raise _fault(error, self.url) from error

    def _bring_up_to_date(self) -> None:
        schema = self._schema()
        if not schema:
            raise InputError(f"There is no plane in {_named(self.url)}; make one with `incident-console plane init`.")
        if schema > SCHEMA:
            raise InputError(
                f"{_named(self.url)} was written by a newer version (schema {schema}, this one knows {SCHEMA}); "
                "run that version, this one would lose what it does not know."
            )
        if schema < SCHEMA:
            self._migrate()
        with self._engine.connect() as connection:
            if connection.execute(select(PLANE.c.id)).first() is None:
                raise InputError(
                    f"{_named(self.url)} is empty of a plane; remove it and run `incident-console plane init`."
                )

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        try:
            with self._engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except SQLAlchemyError as error:
            raise _fault(error, self.url) from error

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url, pool_size=2, pool_pre_ping=True)
        engine = create_engine(url, module=sqlite, pool_size=2)
    except (ImportError, NoSuchModuleError, ArgumentError) as error:
        raise InputError(f"{_named(url)} needs a database driver that is not installed here ({error}).") from error

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN is deferred: a second writer would fail at once
        for pragma in _PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("plane_reads")
        connection.exec_driver_sql("PRAGMA query_only=ON" if reads else "PRAGMA query_only=OFF")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _locked(url: URL) -> int | None:
    """A lock that ends with the process, whatever ends it; None for a server, which has its own."""
    file = database_file(url)
    if file is None:
        return None
    try:
        handle = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise EnvironmentFault(
            f"The folder of {file} cannot be written: {error.strerror}; make it writable or name another."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise EnvironmentFault(f"Another plane runs on {file}; stop that one first.") from error
    os.ftruncate(handle, 0)
    return handle


@contextlib.contextmanager
def kept_locked(url: URL) -> Iterator[None]:
    """Keep every plane off the database meanwhile; raises EnvironmentFault when one runs on it."""
    handle = _locked(url)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def holder(url: URL) -> str | None:
    """The address that a plane running on this database announced ("": none yet), None when nobody holds it."""
    file = database_file(url)
    if file is None:
        return None
    try:
        handle = os.open(f"{file}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.pread(handle, 200, 0).decode("ascii", "replace")
    else:
        return None
    finally:
        os.close(handle)


def copy_into(url: URL, target: Path) -> None:
    """Write a whole, settled copy of a SQLite database to `target`, which must not exist, while others go on with it.

    Raises EnvironmentFault when it cannot be read or written.
    """
    engine = _engine(url)
    try:
        with contextlib.closing(engine.raw_connection()) as connection:
            connection.cursor().execute("VACUUM INTO ?", (str(target),))
    except (SQLAlchemyError, sqlite.Error) as error:
        raise EnvironmentFault(f"{_named(url)} cannot be copied to {target}: {error}.") from error
    finally:
        engine.dispose()


def _named(url: URL) -> str:
    return str(database_file(url) or url.render_as_string(hide_password=True))


def _fault(error: SQLAlchemyError, url: URL) -> EnvironmentFault:
    cause = str(getattr(error, "orig", None) or error).splitlines()[0][:200]
    return EnvironmentFault(
        f"The plane's database {_named(url)} refuses ({cause}); nothing of this was recorded. "
        "Check disk and permissions, then try again."
    )
