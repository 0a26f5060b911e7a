"""The ballast takes real room, gives it back once, and lets the work that found the disk full be done again."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from console.store.ballast import BALLAST_BYTES, LOOK_AGAIN_S, Ballast
from console.store.faults import DiskFullFault
from console.store.opening import Store
from console.store.record import Record
from tests.fakes.record_kit import new_incident, note

ONE = new_incident(1)
FULL = DiskFullFault("The disk is full.")


def test_it_takes_real_blocks_and_is_private(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path)
    assert not ballast.held
    assert ballast.make()
    assert ballast.held
    found = (tmp_path / "ballast").stat()
    assert found.st_size == BALLAST_BYTES
    assert found.st_blocks * 512 >= BALLAST_BYTES
    assert stat.S_IMODE(found.st_mode) == 0o600


def test_it_frees_its_room_once(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path)
    assert not ballast.drop()
    ballast.make()
    assert ballast.drop()
    assert not ballast.drop()
    assert list(tmp_path.iterdir()) == []


def test_without_room_there_is_none(tmp_path: Path) -> None:
    assert not Ballast(tmp_path, 2**60).make()
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_a_hole_in_it_is_no_ballast(tmp_path: Path) -> None:
    with (tmp_path / "ballast").open("wb") as file:
        file.truncate(BALLAST_BYTES)
    ballast = Ballast(tmp_path)
    assert not ballast.held
    assert ballast.make()


def test_a_folder_that_is_gone_is_no_fault(tmp_path: Path) -> None:
    assert not Ballast(tmp_path / "gone").make()
    assert not Ballast(tmp_path / "gone").drop()


def test_it_is_made_anew_when_the_disk_is_looked_at_again(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path)
    ballast.keep(now=100.0)
    assert ballast.held
    (tmp_path / "ballast").unlink()
    ballast.keep(now=100.0 + LOOK_AGAIN_S / 2)
    assert not ballast.held
    ballast.keep(now=100.0 + LOOK_AGAIN_S)
    assert ballast.held


def test_work_that_found_the_disk_full_is_done_once_more(store: Store, record: Record) -> None:
    store.ballast.make()
    told: list[str] = []
    tries: list[bool] = []

    def work(record: Record) -> str:
        tries.append(store.ballast.held)
        if store.ballast.held:
            raise FULL
        return note(record, ONE).hash

    kept = record.with_ballast(work, told.append)
    assert tries == [True, False]
    assert len(told) == 1
    assert "16 MiB" in told[0]
    with store.reader() as db:
        assert [event.hash for event in db.events(ONE)] == [kept]


def test_without_ballast_the_fault_is_raised_as_before(record: Record) -> None:
    told: list[str] = []
    tries: list[int] = []

    def work(_: Record) -> None:
        tries.append(1)
        raise FULL

    with pytest.raises(DiskFullFault):
        record.with_ballast(work, told.append)
    assert (told, tries) == ([], [1])


def test_the_disk_stays_full_and_says_so_after_one_more_try(store: Store, record: Record) -> None:
    store.ballast.make()
    told: list[str] = []
    tries: list[int] = []

    def work(_: Record) -> None:
        tries.append(1)
        raise FULL

    with pytest.raises(DiskFullFault):
        record.with_ballast(work, told.append)
    assert len(tries) == 2
    assert len(told) == 1


def test_work_that_had_committed_something_is_not_done_twice(store: Store, record: Record) -> None:
    store.ballast.make()

    def work(record: Record) -> None:
        note(record, ONE)
        raise FULL

    with pytest.raises(DiskFullFault):
        record.with_ballast(work, lambda _: None)
    assert not store.ballast.held
    with store.reader() as db:
        assert len(db.events(ONE)) == 1
