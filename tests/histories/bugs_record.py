"""Seeded bugs of the record and its sync: cursors, receipts, epochs, chains, the journal's order."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from console.domain.changes import Changes
from console.store import projections, rows, syncing
from console.sync import answers, judge, keeping, refusals
from console.sync.turn import Turn
from console.sync.values import (
    IDLE,
    ConfigAnswered,
    Failed,
    JournalAnswered,
    RaiseAlarm,
    SetAside,
    StoreEntries,
    StoreReceipts,
    SyncState,
)
from tests.histories.bugs import Bug, swap, swap_item, wrap
from tests.histories.desk import Desk
from tests.histories.journal_model import Journal
from tests.histories.people import People
from tests.histories.plane import Plane

NOW_AND_THEN = 0.15
NOTHING = Changes(frozenset(), frozenset(), ())


class _Dies(Exception):
    """The process ends between two transactions that should have been one."""


def _dying_writes(stack: ExitStack) -> None:
    """A desk's driver for writes that may end in between."""

    def around(write_one: Any, desk: Desk, write: Any) -> None:
        try:
            write_one(desk, write)
        except _Dies:
            desk._die_for_a_while()

    wrap(stack, Desk, "_write", around)


def _between(record: Any) -> bool:
    """Whether the machine happens to stop just here; by the record's own chance, so that a seed is a run."""
    return bool(record._writer.random10()[0] < 256 * NOW_AND_THEN)


def _cursor_first(stack: ExitStack) -> None:
    def around(keep: Any, record: Any, write: Any, now: Any) -> Any:
        if isinstance(write, StoreEntries) and _between(record):
            with record.transaction(now) as tx:
                row = rows.one(tx.conn, "sync_state", "id = 1") or {}
                moved = {"cursor": write.after.gpos, "cursor_hash": write.after.hash}
                rows.replace(tx.conn, "sync_state", row | moved)
            raise _Dies
        return keep(record, write, now)

    _dying_writes(stack)
    wrap(stack, keeping, "keep", around)


def _data_first(stack: ExitStack) -> None:
    def around(keep: Any, record: Any, write: Any, now: Any) -> Any:
        if isinstance(write, StoreEntries) and _between(record):
            with record.transaction(now) as tx:
                before = rows.one(tx.conn, "sync_state", "id = 1") or {}
                syncing.store_entries(tx, write.before, write.entries, write.after)
                after = rows.one(tx.conn, "sync_state", "id = 1") or {}
                kept = {"cursor": before["cursor"], "cursor_hash": before["cursor_hash"]}
                rows.replace(tx.conn, "sync_state", after | kept)
            raise _Dies
        return keep(record, write, now)

    _dying_writes(stack)
    wrap(stack, keeping, "keep", around)


def _outbox_later(stack: ExitStack) -> None:
    def around(append: Any, people: People, desk: Desk, *events: Any, **known: Any) -> None:
        before = desk.rows.value("SELECT ifnull(max(n), 0) FROM event")
        append(people, desk, *events, **known)
        if desk.alive and _between(desk.record):
            with desk.record.transaction(desk.clock()) as tx:
                tx.conn.execute("DELETE FROM outbox WHERE n > ?", (before,))
            desk._die_for_a_while()

    wrap(stack, People, "append", around)


def _short_memory(stack: ExitStack) -> None:
    def around(known_receipt: Any, journal: Journal, event_id: str, event_hash: str) -> Any:
        given = known_receipt(journal, event_id, event_hash)
        return given if given is not None and given.gpos > journal.disk.size - 4 else None

    wrap(stack, Journal, "known_receipt", around)


def _placed_again(stack: ExitStack) -> None:
    def around(take_one: Any, journal: Journal, event: Any, now_us: int) -> Any:
        if journal.known_receipt(event.envelope.event_id, event.hash) is not None:
            return journal.place(event, None, advances=False)
        return take_one(journal, event, now_us)

    wrap(stack, Journal, "_take_one", around)


