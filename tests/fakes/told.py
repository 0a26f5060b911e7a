"""A record on a temporary store with a founded organisation, and a story in it: for tests of actions and queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.store import syncing
from console.store.opening import Store
from console.store.readers import Reader
from console.store.record import Record
from tests.fakes.record_kit import (
    PLANE,
    ROOT,
    Author,
    Cursor,
    body_of,
    desk,
    entries_after,
    key_of,
    organisation,
)
from tests.fakes.story import Story


@dataclass
class Told:
    """The store, its record, the story and the plane's journal as far as it was sent."""

    store: Store
    record: Record
    story: Story
    cursor: Cursor

    def send(self, *events: Any) -> None:
        """Puts events into the store as the plane's journal."""
        entries, after = entries_after(self.cursor, events)
        with self.record.transaction() as tx:
            syncing.store_entries(tx, self.cursor, entries, after)
        self.cursor = after

    def sync(self) -> None:
        """The plane takes what was written here and orders it."""
        waiting = "SELECT event_id FROM timeline WHERE status = 'pending' ORDER BY n"
        with Reader.open(self.store.path) as reader:
            events = [reader.event(row[0]) for row in reader.tuples(waiting)]
        self.send(*events)

    def ask(self, noun: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        """`noun(reader, ...)` on a connection of its own."""
        with Reader.open(self.store.path) as reader:
            return noun(reader, *args, **kw)

    def types(self) -> list[str]:
        """The types of the incident's events in order."""
        return [signed.envelope.type for signed in self.ask(lambda reader: reader.events(self.story.incident))]

    def newest(self) -> Any:
        """The newest event of the incident."""
        return self.ask(lambda reader: reader.events(self.story.incident))[-1].envelope


@contextmanager
def told(folder: Path) -> Iterator[Told]:
    """An open store with root, plane, commander, owner and investigator certified; nothing has happened yet."""
    with desk(folder) as (store, record):
        with record.transaction() as tx:
            syncing.remember_plane(
                tx, origin="exercise.test", exercise=True, root_public_key=ROOT.public_hex, plane_device=PLANE.id,
                plane_public_key=PLANE.public_hex, epoch="e1",
            )  # fmt: skip
        root, plane = Author(ROOT), Author(PLANE)
        made = Told(store, record, Story(lambda work: work(record), _unready, root, plane), Cursor("e1"))
        made.story.send = made.send
        certified = {"device": PLANE.id, "public_key": PLANE.public_hex, "origin": "exercise.test"}
        made.send(
            *organisation(root, key_of(10)),
            root.write("plane.certified", "system", body_of("plane.certified") | certified),
        )
        made.story.certify()
        yield made


def _unready(*_: Any) -> None:
    raise AssertionError("the story has no store yet")
