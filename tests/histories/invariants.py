"""What must hold on each desk after each commit, and everywhere once the faults have stopped: the record's promises.

The checks read the real store's tables and the model plane's disk, and compare them with what people were told; they
use no code of the engine or of the projections, except to rebuild these for comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from console.domain.commands import Order
from console.proof.chain import ChainHead
from console.proof.journal import ACCEPTED, EMPTY_JOURNAL_HASH, journal_hash, receipt_object, verify_receipt
from console.queries.rejected import rejected
from console.queries.sync_state import sync_page
from console.store import projection_tables, rebuild
from console.store._sqlite import connect_memory
from console.sync.command_values import CommandInput, RecordCommand, SendCommand
from tests.histories.desk import Desk
from tests.histories.invariants_commands import CommandChecker
from tests.histories.people import People
from tests.histories.plane import Plane
from tests.histories.world import World, demand

ROLLBACK_ALARMS = {"epoch", "shrunk", "gap", "hash", "position", "receipt", "checkpoint"}

_NEW_EVENTS = (
    "SELECT n, event_id, hash, device, incident, incarnation, seq, json_extract(canon, '$.prev_hash') "
    "FROM event WHERE n > ? ORDER BY n"
)
_UNSETTLED = """
SELECT e.event_id FROM event e, sync_state s WHERE e.origin = 'own' AND e.n NOT IN (SELECT n FROM outbox)
AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.event_id = e.event_id AND r.pull = s.pull)
AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.pull = s.pull AND j.event_id = e.event_id AND j.event_hash = e.hash)
LIMIT 1
"""
_WITHOUT_PLACE = """
SELECT e.event_id, e.device, e.incident, e.incarnation, e.seq FROM event e, sync_state s WHERE e.origin = 'own'
AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.event_id = e.event_id AND r.pull = s.pull AND r.gpos > 0)
AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.pull = s.pull AND j.event_id = e.event_id AND j.event_hash = e.hash)
"""


@dataclass
class Seen:
    """What one desk held at its last check, and what its people were told."""

    last_n: int = 0
    chains: dict[tuple[str, str, int], tuple[int, str]] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    lost_with_disk: set[str] = field(default_factory=set)
    epoch_at: int = 0
    cursor: int = 0
    cursor_hash: str = ""
    backup: tuple[set[str], int] = field(default_factory=lambda: (set(), 0))
    had_position: list[tuple[int, int]] = field(default_factory=list)


class Checker:
    """Holds every desk and the plane to the promises; raises Violation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: dict[int, Seen] = {}
        self.plane: Plane
        self.desks: list[Desk] = []
        self.commands: CommandChecker

    def begin(self, plane: Plane, desks: list[Desk], people: People) -> None:
        self.plane, self.desks = plane, desks
        self.commands = CommandChecker(self.world, plane, desks, people)

    # -- what is heard of a desk

    def appended(self, desk: Desk, events: Sequence[str]) -> None:
        """These were committed, and a person was told so."""
        seen = self.seen_of(desk)
        for event_id in events:
            row = desk.rows.row("SELECT hash FROM event WHERE event_id = ?", (event_id,))
            demand(row, "own writes visible", f"{desk.name} said saved, and {event_id[-4:]} is not there")
            seen.told[event_id] = row["hash"] if row else ""
        self.check(desk)

    def committed(self, desk: Desk, write: object) -> None:
        """A write of the sync engine was committed."""
        self.check(desk)

    def stepped(self, desk: Desk, event: object) -> None:
        """The sync engine took a step."""
        cursor, seen = desk.state.cursor, self.seen_of(desk)
        demand(
            cursor.gpos <= seen.cursor or not seen.last_n,
            "no hole below the cursor",
            f"{desk.name}'s engine believes in position {cursor.gpos}, its disk in {seen.cursor}",
        )

    def sending(self, desk: Desk, request: SendCommand, cause: CommandInput, *, online: bool) -> None:
        self.commands.sending(desk, request, cause, online=online)

    def command_shown(self, desk: Desk, write: RecordCommand) -> None:
        self.commands.shown(desk, write)

    def ordered(self, desk: Desk, order: Order) -> None:
        self.commands.ordered(desk, order)

    def backed_up(self, desk: Desk) -> None:
        seen = self.seen_of(desk)
        seen.backup = set(seen.told), desk.rows.value("SELECT count(*) FROM alarm")

    def rolled_back(self, desk: Desk) -> None:
        """What was written after the copy is gone with the disk; what the plane has must come back."""
        seen = self.seen_of(desk)
        seen.lost_with_disk |= set(seen.told) - seen.backup[0]
        seen.told = {event_id: seen.told[event_id] for event_id in seen.told if event_id in seen.backup[0]}
        seen.last_n, seen.chains, seen.cursor, seen.had_position = 0, {}, 0, []
        seen.epoch_at = 0
        self.commands.rolled_back(desk)

    def plane_restored(self) -> None:
        """Notes which desks know more than the backup: each of them can tell, and must."""
        before, after = self.plane.rolled_back[-1]
        for desk in self.desks:
            seen = self.seen_of(desk)
            if seen.cursor > after.size and before.hash_at(seen.cursor) == seen.cursor_hash:
                seen.had_position.append((len(self.plane.rolled_back) - 1, seen.cursor))

    def seen_of(self, desk: Desk) -> Seen:
        return self.seen.setdefault(desk.number, Seen())

    # -- after each commit

    def check(self, desk: Desk) -> None:
        """The cheap checks; everything is read anew from the store."""
        seen, db = self.seen_of(desk), desk.rows
        for n, event_id, text_hash, device, incident, incarnation, seq, prev in db.tuples(_NEW_EVENTS, (seen.last_n,)):
            demand(n == seen.last_n + 1, "none vanishes", f"{desk.name}: number {n} follows {seen.last_n}")
            chain = (device, incident, incarnation)
            at = seen.chains.get(chain, (0, "0" * 64))
            demand(
                (seq, prev) == (at[0] + 1, at[1]), "chains linked", f"{desk.name}: {event_id} does not continue {at[0]}"
            )
            seen.chains[chain], seen.last_n = (seq, text_hash), n
        held = db.value("SELECT count(*) FROM event")
        demand(held == seen.last_n, "none vanishes", f"{desk.name} holds {held} events and held {seen.last_n}")
        shown = db.value("SELECT count(*) FROM timeline")
        demand(shown == held, "own writes visible", f"{desk.name} shows {shown} of {held} events")
        self._check_cursor(desk, seen)
        missing = db.value(_UNSETTLED)
        demand(
            missing is None,
            "none vanishes",
            f"{desk.name}: {missing} waits in no outbox and no receipt or journal entry speaks of it",
        )

    def _check_cursor(self, desk: Desk, seen: Seen) -> None:
        db = desk.rows
        row = db.row("SELECT epoch, pull, cursor, cursor_hash FROM sync_state") or {}
        copied = "SELECT count(*), ifnull(max(gpos), 0) FROM journal WHERE pull = ?"
        entries, last = db.tuples(copied, (row["pull"],))[0]
        cursor = row["cursor"]
        demand(
            entries == last == cursor,
            "no hole below the cursor",
            f"{desk.name}: cursor {cursor}, {entries} entries up to {last}",
        )
        seen.cursor, seen.cursor_hash = cursor, row["cursor_hash"]
        if row["epoch"]:
            at = self._epoch_index(row["epoch"])
            demand(at >= seen.epoch_at, "never an older epoch", f"{desk.name} went back to epoch {row['epoch'][-4:]}")
            seen.epoch_at = at

    def _epoch_index(self, epoch: str) -> int:
        return self.plane.epochs.index(epoch) if epoch in self.plane.epochs else -1

    def check_plane(self) -> None:
        """Positions unique, gap-free and linked; no event accepted twice; every receipt is of its row."""
        at, accepted = EMPTY_JOURNAL_HASH, set[str]()
        hashes = set[tuple[str, str]]()
        for place, row in enumerate(self.plane.disk.rows, start=1):
            demand(row.gpos == place, "positions gap-free", f"position {place} says {row.gpos}")
            at = journal_hash(at, row.event.hash, row.status == ACCEPTED)
            demand(row.journal_hash == at, "journal linked", f"position {place} has another hash")
            event_id = row.event.envelope.event_id
            demand(
                (event_id, row.event.hash) not in hashes, "no event twice", f"{event_id} stands twice, at {place} again"
            )
            hashes.add((event_id, row.event.hash))
            if row.status == ACCEPTED:
                demand(event_id not in accepted, "no event twice", f"{event_id} was accepted twice, at {place} again")
                accepted.add(event_id)

    # -- once the faults have stopped

    def at_the_end(self) -> None:
        """Everything that must hold when nothing has gone wrong for a while."""
        self.check_plane()
        ours = [desk for desk in self.desks if desk.exercise == self.plane.exercise]
        for desk in ours:
            self.check(desk)
            self._arrived(desk)
            self._journal_equals(desk)
            self._receipts_hold(desk)
            self._alarmed(desk)
        for desk in self.desks:
            self.rebuilt_equals(desk)
        self._others_stay_out()
        self.commands.at_the_end()

    def _arrived(self, desk: Desk) -> None:
        halt = desk.state.halt
        demand(halt is None, "everything arrives", f"{desk.name} has come to a stop: {halt and halt.sentence}")
        left = desk.rows.value("SELECT count(*) FROM outbox")
        demand(left == 0, "outboxes drained", f"{desk.name} still has {left} events to send")
        placed = self.plane.disk.receipts
        seen = self.seen_of(desk)
        stranded = self._stranded(desk)
        for event_id, text_hash in seen.told.items():
            demand(
                (event_id, text_hash) in placed or event_id in stranded,
                "everything arrives",
                f"{event_id} of {desk.name} is not on the server",
            )
        kept = {row[0] for row in desk.rows.tuples("SELECT hash FROM event UNION SELECT hash FROM fork_evidence")}
        gone = [event_id for event_id, text_hash in seen.told.items() if text_hash not in kept]
        demand(not gone, "none vanishes", f"{desk.name} was told that {gone[:1]} is saved, and it is gone")

    def _stranded(self, desk: Desk) -> set[str]:
        """What the plane can never place is kept, shown as rejected with a reason, counted and told; its chain is left.

        Only this is let through: the event that the plane cannot read, and what follows it, or follows a fork, in its
        chain - and only where each of these promises holds of it.
        """
        db, alarms = desk.rows, {row[0] for row in desk.rows.tuples("SELECT kind FROM alarm")}
        counted = sync_page(db, "online").not_at_plane
        found = db.rows(_WITHOUT_PLACE)
        demand(
            counted == len(found), "rejected shown", f"{desk.name} counts {counted} of {len(found)} not at the plane"
        )
        shown = {one.event_id: one for one in rejected(desk.rows)}
        for row in found:
            name = f"{desk.name}: {row['event_id'][-4:]}"
            demand(self._cannot_go_on(row), "everything arrives", f"{name} could have been placed and was given up")
            demand(row["event_id"] in shown, "rejected shown", f"{name} is not at the plane and not shown as rejected")
            one = shown[row["event_id"]]
            demand(one.reason and "export" in one.actions, "rejected shown", f"{name} is shown without a reason")
            demand("stranded" in alarms, "rejected shown", f"{name} is not at the plane, and no alarm says so")
            demand(
                row["incarnation"] < desk.record.incarnation, "rejected shown", f"{name}: its chain is still written"
            )
        return {row["event_id"] for row in found}

    def _cannot_go_on(self, row: dict[str, Any]) -> bool:
        """Whether the chain of that event has, at the plane, no end that the event or what precedes it could follow."""
        if row["event_id"] in self.plane.unreadable:
            return True
        chain = (row["device"], row["incident"], row["incarnation"])
        desk = next(one for one in self.desks if one.key.id == row["device"])
        before = desk.rows.tuples(
            "SELECT event_id, hash FROM event WHERE device = ? AND incident = ? AND incarnation = ? AND seq < ?",
            (*chain, row["seq"]),
        )
        head = self.plane.disk.chains.get(chain, ChainHead())
        forked = head.seq and head.hash not in {text_hash for _, text_hash in before}
        return bool(forked) or any(event_id in self.plane.unreadable for event_id, _ in before)

    def _journal_equals(self, desk: Desk) -> None:
        """The desk's copy is the journal, and every event in it is held - in the timeline, or apart and alarmed."""
        db, rows = desk.rows, self.plane.disk.rows
        epoch = db.value("SELECT epoch FROM sync_state")
        demand(epoch == self.plane.disk.epoch, "journal copied", f"{desk.name} follows the epoch {epoch[-4:]} still")
        copy = db.tuples(
            "SELECT gpos, journal_hash, status, event_hash FROM journal "
            "WHERE pull = (SELECT pull FROM sync_state) ORDER BY gpos"
        )
        theirs = [(row.gpos, row.journal_hash, row.status, row.event.hash) for row in rows]
        demand([tuple(one) for one in copy] == theirs, "journal copied", f"{desk.name} has another copy")
        held = {row[0]: tuple(row[1:]) for row in db.tuples(
            "SELECT e.hash, t.gpos, t.status FROM event e JOIN timeline t USING (n)"
        )}  # fmt: skip
        apart = {row[0] for row in db.tuples("SELECT hash FROM fork_evidence")}
        alarms = db.value("SELECT count(*) FROM alarm WHERE kind = 'fork'")
        for row in rows:
            if row.event.hash in held:
                demand(
                    held[row.event.hash] == (row.gpos, row.status),
                    "projections equal",
                    f"{desk.name} shows {row.event.hash[:8]} at {held[row.event.hash]}, the journal at {row.gpos}",
                )
                continue
            demand(row.event.hash in apart, "forks preserved", f"{desk.name} does not hold position {row.gpos}")
            demand(
                row.status != ACCEPTED or alarms,
                "forks flagged",
                f"{desk.name} keeps position {row.gpos} apart and says nothing",
            )

    def _receipts_hold(self, desk: Desk) -> None:
        rows, db = self.plane.disk.rows, desk.rows
        epoch, key = self.plane.disk.epoch, self.plane.identity.plane_public_key
        of_now = "SELECT event_id, event_hash, status, gpos, server_sig FROM receipt "
        of_now += "WHERE pull = (SELECT pull FROM sync_state) AND epoch = ? AND gpos > 0"
        for event_id, text_hash, status, gpos, sig in db.tuples(of_now, (epoch,)):
            subject = receipt_object(event_id, text_hash, status, gpos, epoch)
            demand(verify_receipt(key, subject, sig), "receipts in the journal", f"{desk.name}: one is unsigned")
            there = rows[gpos - 1] if gpos <= len(rows) else None
            same = there is not None and (there.event.hash, there.status) == (text_hash, status)
            rolled_back = any(before.epoch == epoch == after.epoch for before, after in self.plane.rolled_back)
            demand(
                same or (rolled_back and self._has_alarm(desk)),
                "receipts in the journal",
                f"{desk.name} has a receipt for position {gpos} that the journal does not bear out, and no alarm",
            )

    def _alarmed(self, desk: Desk) -> None:
        """Whoever knew more than what the plane was set back to has said so."""
        rows = self.plane.disk.rows
        for number, position in self.seen_of(desk).had_position:
            before, _ = self.plane.rolled_back[number]
            there = rows[position - 1].journal_hash if position <= len(rows) else ""
            demand(
                there == before.rows[position - 1].journal_hash or self._has_alarm(desk),
                "every detectable rollback alarmed",
                f"{desk.name} knew position {position}, the plane lost it, and no alarm was raised",
            )

    def _has_alarm(self, desk: Desk) -> bool:
        kinds = {row[0] for row in desk.rows.tuples("SELECT kind FROM alarm")}
        return bool(kinds & ROLLBACK_ALARMS)

    def rebuilt_equals(self, desk: Desk) -> None:
        """The projections, kept up to date event by event, are what they would be from scratch."""
        beside = connect_memory()
        try:
            projection_tables.create(beside)
            rebuild.fill(desk.conn, beside)
            differing = list(rebuild.differences(desk.conn, beside))
        finally:
            beside.close()
        demand(not differing, "projections equal a rebuild", f"{desk.name}: {', '.join(differing)} differ")

    def _others_stay_out(self) -> None:
        """A desk of the other world never gets anything in."""
        for desk in self.desks:
            if desk.exercise == self.plane.exercise:
                continue
            there = [row for row in self.plane.disk.rows if row.event.envelope.device == desk.key.id]
            accepted = [row for row in there if row.status == ACCEPTED]
            demand(not accepted, "worlds apart", f"{desk.name} is of the other world and got something accepted")