def _rejections_dropped(stack: ExitStack) -> None:
    def around(keep: Any, record: Any, write: Any, now: Any) -> Any:
        if isinstance(write, StoreReceipts):
            dropped = [one.event_id for one in write.receipts if one.status == "rejected"]
            write = replace(write, receipts=tuple(one for one in write.receipts if one.status != "rejected"))
            with record.transaction(now) as tx:
                tx.conn.executemany(
                    "DELETE FROM outbox WHERE n = (SELECT n FROM event WHERE event_id = ?)", [(one,) for one in dropped]
                )
        return keep(record, write, now)

    wrap(stack, keeping, "keep", around)


def _rejections_hidden(stack: ExitStack) -> None:
    def around(keep: Any, record: Any, write: Any, now: Any) -> Any:
        done = keep(record, write, now)
        with record.transaction(now) as tx:
            tx.conn.execute("DELETE FROM timeline WHERE status = 'rejected'")
        return done

    wrap(stack, keeping, "keep", around)


def _poll_never_ends(stack: ExitStack) -> None:
    original = answers._HANDLERS[Failed]

    def on_failed(turn: Turn, lane: str, event: Any) -> None:
        if not (lane == "pull" and event.failure.kind == "lost"):
            original(turn, lane, event)

    swap_item(stack, answers._HANDLERS, Failed, on_failed)


def _epoch_ignored(stack: ExitStack) -> None:
    for module in (answers, judge):
        swap(stack, module, "epoch_fault", lambda known, seen: None)

    def around(page: Any, plane: Plane, request: Any) -> Any:
        return page(plane, replace(request, epoch=plane.disk.epoch))

    wrap(stack, Plane, "_page", around)
    wrap(stack, answers, "follow", lambda follow, cursor, event: follow(replace(cursor, epoch=event.epoch), event))


def _position_ignored(stack: ExitStack) -> None:
    def around(on_failed: Any, turn: Turn, lane: str, failure: Any) -> None:
        if lane == "pull" and failure.status in (409, 410):
            failure = replace(failure, status=503)
        on_failed(turn, lane, failure)

    original = answers._HANDLERS[Failed]
    swap_item(
        stack, answers._HANDLERS, Failed,
        lambda turn, lane, event: around(
            lambda turn, lane, failure: original(turn, lane, replace(event, failure=failure)), turn, lane, event.failure
        ),
    )  # fmt: skip
    wrap(stack, judge, "follow", lambda follow, cursor, event: follow(replace(cursor, size_seen=0), event))


def _hash_ignored(stack: ExitStack) -> None:
    def page(original: Any, plane: Plane, request: Any) -> Any:
        there = plane.disk.hash_at(min(request.after, plane.disk.size)) or ""
        return original(plane, replace(request, hash=there, after=min(request.after, plane.disk.size)))

    def follow(original: Any, cursor: Any, event: Any) -> Any:
        entries, at = [], cursor.gpos
        for entry in event.entries:
            if entry.gpos == at + 1:
                entries.append(entry)
                at += 1
        if not entries:
            return replace(cursor, size_seen=event.size)
        frontier = cursor.frontier
        for _ in entries:
            frontier = frontier.after(bytes(32))
        return replace(cursor, gpos=at, hash=entries[-1].journal_hash, size_seen=event.size, frontier=frontier)

    wrap(stack, Plane, "_page", page)
    wrap(stack, answers, "follow", follow)
    swap(stack, answers, "checkpoint_fault", lambda plane, event, frontier: None)
    swap(stack, syncing, "_check_links", lambda before, entries, after: None)


def _no_jitter(stack: ExitStack) -> None:
    for module in (answers, refusals):
        swap(stack, module, "full_jitter", lambda failures, roll: 0.0)


def _alarms_unsaid(stack: ExitStack) -> None:
    def around(keep: Any, record: Any, write: Any, now: Any) -> Any:
        return NOTHING if isinstance(write, RaiseAlarm) else keep(record, write, now)

    wrap(stack, keeping, "keep", around)


def _nothing_offered_again(stack: ExitStack) -> None:
    def around(start_pull: Any, tx: Any, epoch: str, *args: Any) -> Any:
        held = tx.tuples("SELECT n FROM outbox")
        done = start_pull(tx, epoch, *args)
        tx.conn.execute("DELETE FROM outbox")
        tx.conn.executemany("INSERT INTO outbox (n) VALUES (?)", held)
        return done

    wrap(stack, syncing, "start_pull", around)


