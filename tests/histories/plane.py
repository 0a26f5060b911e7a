"""The plane of a run: answers desks over their lines, keeps its journal, dies, comes back, is restored from a backup.

Model: the process around the journal (tokens and long polls in memory, statuses as `console.plane.api` gives them).
Real: everything in `journal_model` and the judges that `operator_model` calls.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from console.domain.commands import Order
from console.domain.times import from_epoch_us
from console.plane.founding import sign_as_root
from console.proof.envelope import SYSTEM
from console.protocol.limits import Limits
from console.sync.values import (
    ChainEnd,
    ConfigAnswered,
    Entry,
    Failure,
    FetchConfig,
    FetchHeads,
    FetchJournal,
    FetchShown,
    FetchToken,
    HeadsAnswered,
    JournalAnswered,
    PlaneIdentity,
    PushAnswered,
    PushBatch,
    TokenAnswered,
)
from tests.histories import cast
from tests.histories.journal_model import Disk, Journal, Row, founded
from tests.histories.operator_model import Operator
from tests.histories.world import Answer, World

if TYPE_CHECKING:
    from tests.histories.desk import Desk

HEADS_PAGE = 2
LIMITS = Limits(events_per_push=6, journal_page=8, long_poll_s=25)


def problem(status: int, kind: str, sentence: str = "", retry_after_s: float = 0.0) -> Failure:
    """A refusal as the desk's transport hands it on."""
    return Failure("problem", sentence or kind, status, kind, retry_after_s)


