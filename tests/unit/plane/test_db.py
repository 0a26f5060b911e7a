"""The plane's database: made once, opened by one plane at a time, never downgraded, durable by setting."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from console.domain.errors import EnvironmentFault, InputError
from console.plane.db import Database, Transaction, database_url
from console.plane.tables import HEAD, METADATA, NONCE, PLANE


def made(folder: Path) -> Database:
    database = Database.created(database_url(str(folder / "plane.db")))
    database.write_now(lambda tx: tx.connection.execute(insert(PLANE).values(id=1)))
    return database


def test_the_schema_on_disk_is_the_one_the_program_knows(tmp_path: Path) -> None:
    database = made(tmp_path)

    def differences(tx: Transaction) -> object:
        return compare_metadata(MigrationContext.configure(tx.connection), METADATA)

    assert database.write_now(differences) == []
    database.close()


def test_commits_are_on_the_disk_before_they_are_answered(tmp_path: Path) -> None:
    database = made(tmp_path)
    pragmas = database.write_now(
        lambda tx: [tx.connection.exec_driver_sql(f"PRAGMA {n}").scalar() for n in ("journal_mode", "synchronous")]
    )
    assert pragmas == ["wal", 2]
    database.close()


def test_one_plane_at_a_time(tmp_path: Path) -> None:
    database = made(tmp_path)
    with pytest.raises(EnvironmentFault, match="Another plane runs"):
        Database.opened(database.url)
    database.close()
    Database.opened(database.url).close()


def test_a_plane_is_born_once(tmp_path: Path) -> None:
    made(tmp_path).close()
    with pytest.raises(InputError, match="holds a plane already"):
        Database.created(database_url(str(tmp_path / "plane.db")))


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    database = made(tmp_path)
    database.write_now(lambda tx: tx.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(InputError, match="newer version"):
        Database.opened(database.url)


def test_what_is_no_plane_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no plane in"):
        Database.opened(database_url(str(tmp_path / "nothing.db")))
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"this is no database, but it is long enough to look like a file " * 20)
    with pytest.raises(EnvironmentFault, match="refuses"):
        Database.opened(database_url(str(garbage)))


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:", "://"])
def test_a_record_needs_a_file(address: str) -> None:
    with pytest.raises(InputError):
        database_url(address)


def test_a_server_without_its_driver_is_one_sentence() -> None:
    with pytest.raises(InputError, match="needs a database driver"):
        Database.opened(database_url("postgresql+nodriver://plane:secret@db.example.org/plane"))


def test_a_database_server_gets_the_same_tables_and_locks_the_head() -> None:
    server = postgresql.dialect()
    for table in METADATA.sorted_tables:
        assert "STRICT" not in str(CreateTable(table).compile(dialect=server))
    locked = select(HEAD).with_for_update()
    assert "FOR UPDATE" in str(locked.compile(dialect=server))


def test_readers_cannot_write_and_waiters_are_woken(tmp_path: Path) -> None:
    database = made(tmp_path)

    async def use() -> bool:
        waiting = asyncio.create_task(database.changed.wait(5))
        await asyncio.sleep(0)
        await database.write(lambda tx: tx.connection.execute(insert(NONCE).values(nonce="n", expires="")))
        with pytest.raises(EnvironmentFault, match="readonly"):
            await database.read(lambda connection: connection.execute(insert(NONCE).values(nonce="m", expires="")))
        return await waiting

    assert asyncio.run(use())
    database.close()


def test_nothing_follows_what_was_not_committed(tmp_path: Path) -> None:
    database, followed = made(tmp_path), list[str]()

    def fails(tx: Transaction) -> None:
        tx.then(lambda: followed.append("published"))
        tx.connection.execute(insert(NONCE).values(nonce="n", expires=""))
        tx.connection.execute(insert(NONCE).values(nonce="n", expires=""))

    with pytest.raises(EnvironmentFault, match="nothing of this was recorded"):
        database.write_now(fails)
    assert followed == []
    database.close()
