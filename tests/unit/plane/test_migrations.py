"""A database of every earlier step opens, and holds what it held."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, select, text

from console.plane import db, desired
from console.plane.db import Database, Transaction, database_url
from console.plane.desired import Desired, Enforced
from console.plane.tables import METADATA, PLANE

STEPS = Path(db.__file__).parent / "migrations"


def made_by(step: str, file: Path) -> None:
    """A plane's database as that step left it, with one stop in it that was asserted again."""
    config = Config()
    config.set_main_option("script_location", str(STEPS))
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, step)
        names = [column.name for column in PLANE.columns]
        values = ", ".join("1" if name in ("id", "exercise", "incarnation") else "'x'" for name in names)
        connection.execute(text(f"INSERT INTO plane ({', '.join(names)}) VALUES ({values})"))
        connection.execute(
            text(
                "INSERT INTO desired"
                " (switch, target, want, generation, command_id, enforced_by, incident, set_at, drift)"
                " VALUES ('FF_X', 'tenant.x', 'stopped', 4, 'c-1', 'again', 'i', 't', 'running/3')"
            )
        )
    engine.dispose()


def test_a_database_of_the_first_step_opens(tmp_path: Path) -> None:
    made_by("0001", tmp_path / "plane.db")
    database = Database.opened(database_url(str(tmp_path / "plane.db")))

    def look(tx: Transaction) -> tuple[object, list[Desired], Enforced, object]:
        rows = desired.all_desired(tx.connection)
        differences = compare_metadata(MigrationContext.configure(tx.connection), METADATA)
        mark = desired.enforced(tx.connection, "simulator", rows[0])
        return differences, rows, mark, tx.connection.execute(select(PLANE.c.id)).scalar()

    differences, rows, mark, plane = database.write_now(look)
    database.close()
    assert (differences, plane) == ([], 1)
    assert rows == [Desired("FF_X", "tenant.x", "stopped", 4, "c-1", "i", "t")]
    assert mark == Enforced("simulator", "FF_X", "tenant.x", 4, "again", "running/3")


def test_the_newest_step_is_the_one_the_program_names() -> None:
    newest = max(path.stem.rpartition("_")[2] for path in (STEPS / "versions").glob("*_*.py") if path.stem[0] != "_")
    assert newest == db.SCHEMA