class Plane:
    """One plane; `backups` are copies of its disk, `lost` what every silent roll-back took away."""

    def __init__(self, world: World, *, exercise: bool) -> None:
        self.world, self.exercise = world, exercise
        self.disk = founded(exercise=exercise, epoch=world.fresh_id(), with_guest=world.richer)
        self.up, self.life = True, 0
        self.backups: list[Disk] = []
        self.epochs: list[str] = [self.disk.epoch]
        self.rolled_back: list[tuple[Disk, Disk]] = []
        """Every restore: the disk as it was, and the backup that took its place."""
        self.taken: list[tuple[Order, int, list[Row], int]] = []
        """Every order that was taken: when (microseconds), and the journal as far as it went then."""
        self.revoked = False
        self.denied: set[int] = set()
        self.unreadable: set[str] = set()
        self.identity = PlaneIdentity(
            cast.origin_of(exercise=exercise), exercise, cast.root_key().public_hex, cast.plane_key().id,
            cast.plane_key().public_hex,
        )  # fmt: skip
        self._wake()

    def _wake(self) -> None:
        self.life += 1
        self.journal = Journal(self.disk, exercise=self.exercise, fresh_id=self.world.fresh_id)
        self.tokens: set[int] = set()
        self._parked: list[tuple[int, FetchJournal, Answer]] = []
        self.operator = Operator(self.world, self)

    # -- what befalls it

    def stop(self) -> None:
        """It dies: memory is gone, what was committed is not."""
        if self.up:
            self.up = False
            self.life += 1
            self.world.tell("plane", "dies")

    def start(self) -> None:
        if not self.up:
            self.up = True
            self._wake()
            self.world.tell("plane", f"starts at position {self.disk.size}, epoch {self.disk.epoch[-4:]}")
            self.operator.begin()

    def back_up(self) -> None:
        self.backups.append(self.disk.copy())
        self.world.tell("plane", f"is backed up at position {self.disk.size}")

    def restore(self, *, new_epoch: bool) -> bool:
        """Puts the newest backup in place of the disk; False when there is none."""
        if not self.backups:
            return False
        self.stop()
        before, self.disk = self.disk, self.backups.pop().copy()
        self.rolled_back.append((before, self.disk.copy()))
        self.world.count("restored, new epoch" if new_epoch else "rolled back in silence")
        self.world.tell("plane", f"is restored from position {before.size} to {self.disk.size}, new epoch: {new_epoch}")
        self.up, previous = True, self.disk.epoch
        if new_epoch:
            self.disk.epoch = self.world.fresh_id()
            self.disk.incarnation += 1
            self.epochs.append(self.disk.epoch)
            self.backups.clear()
        self._wake()
        if new_epoch:
            self.write(
                "epoch.began",
                SYSTEM,
                {"epoch": self.disk.epoch, "previous": previous, "size": self.disk.size, "reason": "restored"},
            )
        self.operator.begin()
        return True

    def revoke(self, person: str) -> None:
        """The organisation's root turns somebody away for good, once a run."""
        if self.revoked or not self.up:
            return
        self.revoked, root = True, cast.root_key()
        (event,) = sign_as_root(
            root, self.disk.chains[root.id, SYSTEM, 1],
            [("person.revoked", {"person": person, "reason": "They left."})],
            exercise=self.exercise, now=from_epoch_us(self.world.now_us), random=self.world.aside.randbytes,
        )  # fmt: skip
        self.journal.take([event], self.world.now_us)
        self.world.count("person revoked")
        self.world.tell("plane", f"takes the revocation of {person} at {self.disk.size}")
        self._ring()

    # -- what it writes

    def write(self, kind: str, incident: str, body: dict[str, Any]) -> str:
        """An event of its own, and everybody who waits hears of it."""
        event_id = self.journal.write(kind, incident, body, self.world.now_us)
        self.world.tell("plane", f"writes {kind} at {self.disk.size}")
        self._ring()
        return event_id

    def _ring(self) -> None:
        waiting, self._parked = self._parked, []
        for _, request, reply in waiting:
            reply(self._page(request))

    # -- what it answers

    def serve(self, desk: Desk, request: Any, reply: Answer) -> None:
        """One request of a desk that has arrived."""
        world = self.world
        if world.chance(world.trouble.busy):
            reply(problem(503, "busy", "later", 1.0))
            return
        if world.chance(world.trouble.forget_token):
            self.tokens.clear()
        if isinstance(request, FetchConfig):
            reply(ConfigAnswered(0, self.identity, self.disk.epoch, LIMITS))
        else:
            self._serve_known(desk, request, reply)

    def _serve_known(self, desk: Desk, request: Any, reply: Answer) -> None:
        """What needs a device that may."""
        if desk.number in self.denied:
            reply(problem(403, "forbidden", "This device may not."))
        elif isinstance(request, FetchToken):
            reply(self._token(desk))
        elif desk.number not in self.tokens:
            reply(problem(401, "unauthenticated", "No such token."))
        elif isinstance(request, PushBatch):
            self._push(request, reply)
        elif isinstance(request, FetchJournal):
            self._journal(desk, request, reply)
        elif isinstance(request, FetchShown):
            reply(self._page(FetchJournal(0, request.epoch, request.after, request.hash, request.limit, 0)))
        elif isinstance(request, FetchHeads):
            reply(self._heads(desk, request))
        else:
            raise AssertionError(f"the plane of this run does not know the request {type(request).__name__}")

    def _token(self, desk: Desk) -> TokenAnswered | Failure:
        if not self.journal.identities.device_key(desk.key.id):
            return problem(401, "unauthenticated", "No certified device signed this request.")
        self.tokens.add(desk.number)
        return TokenAnswered(0)

    def _heads(self, desk: Desk, request: FetchHeads) -> HeadsAnswered:
        after = (request.after_incident, request.after_incarnation)
        found, more = self.journal.heads(desk.key.id, after, HEADS_PAGE)
        return HeadsAnswered(0, self.disk.epoch, tuple(ChainEnd(*one) for one in found), more)

    def _push(self, request: PushBatch, reply: Answer) -> None:
        world, dies = self.world, self.world.chance(self.world.trouble.plane_dies_at_push)
        if any(item.event_id in self.unreadable for item in request.items):
            reply(problem(422, "malformed", "It cannot be read."))
            return
        if dies and world.chance(0.5):
            self._die_for_a_while()  # before the commit
            return
        receipts = self.journal.take([item.event for item in request.items], world.now_us)
        places = ", ".join(f"{one.status[:3]} {one.gpos}" for one in receipts)
        world.tell("plane", f"commits a push of {len(receipts)}: {places}")
        if dies:
            self._die_for_a_while()  # after the commit, before the answer
            return
        reply(PushAnswered(0, self.disk.epoch, receipts))
        self._ring()

    def _die_for_a_while(self) -> None:
        self.stop()
        self.world.later(self.world.rng.uniform(1e6, 2e7), self.start)

    def _journal(self, desk: Desk, request: FetchJournal, reply: Answer) -> None:
        page = self._page(request)
        if isinstance(page, JournalAnswered) and not page.entries and request.wait_s and page.size == request.after:
            waiting = (desk.number, request, reply)
            self._parked.append(waiting)
            self.world.later(request.wait_s * 1e6, partial(self._unpark, waiting))
        else:
            reply(page)

    def _unpark(self, waiting: tuple[int, FetchJournal, Answer]) -> None:
        if waiting in self._parked and self.up:
            self._parked.remove(waiting)
            waiting[2](self._page(waiting[1]))

    def _page(self, request: FetchJournal) -> JournalAnswered | Failure:
        disk = self.disk
        if request.epoch and request.epoch != disk.epoch:
            return problem(410, "epoch_changed", "The journal was restarted from a backup.")
        if disk.hash_at(request.after) != request.hash:
            return problem(409, "conflict", "That position is not of this journal.")
        rows = disk.rows[request.after : request.after + request.limit]
        entries = tuple(Entry(row.gpos, row.journal_hash, row.status, row.event) for row in rows)
        return JournalAnswered(
            0, disk.epoch, entries, disk.size, disk.hash_at(disk.size) or "", self.journal.checkpoint()
        )
