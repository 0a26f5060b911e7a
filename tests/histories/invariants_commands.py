"""What must hold of every order: sent once and only by who was online, in effect at most once, shown as it is.

The actuators' list of effects is the truth; what desks show and what the plane believes is held against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.domain.commands import ENDS, EXPIRED, PROGRESS, REFUSED, STALE, UNKNOWN, VERIFIED, Order
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import parse_utc
from console.proof.envelope import SYSTEM
from console.proof.journal import ACCEPTED
from console.sync.command_values import CommandAuthorised, CommandInput, RecordCommand, SendCommand
from console.sync.commands import READ_BACK
from tests.histories import cast
from tests.histories.actuator import Actuator, Effect
from tests.histories.journal_model import Row
from tests.histories.people import People
from tests.histories.plane import Plane
from tests.histories.world import World, demand, text_of

if TYPE_CHECKING:
    from tests.histories.desk import Desk

FRESH_US = 60_000_000


class CommandChecker:
    """Remembers what was sent and shown; raises Violation."""

    def __init__(self, world: World, plane: Plane, desks: list[Desk], people: People) -> None:
        self.world, self.plane, self.desks, self.people = world, plane, desks, people
        self.sent: set[str] = set()
        self.owner: dict[str, int] = {}
        self._shown: dict[tuple[int, str], tuple[str, int]] = {}
        self._checked: dict[tuple[bool, str], int] = {}
        self._judged = 0

    # -- as it happens

    def ordered(self, desk: Desk, order: Order) -> None:
        self.owner[order.command_id] = desk.number

    def rolled_back(self, desk: Desk) -> None:
        """What a desk showed is gone with its store."""
        self._shown = {at: seen for at, seen in self._shown.items() if at[0] != desk.number}

    def sending(self, desk: Desk, request: SendCommand, cause: CommandInput, *, online: bool) -> None:
        """An order leaves a desk."""
        name, command_id = f"order {request.command_id[-4:]}", request.command_id
        demand(command_id not in self.sent, "sent at most once", f"{desk.name} sends {name} again")
        self.sent.add(command_id)
        demand(
            online and command_id not in self.people.ordered_offline,
            "never from an offline desk",
            f"{desk.name} was offline when {name} was confirmed, and sends it",
        )
        demand(
            isinstance(cause, CommandAuthorised),
            "never from an offline desk",
            f"{desk.name} sends {name} because of a {type(cause).__name__}, not because a person confirmed it",
        )
        ends = desk.rows.value("SELECT expires FROM command WHERE command_id = ?", (command_id,))
        demand(desk.clock() < parse_utc(ends), "never after expiry", f"{desk.name} sends {name} after its end")

    def shown(self, desk: Desk, write: RecordCommand) -> None:
        """A desk's row now says this."""
        name, at = f"{desk.name}: order {write.command_id[-4:]}", (desk.number, write.command_id)
        state, observed_us = self._shown.get(at, ("", 0))
        demand(
            state not in ENDS or state == write.state, "shown never goes back", f"{name} was {state}, is {write.state}"
        )
        demand(
            state not in PROGRESS
            or write.state not in PROGRESS
            or PROGRESS.index(state) <= PROGRESS.index(write.state),
            "shown never goes back",
            f"{name} was {state}, is {write.state}",
        )
        seen_us = write.word.observed_plane_us if write.word else 0
        demand(seen_us >= observed_us or not seen_us, "shown never goes back", f"{name}: an older sight came later")
        self._shown[at] = write.state, max(seen_us, observed_us)
        order = self.people.orders.get(write.command_id)
        if order is None:
            return
        if write.state == VERIFIED:
            self.demand_true(order, seen_us, name)
        if seen_us and write.offset_known and not desk.clock_moved:
            true_us = seen_us + desk.skew_us
            demand(
                abs(write.observed_us - true_us) <= self._round_trip_us(desk) // 2 + 1_000,
                "shown at its own time",
                f"{name} is shown as seen {abs(write.observed_us - true_us) / 1e6:.1f} s off its time",
            )

    def _round_trip_us(self, desk: Desk) -> int:
        offset = desk.commands.offset
        return offset.round_trip_us if offset is not None else 0

    def demand_true(self, order: Order, seen_us: int, name: str) -> None:
        """Something said "verified": the data path did show it, under this very command, at that time."""
        switch = (order.switch, order.target)
        for actuator in self.world.enforcing(switch, exercise=self.plane.exercise):
            state, by = actuator.truth(switch, seen_us)
            demand(
                (state, self._order_of(by)) == (order.want, order.command_id),
                "verified only if true",
                f"{name} is verified as {order.want}, and at that time {actuator.name} was {state} by "
                f"{by[-4:] or 'nobody'}",
            )

    def _order_of(self, assertion_id: str) -> str:
        """The command for whose sake something is asserted."""
        return self.world.again.get(assertion_id, assertion_id)

    def check_effects(self) -> None:
        """Everything that took effect since the last look was allowed to."""
        for exercise, actuator in self._actuators():
            at = (exercise, actuator.name)
            done = self._checked.get(at, 0)
            for place, effect in enumerate(actuator.effects[done:], start=done):
                self._check_effect(effect, actuator.effects[:place], exercise=exercise)
            self._checked[at] = len(actuator.effects)
        for order, now_us, rows, size in self.plane.taken[self._judged :]:
            demand(
                may_order(order, rows[:size], text_of(now_us)),
                "only by who may",
                f"order {order.command_id[-4:]} of {order.person} was taken, and they had no right to it then",
            )
        self._judged = len(self.plane.taken)
        for command_id, row in self.plane.disk.ledger.items():
            if row.state == VERIFIED and row.observed_at and command_id in self.people.orders:
                seen_us = round(parse_utc(row.observed_at).timestamp() * 1e6)
                self.demand_true(self.people.orders[command_id], seen_us, f"plane: order {command_id[-4:]}")

    def _actuators(self) -> list[tuple[bool, Actuator]]:
        return [*self.world.actuators.items(), *self.world.seconds.items()]

    def _check_effect(self, effect: Effect, before: list[Effect], *, exercise: bool) -> None:
        named = effect.assertion.assertion_id
        command_id = self._order_of(named)
        order, name = self.people.orders.get(command_id), f"order {command_id[-4:]}"
        demand(order, "only by order", f"{name} took effect and nobody signed it")
        assert order is not None
        demand(
            all(one.assertion.assertion_id != named for one in before),
            "at most one effect",
            f"{name} took effect a second time",
        )
        if named != command_id:
            self._check_again(effect, order, name)
        demand(
            effect.at_us <= parse_utc(effect.assertion.expires).timestamp() * 1e6 + 1,
            "never after expiry",
            f"{name} took effect after its end",
        )
        newest = max((one.assertion.generation for one in before if one.switch == effect.switch), default=0)
        demand(
            effect.assertion.generation > newest,
            "never over a newer generation",
            f"{name} took effect at generation {effect.assertion.generation} over {newest}",
        )
        demand(
            order.exercise == exercise and (effect.credential == "drill") == exercise,
            "never a drill on a live system",
            f"{name} of the other world took effect",
        )
        demand(command_id not in self.people.reused, "approved for itself", f"{name} ran on another order's approval")
        demand(
            command_id not in self.people.ordered_offline,
            "never from an offline desk",
            f"{name} was confirmed offline and took effect",
        )
        if named == command_id:
            self._check_preview(effect, order, before, name)

    def _check_again(self, effect: Effect, order: Order, name: str) -> None:
        """A back-end is brought along to a stop only, and to one that took effect at another by the order itself."""
        held = any(
            one.assertion.assertion_id == order.command_id and one.at_us <= effect.at_us
            for _, actuator in self._actuators()
            for one in actuator.effects
        )
        demand(
            held and effect.assertion.want == order.want == STOPPED,
            "brought along to what holds",
            f"{name} was asserted again where no stop of it had taken effect",
        )

    def _check_preview(self, effect: Effect, order: Order, before: list[Effect], name: str) -> None:
        shown = self.people.previews.get(order.select_token)
        demand(shown, "only what was seen", f"{name} names a preview that nobody saw")
        assert shown is not None
        same = (shown.switch, shown.target, shown.want, shown.generation, shown.desk)
        demand(
            same == (order.switch, order.target, order.want, order.generation, self.owner[order.command_id]),
            "only what was seen",
            f"{name} is of something else than its preview",
        )
        demand(
            effect.assertion.generation == shown.generation + 1,
            "only what was seen",
            f"{name} moved the switch to {effect.assertion.generation}, the person saw {shown.generation}",
        )
        demand(
            effect.at_us - shown.seen_us <= FRESH_US + 2 * 30_000_000 + 10_000_000,
            "only what was seen",
            f"{name} was decided on a preview {(effect.at_us - shown.seen_us) / 1e6:.0f} s old",
        )
        others = [one for one in before if self._token(one) == order.select_token]
        demand(not others, "only what was seen", f"{name} took effect under a preview that was used before")

    def _token(self, effect: Effect) -> str:
        order = self.people.orders.get(effect.assertion.assertion_id)
        return order.select_token if order is not None else ""

    # -- once the faults have stopped

    def at_the_end(self) -> None:
        """No order is left open that the plane knows of, and what desks show of it is what happened."""
        self.check_effects()
        effects = {one.assertion.assertion_id for _, actuator in self._actuators() for one in actuator.effects}
        for desk in self.desks:
            if desk.exercise != self.plane.exercise:
                continue
            for command_id, state, sentence in desk.rows.tuples("SELECT command_id, state, sentence FROM command"):
                name = f"{desk.name}: order {command_id[-4:]}"
                known = self.plane.disk.ledger.get(command_id)
                # What the plane was made to forget nobody can look up: the desk says so and has the switch read back.
                left = state == UNKNOWN and known is None and sentence.endswith(READ_BACK)
                demand(
                    state in ENDS or (left and self._was_forgotten(command_id)) or self._is_split(command_id),
                    "no command left unknown",
                    f"{name} is left {state}",
                )
                demand(
                    state not in (REFUSED, EXPIRED, STALE) or command_id not in effects,
                    "nothing refused took effect",
                    f"{name} is shown {state} and took effect",
                )
                if known is not None and known.state in ENDS and state in ENDS:
                    demand(
                        state == known.state or command_id not in effects,
                        "shown as it is",
                        f"{name} is shown {state}, the plane says {known.state}",
                    )
        for command_id, row in self.plane.disk.ledger.items():
            demand(
                row.state != UNKNOWN or row.want == RUNNING or self._is_split(command_id),
                "no command left unknown",
                f"plane: order {command_id[-4:]} is left unknown",
            )

    def _is_split(self, command_id: str) -> bool:
        """Whether an order reached one of two and may not be brought along: a restore, or after a roll-back."""
        order = self.people.orders.get(command_id)
        if order is None or not (order.want == RUNNING or self.plane.rolled_back):
            return False
        switch = (order.switch, order.target)
        enforcing = self.world.enforcing(switch, exercise=self.plane.exercise)
        return len({actuator.truth(switch, self.world.now_us)[1] for actuator in enforcing}) > 1

    def _was_forgotten(self, command_id: str) -> bool:
        """Whether a roll-back may have taken that order from the plane: nobody can tell whether it ever had it."""
        return bool(self.plane.rolled_back) and command_id not in self.plane.disk.ledger


def may_order(order: Order, rows: list[Row], at: str) -> bool:
    """Whether the journal so far lets its author act in that role at `at`: told from the bare events, by no other code.

    Only the guest is ever without a role of their own, borrows one, or is revoked.
    """
    if order.person != cast.guest().person:
        return True
    events = [row.event.envelope for row in rows if row.status == ACCEPTED and row.event.envelope.incident == SYSTEM]
    mine = [event for event in events if event.body.get("person") == order.person]
    if any(event.type == "person.revoked" for event in mine):
        return False
    ends = {event.actor: event.body for event in mine if event.type == "role.delegated"}  # the last loan counts
    return any(body["role"] == order.role and body["until"] > at for body in ends.values())


def everybody() -> tuple[str, ...]:
    """The names of all who may order."""
    return tuple(cast.person_name(number) for number in range(cast.MOST_DESKS))