def _pull_from_the_middle(stack: ExitStack) -> None:
    def around(start_pull: Any, tx: Any, epoch: str, *args: Any) -> Any:
        row = rows.one(tx.conn, "sync_state", "id = 1") or {}
        done = start_pull(tx, epoch, *args)
        after = rows.one(tx.conn, "sync_state", "id = 1") or {}
        kept = {"cursor": row["cursor"], "cursor_hash": row["cursor_hash"]}
        rows.replace(tx.conn, "sync_state", after | kept)
        return done

    wrap(stack, syncing, "start_pull", around)


def _one_blocks_all(stack: ExitStack) -> None:
    def around(keep: Any, record: Any, write: Any, now: Any) -> Any:
        return NOTHING if isinstance(write, SetAside) else keep(record, write, now)

    wrap(stack, keeping, "keep", around)


def _answered_before_commit(stack: ExitStack) -> None:
    def around(push: Any, plane: Plane, request: Any, reply: Any) -> None:
        if plane.world.chance(0.03) and plane.up:
            kept = plane.disk.copy()
            push(plane, request, reply)
            plane.disk = kept
            plane._die_for_a_while()
        else:
            push(plane, request, reply)

    wrap(stack, Plane, "_push", around)


def _holes(stack: ExitStack) -> None:
    def around(page: Any, plane: Plane, request: Any) -> Any:
        """A reader sees position n + 1 while n is not committed yet, as with a sequence of the database."""
        answered = page(plane, request)
        entries = getattr(answered, "entries", ())
        if len(entries) > 1 and plane.world.chance(NOW_AND_THEN):
            return replace(answered, entries=(*entries[:-2], entries[-1]))  # type: ignore[misc]
        return answered

    wrap(stack, Plane, "_page", around)
    original = judge.follow

    def follow(cursor: Any, event: Any) -> Any:
        entries = tuple(replace(entry, gpos=place) for place, entry in enumerate(event.entries, start=cursor.gpos + 1))
        found = original(cursor, replace(event, entries=entries))
        return found if not isinstance(found, tuple) else replace(
            cursor, gpos=event.entries[-1].gpos if event.entries else cursor.gpos,
            hash=event.entries[-1].journal_hash if event.entries else cursor.hash, size_seen=event.size,
        )  # fmt: skip

    swap(stack, answers, "follow", follow)
    swap(stack, answers, "checkpoint_fault", lambda plane, event, frontier: None)
    swap(stack, syncing, "_check_links", lambda before, entries, after: None)


def _token_never_renewed(stack: ExitStack) -> None:
    swap(stack, refusals, "_on_unauthenticated", lambda turn, lane: turn.set_lane(lane, phase="stuck"))


def _either_world(stack: ExitStack) -> None:
    original = answers._HANDLERS[ConfigAnswered]

    def on_config(turn: Turn, lane: str, event: Any) -> None:
        if turn.state.world is not None:
            turn.set(world=event.plane.exercise)
        original(turn, lane, event)

    def scene(make: Any, journal: Journal, envelope: Any, now_us: int) -> Any:
        return replace(make(journal, envelope, now_us), exercise=envelope.exercise)

    swap_item(stack, answers._HANDLERS, ConfigAnswered, on_config)
    wrap(stack, Journal, "_scene", scene)
    wrap(stack, syncing, "remember_plane", lambda remember, tx, **known: remember(
        tx, **(known | {"exercise": (rows.one(tx.conn, "sync_state", "id = 1") or {})["exercise"] == 1})
    ))  # fmt: skip


def _receipt_for_all(stack: ExitStack) -> None:
    """Whatever was in the batch leaves the outbox, answered or not."""

    def around(push: Any, plane: Plane, request: Any, reply: Any) -> None:
        def cut(answered: Any) -> None:
            receipts = getattr(answered, "receipts", ())
            reply(replace(answered, receipts=receipts[:-1]) if len(receipts) > 1 else answered)

        push(plane, request, cut)

    def keep(original: Any, record: Any, write: Any, now: Any) -> Any:
        done = original(record, write, now)
        if isinstance(write, StoreReceipts):
            with record.transaction(now) as tx:
                newest = "SELECT max(n) FROM event WHERE event_id IN (SELECT event_id FROM receipt)"
                tx.conn.execute(f"DELETE FROM outbox WHERE n = ({newest}) + 1")
        return done

    wrap(stack, Plane, "_push", around)
    wrap(stack, keeping, "keep", keep)


