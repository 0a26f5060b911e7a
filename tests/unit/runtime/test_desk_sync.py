"""A desk against a plane on loopback that misbehaves: everything arrives once, whatever is shown is true."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.domain.errors import InputError, RefusedError
from console.proof.keys import SigningKey
from console.remote.plane_client import PlaneClient
from console.runtime.desk import Desk
from console.store.faults import StoreBusyFault
from console.store.readers import Reader
from console.store.verify import verify_store
from console.sync.step import Connection
from tests.fakes.desks import desk, note
from tests.fakes.people import INCIDENT, OTHER_DESK, certificates, fresh_id, some
from tests.fakes.plane import ORIGIN, FakePlane
from tests.waiting import free_port, wait_until


@pytest.fixture
def plane() -> Iterator[FakePlane]:
    with FakePlane() as running:
        yield running


def cursor(reader: Reader) -> int:
    return int(reader.value("SELECT cursor FROM sync_state"))


def unsent(reader: Reader) -> int:
    return int(reader.value("SELECT count(*) FROM outbox"))


def synced(opened: Desk, count: int) -> bool:
    return bool(opened.query(cursor) == count and opened.query(unsent) == 0)


def test_what_is_written_arrives_and_what_others_wrote_comes_back(plane: FakePlane, tmp_path: Path) -> None:
    plane.devices[OTHER_DESK.id] = OTHER_DESK.public_hex
    with desk(tmp_path / "a", plane.url) as first, desk(tmp_path / "b", plane.url, OTHER_DESK) as second:
        for n in range(5):
            first.act(note, f"a {n}").result(5)
            second.act(note, f"b {n}").result(5)
        wait_until(lambda: synced(first, 10) and synced(second, 10), what="both desks to hold the journal")
        journals = [opened.query(_journal) for opened in (first, second)]
        assert journals[0] == journals[1]
        assert first.connection.state == "online"
        assert first.connection.to_send == 0


def _journal(reader: Reader) -> list[tuple[int, str]]:
    return [(gpos, digest) for gpos, digest in reader.tuples("SELECT gpos, journal_hash FROM journal ORDER BY gpos")]


@pytest.mark.parametrize("fault", ["drop", "drop_after", "truncate", "garbage", "twice", "503", "401", "500"])
def test_no_event_twice_and_none_lost_whatever_a_push_meets(plane: FakePlane, tmp_path: Path, fault: str) -> None:
    plane.misbehave("/v1/events", fault)
    with desk(tmp_path / "store", plane.url) as opened:
        for n in range(4):
            opened.act(note, str(n)).result(5)
        wait_until(lambda: synced(opened, 4), what=f"four events after '{fault}'")
        assert len({row.event.hash for row in plane.rows}) == len(plane.rows) == 4


def test_work_done_offline_goes_out_when_the_plane_comes(plane: FakePlane, tmp_path: Path) -> None:
    seen: list[Connection] = []
    opened = desk(tmp_path / "store", f"http://127.0.0.1:{free_port()}")
    opened.on_connection(seen.append)
    with opened:
        opened.act(note, "written offline").result(5)
        wait_until(lambda: opened.connection.state == "offline" and opened.connection.to_send == 1)
        assert opened.connection.since_us > 0
        assert "does not answer" in opened.connection.sentence
    assert [c.state for c in seen][-1] == "offline"
    with desk(tmp_path / "store", plane.url) as again:
        wait_until(lambda: synced(again, 1), what="the event written offline")


def test_without_a_plane_a_desk_works_and_says_so(tmp_path: Path) -> None:
    with desk(tmp_path / "store") as opened:
        opened.act(note, "alone").result(5)
        assert opened.connection.state == "offline"
        assert "no plane" in opened.connection.sentence
        with pytest.raises(RefusedError, match="no plane"):
            opened.errand(PlaneClient.health)
        assert opened.query(unsent) == 1
        opened.sync_now()


def test_a_plane_that_forgot_its_tokens_is_asked_for_one_again(plane: FakePlane, tmp_path: Path) -> None:
    with desk(tmp_path / "store", plane.url) as opened:
        opened.act(note, "before").result(5)
        wait_until(lambda: synced(opened, 1))
        plane.forget_tokens()
        opened.act(note, "after").result(5)
        wait_until(lambda: synced(opened, 2), what="the event after the plane forgot its tokens")


def test_a_device_that_is_not_certified_is_stopped_and_tries_again_when_asked(plane: FakePlane, tmp_path: Path) -> None:
    stranger = SigningKey(b"stranger".ljust(32, b"."))
    with desk(tmp_path / "store", plane.url, stranger) as opened:
        wait_until(lambda: opened.connection.state == "stopped")
        asked = plane.count("POST /v1/token")
        plane.devices[stranger.id] = stranger.public_hex
        opened.act(note, "now certified").result(5)
        opened.sync_now()
        wait_until(lambda: synced(opened, 1))
        assert plane.count("POST /v1/token") > asked


def test_a_plane_of_the_other_world_gets_nothing(plane: FakePlane, tmp_path: Path) -> None:
    with desk(tmp_path / "store", plane.url, exercise=False) as opened:
        opened.act(note, "the real thing").result(5)
        wait_until(lambda: opened.connection.state == "stopped")
        assert "exercise" in opened.connection.sentence
    assert plane.count("POST /v1/events") == 0


def alarms(opened: Desk) -> list[str]:
    return [kind for (kind,) in opened.query(lambda db: db.tuples("SELECT kind FROM alarm ORDER BY raised_at"))]


def test_a_rolled_back_plane_is_told_and_gets_everything_again(plane: FakePlane, tmp_path: Path) -> None:
    plane.devices[OTHER_DESK.id] = OTHER_DESK.public_hex
    plane.append([*certificates(OTHER_DESK), *some(6, OTHER_DESK)])
    size = len(plane.rows)
    with desk(tmp_path / "store", plane.url) as opened:
        opened.act(note, "mine").result(5)
        wait_until(lambda: synced(opened, size + 1))
        plane.roll_back(size - 4)
        opened.act(note, "after it").result(5)
        wait_until(lambda: synced(opened, size + 2), what="everything to be at the plane again")
        assert len(alarms(opened)) == 1
        assert opened.connection.state == "online"
    with desk(tmp_path / "store", plane.url) as again:
        again.act(note, "an alarm that was recovered from keeps nobody").result(5)
        wait_until(lambda: synced(again, size + 3))
        assert len(alarms(again)) == 1


def test_a_wrong_clock_is_told_once_blocks_nothing_and_settles_by_itself(plane: FakePlane, tmp_path: Path) -> None:
    def clock_alarms(reader: Reader) -> list[bool]:
        return [bool(at) for (at,) in reader.tuples("SELECT settled_at FROM alarm WHERE kind = 'clock'")]

    plane.skew_us = 300_000_000
    with desk(tmp_path / "store", plane.url) as opened:
        opened.act(note, "while the clock is wrong").result(5)
        wait_until(lambda: synced(opened, 1) and opened.query(clock_alarms) == [False], what="the alarm")
        opened.act(note, "and still is").result(5)
        wait_until(lambda: synced(opened, 2), what="the second event")
        assert opened.query(clock_alarms) == [False]
        plane.skew_us = 0
        opened.act(note, "the clock is right again").result(5)
        wait_until(lambda: opened.query(clock_alarms) == [True], what="the alarm to settle")


def test_another_epoch_is_told_and_followed(plane: FakePlane, tmp_path: Path) -> None:
    with desk(tmp_path / "store", plane.url) as opened:
        for n in range(3):
            opened.act(note, str(n)).result(5)
        wait_until(lambda: synced(opened, 3))
        plane.roll_back(1, epoch="0190a000-0000-7000-8000-0000000000ff")
        wait_until(lambda: opened.query(lambda db: db.value("SELECT epoch FROM sync_state")) == plane.epoch)
        wait_until(lambda: synced(opened, 3), what="the two that were lost to be there again")
        assert alarms(opened) == ["epoch"]
        assert verify_store(tmp_path / "store" / "record.sqlite").faults == ()


def test_an_older_copy_of_the_desk_goes_on_with_new_chains(plane: FakePlane, tmp_path: Path) -> None:
    with desk(tmp_path / "store", plane.url) as opened:
        opened.act(note, "in the copy").result(5)
        wait_until(lambda: synced(opened, 1))
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    with desk(tmp_path / "store", plane.url) as opened:
        opened.act(note, "not in the copy").result(5)
        wait_until(lambda: synced(opened, 2))
    with desk(tmp_path / "copy", plane.url) as restored:
        wait_until(lambda: alarms(restored) == ["fork"])
        wait_until(lambda: synced(restored, 3), what="chain.restarted at the plane")
        restored.act(note, "after it").result(5)
        wait_until(lambda: synced(restored, 4))
    types = [(row.event.envelope.incarnation, row.event.envelope.type) for row in plane.rows]
    assert types[2:] == [(2, "chain.restarted"), (2, "note.added")]
    assert {row.status for row in plane.rows} == {"accepted"}


def test_a_fork_of_our_own_is_kept_and_told_and_ends(plane: FakePlane, tmp_path: Path) -> None:
    with desk(tmp_path / "store", plane.url) as opened:
        opened.act(note, "in the copy").result(5)
        wait_until(lambda: synced(opened, 1))
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    with desk(tmp_path / "store", plane.url) as opened:
        opened.act(note, "one way").result(5)
        wait_until(lambda: synced(opened, 2))
    with desk(tmp_path / "copy") as alone:
        alone.act(note, "another way").result(5)
    with desk(tmp_path / "copy", plane.url) as forked:
        wait_until(lambda: synced(forked, 4), what="both ends and the new chain")
        assert alarms(forked).count("fork") >= 1
        forked.act(note, "goes on").result(5)
        wait_until(lambda: synced(forked, 5))
        texts = forked.query(lambda db: db.value("SELECT count(*) FROM event WHERE type = 'note.added'"))
        assert texts == 3, "what was written in the copy is still there, and so is what came after"
        assert forked.query(lambda db: db.value("SELECT count(*) FROM fork_evidence")) == 1
    assert [row.status for row in plane.rows].count("rejected") == 1
    assert verify_store(tmp_path / "copy" / "record.sqlite").faults == ()


def test_what_was_withheld_is_shown_when_the_desk_may_read_it(plane: FakePlane, tmp_path: Path) -> None:
    plane.devices[OTHER_DESK.id] = OTHER_DESK.public_hex
    secret = some(4, OTHER_DESK)
    plane.withheld.add(INCIDENT)
    plane.append([*certificates(OTHER_DESK), *secret[:2]])
    with desk(tmp_path / "store", plane.url) as opened:
        wait_until(lambda: opened.query(cursor) == 3)
        assert opened.query(lambda db: db.value("SELECT count(*) FROM event")) == 1
        assert verify_store(tmp_path / "store" / "record.sqlite").faults == ()
        plane.withheld.clear()
        taken = some(1, OTHER_DESK, fresh_id(), kind="role.taken")
        plane.append([*secret[2:], *taken])
        wait_until(lambda: opened.query(cursor) == 6)
        wait_until(lambda: opened.query(lambda db: db.value("SELECT count(*) FROM event")) == 6, what="all to be shown")
        assert alarms(opened) == []
        assert verify_store(tmp_path / "store" / "record.sqlite").faults == ()


def test_a_rejected_event_leaves_the_queue_and_stays_in_the_record(plane: FakePlane, tmp_path: Path) -> None:
    plane.reject.add("note.added")
    with desk(tmp_path / "store", plane.url) as opened:
        opened.act(note, "not wanted").result(5)
        wait_until(lambda: synced(opened, 1))
        assert opened.query(lambda db: db.value("SELECT status FROM receipt")) == "rejected"
        assert opened.query(lambda db: db.value("SELECT count(*) FROM event")) == 1


def test_a_thousand_events_go_in_batches(plane: FakePlane, tmp_path: Path) -> None:
    plane.max_batch = 250
    with desk(tmp_path / "store") as opened:
        futures = [opened.act(note, str(n)) for n in range(1_000)]
        for future in futures:
            future.result(20)
    with desk(tmp_path / "store", plane.url) as again:
        wait_until(lambda: synced(again, 1_000), timeout_s=30, what="a thousand events")
    assert 4 <= plane.count("POST /v1/events") <= 6


def test_an_errand_is_not_held_up_by_the_long_poll(plane: FakePlane, tmp_path: Path) -> None:
    with desk(tmp_path / "store", plane.url) as opened:
        wait_until(lambda: any("wait=25" in call for call in plane.calls))
        answer = opened.errand(lambda c: c.select(INCIDENT, "FF_TENANT_BLOCK", "tenant.borealis", "stopped")).result(5)
        assert answer.answer.counts == {"sessions": 3}
        assert opened.errand(lambda client: client.config().answer.origin).result(5) == ORIGIN


def test_a_second_desk_on_the_same_store_is_refused_and_leaves_nothing_open(tmp_path: Path) -> None:
    with desk(tmp_path / "store"), pytest.raises(StoreBusyFault):
        desk(tmp_path / "store").start()


def test_an_address_that_may_not_be_used_is_refused_and_leaves_nothing_open(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="https"):
        desk(tmp_path / "store", "http://plane.example.org").start()
    with desk(tmp_path / "store") as opened:
        assert opened.query(unsent) == 0


def test_a_closed_desk_says_so(tmp_path: Path) -> None:
    opened = desk(tmp_path / "store")
    with pytest.raises(RefusedError, match="closed"):
        opened.act(note, "too early")
    opened.start()
    opened.stop()
    opened.stop()
    with pytest.raises(RefusedError, match="closed"):
        opened.query(unsent)


def test_before_it_goes_outside_a_desk_works_and_nothing_is_sent(
    plane: FakePlane, tmp_path: Path, expected_log: Callable[[str], None]
) -> None:
    opened = desk(tmp_path / "store", plane.url)
    opened.start(outside=False)
    opened.act(note, "before the first paint").result(5)
    assert plane.calls == []
    opened.go_outside()
    opened.go_outside()
    wait_until(lambda: synced(opened, 1))
    opened.stop()
