"""Evidence on its way to the plane: sent after its event, told once when refused, asked for when it is not here."""

import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from console.actions.evidence import Copied, capture_item
from console.domain.evidence import DIMENSIONS
from console.evidence.age import Identity, new_identity
from console.proof.actor import Actor
from console.queries.evidence import ItemRow, evidence
from console.runtime.capture import capture_file
from console.runtime.desk import Desk
from console.runtime.looking import OpenedItem, open_item
from console.store.blobs import copy_as_is
from tests.fakes.desks import desk, note, now
from tests.fakes.people import INCIDENT
from tests.fakes.planes import DESK, World
from tests.waiting import wait_until

ACTOR, IDENTITY = Actor("local:tester"), new_identity()
DIMENSION = next(iter(DIMENSIONS))


def capture(opened: Desk, folder: Path, content: bytes) -> ItemRow:
    path = folder / "item.txt"
    path.write_bytes(content)
    capture_file(opened, INCIDENT, path, DIMENSION, IDENTITY.recipient, ACTOR)
    return opened.query(evidence, INCIDENT).items[-1]


def look(opened: Desk, item: ItemRow, identity: Identity = IDENTITY) -> OpenedItem:
    return open_item(opened, INCIDENT, item, identity, ACTOR, "a test")


def looks(opened: Desk) -> int:
    return int(opened.query(lambda db: db.value("SELECT count(*) FROM timeline WHERE type = 'evidence.looked'")))


def at_plane(folder: Path, *items: ItemRow) -> bool:
    names = [name for item in items for name in (item.blob, item.leaf_blob)]
    return all((folder / "plane-blobs" / name[:2] / name[2:]).exists() for name in names)


def test_what_was_captured_is_brought_and_marked_and_not_asked_for_again(tmp_path: Path) -> None:
    world, store = World(tmp_path), tmp_path / "store"
    with desk(store, key=DESK) as alone:
        items = [capture(alone, tmp_path, f"item {n}".encode()) for n in range(3)]
        last = alone.query(lambda db: db.value("SELECT event_id FROM event WHERE type = 'evidence.captured'"
                                               " ORDER BY n DESC LIMIT 1"))  # fmt: skip
    with world.running() as (plane, _), desk(store, plane.url, DESK) as opened:
        wait_until(lambda: at_plane(tmp_path, *items), what="three items at the plane")
        wait_until(lambda: opened.blobs.mark().endswith(last), what="the mark")
        assert opened.blobs.mark().split()[0] == opened.query(lambda db: db.value("SELECT epoch FROM sync_state"))
    shutil.rmtree(tmp_path / "plane-blobs")
    with world.running(certify=False) as (plane, _):
        with desk(store, plane.url, DESK) as opened:
            more = capture(opened, tmp_path, b"another")
            wait_until(lambda: at_plane(tmp_path, more), what="the new item at the plane")
            assert not at_plane(tmp_path, items[0]), "what the mark covers is not asked for again"
        (store / "blobs" / "at-plane").write_text("another-epoch " + last)
        with desk(store, plane.url, DESK):
            wait_until(lambda: at_plane(tmp_path, *items), what="everything again under another epoch")


def test_what_the_plane_refuses_is_told_once_and_keeps_nothing_back(
    tmp_path: Path, expected_log: Callable[[str], None]
) -> None:
    expected_log("is not sent any more")
    told: list[str] = []
    with World(tmp_path).running() as (plane, _):
        opened = desk(tmp_path / "store", plane.url, DESK)
        opened.on_notice(told.append)
        with opened:
            path = tmp_path / "plain"
            path.write_bytes(b"not ciphertext")
            with path.open("rb") as file:
                blob = opened.blobs.put(file, copy_as_is)
            copied = Copied(
                name="plain", dimension=DIMENSION, source="desk:file", captured_at=now(), salt=bytes(32), blob=blob
            )
            opened.act(capture_item, INCIDENT, opened.blobs, copy_as_is, copied, ACTOR, now()).result(10)
            good = capture(opened, tmp_path, b"good")
            wait_until(lambda: at_plane(tmp_path, good), what="the good item at the plane")
            for n in range(3):
                opened.act(note, f"a change {n}").result(5)
                more = capture(opened, tmp_path, f"{n}".encode())
                wait_until(lambda item=more: at_plane(tmp_path, item), what="the next item")  # type: ignore[misc]
            assert len(told) == 1
            assert "2 pieces of evidence are kept on this desk" in told[0]
            assert "age ciphertext" in told[0]
            assert opened.blobs.mark() == ""


def test_a_stop_waits_for_no_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        opened = desk(tmp_path / "store", f"http://127.0.0.1:{silent.getsockname()[1]}", DESK)
        opened.start()
        try:
            capture(opened, tmp_path, b"item")
            lane = opened._outside.blobs if opened._outside is not None else None
            assert lane is not None
            lane.connected(True)
            assert lane._online.is_set()
            begun = time.perf_counter()
            lane.stop()
            assert time.perf_counter() - begun < 1
        finally:
            opened.stop()


def test_a_slow_rate_is_cut_short_by_a_stop(tmp_path: Path) -> None:
    with World(tmp_path).running() as (plane, _), desk(tmp_path / "store", plane.url, DESK) as opened:
        lane = opened._outside.blobs if opened._outside is not None else None
        assert lane is not None
        lane._rate = 1  # a byte a second
        capture(opened, tmp_path, b"x" * 100_000)
        wait_until(lambda: [p for p in (tmp_path / "plane-blobs").rglob("*") if p.is_file()], what="the first part")
        begun = time.perf_counter()
        lane.stop()
        assert time.perf_counter() - begun < 1


def test_an_item_that_is_not_here_says_why_and_is_no_look(tmp_path: Path) -> None:
    with desk(tmp_path / "store", key=DESK) as opened:
        item = capture(opened, tmp_path, b"item")
        opened.blobs.path(item.blob).unlink()
        found = look(opened, item)
        assert "not on this desk" in found.away
        assert "no plane" in found.away
        assert (found.finding, found.head, looks(opened)) == ("", b"", 0)


def test_an_item_that_is_not_here_is_fetched(tmp_path: Path) -> None:
    with World(tmp_path).running() as (plane, _), desk(tmp_path / "store", plane.url, DESK) as opened:
        item = capture(opened, tmp_path, b"the item")
        wait_until(lambda: at_plane(tmp_path, item), what="the item at the plane")
        for name in (item.blob, item.leaf_blob):
            opened.blobs.path(name).unlink()
        assert look(opened, item).head == b"the item"
        assert opened.blobs.path(item.blob).exists()
        nowhere = look(opened, replace(item, blob="0" * 64))
        assert "does not have them either" in nowhere.away


def test_an_item_for_another_desk_is_no_fault(tmp_path: Path) -> None:
    with desk(tmp_path / "store", key=DESK) as opened:
        found = look(opened, capture(opened, tmp_path, b"item"), new_identity())
        assert "encrypted to another desk" in found.away
        assert (found.finding, found.head, looks(opened)) == ("", b"", 1)
