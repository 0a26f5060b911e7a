"""What others wrote or laid into a store's folder to do harm: every screen still answers, no file is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console.domain.errors import ConsoleError, RefusedError
from console.domain.events import BODIES, PERSON_SIGNED
from console.plane.db import Database, database_url
from console.policy import default_path, load
from console.proof.envelope import SignedEvent
from console.proof.ids import uuid7
from console.queries import (
    board,
    conflicts,
    evidence,
    headline,
    incidents,
    milestones,
    rejected,
    standing,
    switch_board,
    switches,
    timeline,
    triage,
)
from console.store import archive, syncing
from console.store.ballast import FILE as BALLAST
from console.store.ballast import Ballast
from console.store.facts import incident_facts
from console.store.lock import FILE as LOCK
from console.store.opening import open_store, record_path
from console.store.readers import Reader
from console.store.record import Record
from console.store.verify import verify_store
from tests.fakes.record_kit import (
    PERSON,
    PLANE,
    ROOT,
    Author,
    Cursor,
    body_of,
    desk,
    entries_after,
    key_of,
    new_incident,
    note,
    organisation,
    writer_of,
)

ONE, OTHER = new_incident(1), key_of(20)
POLICY = load(default_path())
START = Cursor()
TEXT = {"ordinary": "x", "empty": "", "tricky": "\u202e<img src=x onerror=a()>=cmd|' /C'!A0", "level": "SEV-0"}
NUMBERS = {"ordinary": 1, "empty": 0, "tricky": -(2**53) + 1, "level": 2**53 - 1}
LISTS: dict[str, list[Any]] = {"ordinary": [], "empty": [[]], "tricky": [{"a": [1]}, 7, True, "x"], "level": ["SEV-0"]}
OBJECTS: dict[str, dict[str, Any]] = {
    "ordinary": {}, "empty": {"": ""}, "tricky": {"a": {"b": [1]}, "scope": 7, "ids": "x"}, "level": {"severity": []},
}  # fmt: skip


def poison(event_type: str, how: str) -> dict[str, Any]:
    """A body of the right kinds that nothing of this program would write."""
    values = {"s": TEXT[how], "i": NUMBERS[how], "l": LISTS[how], "o": OBJECTS[how]}
    wanted = dict(part.split(":") for part in BODIES[event_type].split())
    return body_of(event_type, **{name: values[kind] for name, kind in wanted.items() if kind in values})


def signed_by_both(event: SignedEvent) -> SignedEvent:
    if event.envelope.type not in PERSON_SIGNED:
        return event
    return SignedEvent(event.canon, event.sig, PERSON.sign_text(event.canon.encode()))


def pull(record: Record, events: list[SignedEvent], cursor: Cursor = START) -> Cursor:
    entries, after = entries_after(cursor, events)
    with record.transaction() as tx:
        syncing.store_entries(tx, cursor, entries, after)
    return after


def meet(record: Record, root: str = ROOT.public_hex, origin: str = "o") -> None:
    with record.transaction() as tx:
        syncing.remember_plane(
            tx, origin=origin, exercise=True, root_public_key=root, plane_device=PLANE.id,
            plane_public_key=PLANE.public_hex, epoch="e1",
        )  # fmt: skip


def look_everywhere(reader: Reader) -> None:
    """Every question that a screen asks about an incident."""
    wanted = board.Wanted(shown=board.ALL)
    assert board.board_opening(reader, wanted).page
    board.board_changes(reader, wanted, [ONE])
    assert incidents.incidents(reader)
    headline.open_incidents(reader)
    assert headline.headline(reader, ONE) is not None
    conflicts.conflicts(reader, ONE)
    conflicts.open_conflicts(reader)
    evidence.evidence(reader, ONE)
    milestones.milestones(reader, ONE)
    rejected.rejected(reader)
    rejected.quarantined(reader)
    standing.standing(reader, ONE, POLICY)
    standing.upcoming(reader, ONE, POLICY)
    switch_board.switch_board(reader, ONE, POLICY.inventory, POLICY.switches)
    switches.switch_history(reader, "FF_TENANT_BLOCK", "tenant.borealis")
    switches.proposed_switches(reader, ONE)
    switches.approval_requests(reader, ONE)
    assert timeline.timeline(reader, ONE)
    triage.triage(reader, ONE)
    incident_facts(reader, ONE)


@pytest.mark.parametrize("how", TEXT)
def test_no_event_of_another_desk_keeps_a_screen_from_being_drawn(tmp_path: Path, how: str) -> None:
    with desk(tmp_path / "s") as (store, record), store.reader() as reader:
        meet(record)
        author = Author(OTHER)
        opened = author.write("incident.opened", ONE, body_of("incident.opened", target="tenant.borealis"))
        cursor = pull(record, [*organisation(Author(ROOT), OTHER), opened])
        for event_type in sorted(BODIES):
            bad = author.write(
                event_type, ONE, poison(event_type, how), actor="ic@example.org", hlc="f" * 16, seen_gpos=2**53 - 1
            )
            cursor = pull(record, [signed_by_both(bad)], cursor)
            assert reader.value("SELECT count(*) FROM event WHERE event_id = ?", (bad.envelope.event_id,)) == 1
            look_everywhere(reader)


def test_a_clock_in_the_year_10889_does_not_carry_this_desk_away(tmp_path: Path) -> None:
    with desk(tmp_path / "s") as (_, record):
        meet(record)
        far = Author(OTHER).write("note.added", ONE, body_of("note.added", text="x"), hlc="f" * 16)
        pull(record, [*organisation(Author(ROOT), OTHER), far])
        assert note(record, ONE).envelope.hlc < uuid7(2_000_000_000_000, bytes(10)).replace("-", "")[:12] + "f"
    with open_store(tmp_path / "s") as store:
        assert note(store.record(writer_of()), ONE).envelope.hlc < "f"
        assert verify_store(store.path).faults == ()


@pytest.mark.parametrize("name", [LOCK, BALLAST, "record.sqlite"])
def test_a_link_laid_into_a_store_is_not_written_through(tmp_path: Path, name: str) -> None:
    folder, precious = tmp_path / "s", tmp_path / "precious"
    with desk(folder):
        pass
    precious.write_text("not yours")
    precious.chmod(0o644)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(precious)
    if name == BALLAST:
        assert not Ballast(folder, 64 * 1024).make()
    else:
        with pytest.raises(ConsoleError):
            open_store(folder)
    assert (precious.read_text(), precious.stat().st_mode & 0o777) == ("not yours", 0o644)


def test_a_link_in_place_of_the_planes_lock_is_not_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("not yours")
    (tmp_path / "plane.db.lock").symlink_to(precious)
    with pytest.raises(ConsoleError):
        Database(database_url(str(tmp_path / "plane.db")))
    assert precious.read_text() == "not yours"


def test_a_record_that_is_a_link_to_another_record_is_refused(tmp_path: Path) -> None:
    with desk(tmp_path / "other"):
        pass
    with desk(tmp_path / "s"):
        pass
    record_path(tmp_path / "s").unlink()
    record_path(tmp_path / "s").symlink_to(record_path(tmp_path / "other"))
    with pytest.raises(ConsoleError, match="link"):
        open_store(tmp_path / "s")


def test_a_store_that_everybody_could_read_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with desk(folder):
        pass
    folder.chmod(0o777)
    record_path(folder).chmod(0o666)
    with desk(folder):
        pass
    assert folder.stat().st_mode & 0o777 == 0o700
    assert record_path(folder).stat().st_mode & 0o777 == 0o600


def test_a_backup_of_another_organisation_never_meets_our_plane(tmp_path: Path) -> None:
    with desk(tmp_path / "theirs", 30) as (_, record):
        meet(record, key_of(40).public_hex, "theirs")
    archive.backup(tmp_path / "theirs", tmp_path / "b.tar", "2026-01-31T14:02:11.000000Z")
    archive.restore(tmp_path / "b.tar", tmp_path / "s")
    with desk(tmp_path / "s") as (_, record), pytest.raises(RefusedError, match="belongs to another plane"):
        meet(record)