def _own_order(stack: ExitStack) -> None:
    """The timeline keeps the place an event had when it came here."""

    def place(conn: Any, n: int, gpos: int, status: str) -> None:
        conn.execute("UPDATE timeline SET gpos = ?, status = ? WHERE n = ?", (n, status, n))

    def all_placed(conn: Any, many: Any) -> None:
        for gpos, status, n in many:
            place(conn, n, gpos, status)

    swap(stack, projections, "place", place)
    swap(stack, projections, "place_many", all_placed)


def _alarm_forgotten_at_start(stack: ExitStack) -> None:
    """A sign of a rolled-back plane leads to nothing: the engine drops what it saw and asks again."""

    def begin(turn: Turn, fault: Any) -> None:
        for name in ("session", "push", "pull"):
            turn.release(name)
            turn.set_lane(name, phase=IDLE)
        turn.rest("pull", 5.0)

    swap(stack, Turn, "_begin_recovery", begin)


def _engine_ahead_of_disk(stack: ExitStack) -> None:
    """The engine believes in its cursor before the disk has it."""
    original = answers._HANDLERS[JournalAnswered]

    def on_journal(turn: Turn, lane: str, event: Any) -> None:
        original(turn, lane, event)
        state: SyncState = turn.state
        if state.pending_cursor is not None:
            turn.set(cursor=state.pending_cursor)

    swap_item(stack, answers._HANDLERS, JournalAnswered, on_journal)


BUGS = (
    Bug("cursor before data", "The cursor is committed, then the entries.", _cursor_first),
    Bug("data before cursor", "The entries are committed, then the cursor.", _data_first),
    Bug("engine ahead of disk", "The cursor counts before it is committed.", _engine_ahead_of_disk),
    Bug("outbox in a second transaction", "An event is stored, then queued.", _outbox_later),
    Bug("idempotency for a while", "The plane forgets receipts that are not recent.", _short_memory),
    Bug("placed again", "An event that comes twice is accepted at two positions.", _placed_again),
    Bug("rejection dropped", "A rejected event leaves the outbox without a receipt.", _rejections_dropped),
    Bug("rejection hidden", "A rejected event leaves its author's timeline.", _rejections_hidden),
    Bug("receipt for the whole batch", "What was not answered for leaves the outbox too.", _receipt_for_all),
    Bug("long poll never asked again", "A long poll that is lost is waited for for ever.", _poll_never_ends),
    Bug("epoch ignored", "Another epoch counts as the same journal.", _epoch_ignored),
    Bug("position ignored", "A journal that does not know our position is asked again and again.", _position_ignored),
    Bug("hash not compared", "Positions are compared, hashes are not.", _hash_ignored),
    Bug("no jitter", "Every try follows at once.", _no_jitter),
    Bug("alarm not raised", "A rolled-back plane is recovered from in silence.", _alarms_unsaid),
    Bug("sign dropped", "A sign of a rolled-back plane leads to nothing.", _alarm_forgotten_at_start),
    Bug("nothing offered again", "After a roll-back only what was queued is sent.", _nothing_offered_again),
    Bug("pull from the middle", "After a roll-back the old cursor stays.", _pull_from_the_middle),
    Bug("one blocks all", "An event the plane cannot read stays at the head of the queue.", _one_blocks_all),
    Bug("answered before commit", "The plane answers a push, then commits it.", _answered_before_commit),
    Bug("holes in the journal", "A reader may skip a position that was not committed yet.", _holes),
    Bug("token never renewed", "A refused token ends the lane.", _token_never_renewed),
    Bug("either world", "Nobody compares exercise and production.", _either_world),
    Bug("order of arrival", "The timeline is ordered as events came to the desk.", _own_order),
)  # fmt: skip
