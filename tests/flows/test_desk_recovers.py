"""The shipped desk and the shipped plane after a backup was put back, on either side: nothing is lost, all is told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from console.runtime.desk import Desk, DeskSettings
from console.store.readers import Reader
from console.store.verify import verify_store
from tests.fakes.desks import note
from tests.fakes.planes import DESK, POLICY, World
from tests.waiting import wait_until


def desk(folder: Path, url: str = "") -> Desk:
    return Desk(DeskSettings(folder=folder, device_key=DESK, exercise=True, plane_url=url, policy_hash=POLICY.hash))


def settled(reader: Reader) -> bool:
    """Nothing waits, and every event held here stands in the journal that is followed now."""
    held = reader.value("SELECT count(*) FROM event")
    placed = reader.value(
        "SELECT count(*) FROM event e JOIN journal j ON j.event_id = e.event_id AND j.event_hash = e.hash "
        "WHERE j.pull = (SELECT pull FROM sync_state)"
    )
    return bool(held == placed and reader.value("SELECT count(*) FROM outbox") == 0)


def alarms(reader: Reader) -> list[str]:
    return [kind for (kind,) in reader.tuples("SELECT kind FROM alarm ORDER BY raised_at")]


def write(opened: Desk, count: int, text: str) -> None:
    for n in range(count):
        opened.act(note, f"{text} {n}").result(5)
    wait_until(lambda: opened.query(settled), timeout_s=20, what=f"'{text}' to arrive")


@pytest.mark.parametrize("guarded", [True, False], ids=["with its guard", "without"])
def test_a_plane_put_back_gets_everything_again(
    tmp_path: Path, guarded: bool, expected_log: Callable[[str], None]
) -> None:
    if guarded:
        expected_log("epoch")
    world = World(tmp_path)
    with world.running() as (plane, _), desk(tmp_path / "store", plane.url) as opened:
        write(opened, 5, "in the backup")
    backup = (tmp_path / "plane.db").read_bytes()
    with world.running(certify=False) as (plane, _), desk(tmp_path / "store", plane.url) as opened:
        write(opened, 5, "not in the backup")
    for old in (*tmp_path.glob("plane.db*"), *(() if guarded else tmp_path.glob("plane-guard*"))):
        old.unlink()
    (tmp_path / "plane.db").write_bytes(backup)
    with world.running(certify=False) as (plane, client), desk(tmp_path / "store", plane.url) as opened:
        opened.act(note, "written into the doubt").result(5)
        wait_until(lambda: opened.query(alarms), what="the alarm")
        wait_until(lambda: opened.query(settled), timeout_s=30, what="everything to be at the plane again")
        told = opened.query(alarms)
        assert told == (["epoch"] if guarded else told[:1]), told
        assert len(client.bodies("note.added")) == 11
        write(opened, 2, "afterwards")
        assert opened.connection.state == "online"
        assert len(opened.query(alarms)) == 1
        assert opened.query(lambda db: db.value("SELECT count(*) FROM checkpoint")) > 0
    assert verify_store(tmp_path / "store" / "record.sqlite").faults == ()


def test_a_desk_put_back_goes_on_with_new_chains(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.running() as (plane, client):
        with desk(tmp_path / "store", plane.url) as opened:
            write(opened, 3, "in the copy")
        shutil.copytree(tmp_path / "store", tmp_path / "copy")
        with desk(tmp_path / "store", plane.url) as opened:
            write(opened, 3, "not in the copy")
        with desk(tmp_path / "copy") as alone:
            alone.act(note, "a fork").result(5)
        with desk(tmp_path / "copy", plane.url) as restored:
            wait_until(lambda: restored.query(alarms), what="the alarm")
            wait_until(lambda: restored.query(lambda db: db.value("SELECT count(*) FROM outbox")) == 0)
            assert set(restored.query(alarms)) == {"fork"}
            restored.act(note, "afterwards").result(5)
            wait_until(lambda: len(client.bodies("note.added")) == 7, what="the note of the new chain")
            assert len(client.bodies("chain.restarted")) == 1
            texts = restored.query(lambda db: db.value("SELECT count(*) FROM fork_evidence"))
            assert texts >= 1, "the other end of the fork is kept beside ours"
    assert verify_store(tmp_path / "copy" / "record.sqlite").faults == ()
