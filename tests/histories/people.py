"""What people do in a run: write, grade, write what they may not, preview a switch and order it - online or not.

Every action is a transaction of the real store; an order is signed as `actions.switches` does, without its gates, so
that the plane's own judgement is what stands between a hasty person and the switch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from console.domain.commands import Approval, Order, approval_subject
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import parse_utc, to_epoch_us
from console.proof.actor import Actor
from console.proof.canonical import canonical
from console.proof.envelope import SYSTEM
from console.proof.keys import leaf_digest
from console.store import syncing
from console.sync.command_values import CommandAuthorised, SignedOrder
from console.sync.values import Failure
from tests.fakes.record_kit import body_of
from tests.histories import cast
from tests.histories.desk import Desk
from tests.histories.world import World, text_of

LEVELS = ("SEV-1", "SEV-2", "SEV-3")
TTL_US = 30_000_000
STRANGER = Actor("stranger@example.org", "", cast.key_of("stranger"))


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview as it stood on a screen."""

    desk: int
    incident: str
    switch: str
    target: str
    want: str
    token: str
    generation: int
    epoch: str
    seen_us: int
    plane_life: int


class People:
    """Everybody who acts; `previews` and `orders` are what they saw and signed, for whoever checks afterwards."""

    def __init__(self, world: World, desks: list[Desk]) -> None:
        self.world, self.desks = world, desks
        self.incidents: list[str] = []
        self.previews: dict[str, Shown] = {}
        self.orders: dict[str, Order] = {}
        self.ordered_offline: set[str] = set()
        self.reused: set[str] = set()
        """Orders that cite an approval given for another one."""
        self._approvals: list[tuple[Approval, str]] = []

    def act(self, desk: Desk) -> None:
        """One thing that the person at that desk does now."""
        if not desk.alive:
            return
        roll = self.world.rng.random()
        if not self.incidents or roll < 0.05:
            self._open(desk)
        elif roll < 0.40:
            self.note(desk)
        elif roll < 0.50:
            self._grade(desk)
        elif roll < 0.57:
            self._forbidden(desk)
        elif roll < 0.65 and self.world.richer:
            self._lend(desk)
        else:
            self._preview(desk)

    # -- writing

    def append(self, desk: Desk, *events: tuple[str, str, dict[str, Any]], actor: Actor | None = None) -> None:
        """One transaction with these (type, incident, body); afterwards the person sees "saved"."""
        who = actor or desk.actor
        with desk.record.transaction(desk.clock()) as tx:
            for kind, incident, body in events:
                tx.append(kind, incident, body, actor=who, person_key=who.key)
        desk.world.tell(desk.name, "writes " + ", ".join(kind for kind, _, _ in events))
        desk.checker.appended(desk, tx.changes.events)
        desk.appended()
        if self.world.chance(self.world.trouble.crash_at_write):
            desk.crash()
            self.world.later(self.world.rng.uniform(1e5, 1e7), desk.start)

    def _open(self, desk: Desk) -> None:
        incident = cast.incident_id(len(self.incidents))
        self.incidents.append(incident)
        body = body_of("incident.opened", title="Answers drift", severity="SEV-2", target="tenant.borealis")
        body["class"] = "grounding"
        self.append(desk, ("incident.opened", incident, body))

    def note(self, desk: Desk) -> None:
        """A note, or several in one transaction."""
        incident = self._some_incident()
        many = self.world.rng.choice((1, 1, 1, 2, 9))
        text = self.world.fresh_id()
        body = {"text": f"note {text}", "happened_at": text_of(desk.now_us())}
        self.append(desk, *[("note.added", incident, body)] * many)
        if desk.alive and self.world.chance(0.04):
            self._make_unreadable(desk)

    def _make_unreadable(self, desk: Desk) -> None:
        """The plane's edge will refuse the newest event with 422, as it does what it cannot parse."""
        row = desk.rows.row("SELECT event_id FROM event WHERE origin = 'own' ORDER BY n DESC LIMIT 1")
        if row is not None and desk.exercise == desk.plane.exercise:
            desk.plane.unreadable.add(str(row["event_id"]))

    def _grade(self, desk: Desk) -> None:
        incident = self._some_incident()
        row = desk.rows.row("SELECT severity_event FROM incident WHERE incident = ?", (incident,))
        body = body_of("severity.graded", level=self.world.rng.choice(LEVELS), saw=row["severity_event"] if row else "")
        self.append(desk, ("severity.graded", incident, body))

    def _forbidden(self, desk: Desk) -> None:
        """What the plane must reject: an observation in its own name, or a signature of nobody certified."""
        incident = self._some_incident()
        if self.world.chance(0.5):
            body = body_of("switch.observed", by="plane", observed_at=text_of(desk.now_us()), state="stopped")
            self.append(desk, ("switch.observed", incident, body))
        else:
            self.append(desk, ("criterion.signed", incident, body_of("criterion.signed")), actor=STRANGER)

    def _lend(self, desk: Desk) -> None:
        """The commander's role, for moments or for long; an end that is past is for the plane to refuse."""
        for_us = self.world.rng.choice((-1e6, 2e6, 1e7, 3e7, 3.6e9))
        ends = text_of(desk.now_us() + int(for_us))
        body = {"person": cast.guest().person, "role": "incident_commander", "until": ends, "reason": "I rest."}
        self.world.count("roles lent")
        self.append(desk, ("role.delegated", SYSTEM, body))

    def _author(self, desk: Desk) -> Actor:
        """Who confirms there: mostly the person whose desk it is, now and then the one who has what is lent."""
        return cast.guest() if self.world.richer and self.world.chance(0.35) else desk.actor

    def _some_incident(self) -> str:
        return self.world.rng.choice(self.incidents)

    # -- ordering

    def _preview(self, desk: Desk) -> None:
        """Opens a sheet; the person reads it for a while and then confirms what they saw."""
        rng, life = self.world.rng, desk.life
        switch, target = rng.choice(cast.NARROW + cast.WIDE)
        want, incident = rng.choice((STOPPED, STOPPED, RUNNING)), self._some_incident()
        desk.world.tell(desk.name, f"previews {want} of {target}")

        def serve(reply: Any) -> None:
            reply(desk.plane.operator.select(desk, incident, switch, target, want))

        heard: list[str] = []

        def hear(result: Any) -> None:
            if desk.life != life or not desk.alive or heard or isinstance(result, Failure):
                return
            heard.append("once")
            shown = Shown(
                desk.number, incident, switch, target, want, result["token"], result["generation"], result["epoch"],
                result["seen_us"], result["life"],
            )  # fmt: skip
            self.previews[shown.token] = shown
            read_us = rng.choice((1e6, 2e6, 2e6, 4e6, 10e6, 55e6, 70e6)) * rng.uniform(0.5, 1.0)
            self.world.later(read_us, partial(self._confirm_if_there, desk, life, shown))
            if rng.random() < 0.15:  # a second press under the same preview
                self.world.later(read_us + rng.uniform(1e5, 5e6), partial(self._confirm_if_there, desk, life, shown))

        desk.line.ask(serve, hear, timeout_us=10_000_000)

    def _confirm_if_there(self, desk: Desk, life: int, shown: Shown) -> None:
        if desk.life == life and desk.alive:
            self.confirm(desk, shown)

    def confirm(self, desk: Desk, shown: Shown) -> None:
        """Signs the order for what was shown; row and confirmation are one transaction, then the engine hears of it."""
        author = self._author(desk)
        order = self._order(desk, shown, author)
        text, person = canonical(order.as_object()), author.key
        assert person is not None
        body = {
            "command_id": order.command_id, "order_hash": leaf_digest(text).hex(), "switch": order.switch,
            "target": order.target, "want": order.want, "generation": order.generation,
            "blast_radius": order.blast_radius.as_object(), "reason": order.reason, "gesture": order.gesture,
            "approvals": [], "break_glass": "", "for_owner": "", "criteria": {}, "expires": order.expires,
        }  # fmt: skip
        signed = SignedOrder(text.decode(), desk.record.device_key.sign_text(text), person.sign_text(text))
        with desk.record.transaction(desk.clock()) as tx:
            tx.append(
                "switch.confirmed", order.incident, body, actor=author, person_key=person,
                event_id=order.confirmation,
            )  # fmt: skip
            tx.insert_command(order, signed.canon, signed.sig, signed.person_sig, offset_us=_offset_us(desk))
        self.orders[order.command_id] = order
        if not desk.commands.online:
            self.ordered_offline.add(order.command_id)
        self.world.count("orders given")
        offline = "" if desk.commands.online else " while offline"
        self.world.tell(desk.name, f"orders {order.want} of {order.target}: {order.command_id[-4:]}{offline}")
        desk.checker.appended(desk, tx.changes.events)
        desk.checker.ordered(desk, order)
        desk.appended()
        if self.world.chance(self.world.trouble.crash_at_write):
            desk.crash()
            self.world.later(self.world.rng.uniform(1e5, 1e7), desk.start)
            return
        life, expires_us = desk.life, desk.now_us() + TTL_US
        ends_us = to_epoch_us(parse_utc(order.expires))
        slow = 40e6 if self.world.chance(self.world.trouble.late) else 2e3

        def authorised() -> None:
            if desk.life == life and desk.alive:
                desk.feed_command(CommandAuthorised(order.command_id, signed, expires_us, ends_us))

        self.world.later(slow, authorised)

    def _order(self, desk: Desk, shown: Shown, author: Actor) -> Order:
        wide = (shown.switch, shown.target) in cast.WIDE
        inventory, switches = cast.rules().inventory, cast.rules().catalogue
        switch = switches.switch(shown.switch)
        now_us = desk.now_us() + _offset_us(desk)
        draft = Order(
            command_id=self.world.fresh_id(), incident=shown.incident, switch=shown.switch, target=shown.target,
            want=shown.want, epoch=shown.epoch, generation=shown.generation,
            blast_radius=inventory.blast_radius(shown.target), policy_hash=cast.policy().hash,
            expires=text_of(now_us + TTL_US), authorised_at=text_of(now_us), reason="It drifts.",
            typed_name=inventory.item(shown.target).name, dwell_ms=2_000, gesture="hold", person=author.person,
            role=switch.owner_role, for_owner="", device=desk.key.id, exercise=desk.exercise, select_token=shown.token,
            confirmation=self.world.fresh_id(), request_expires=text_of(self.world.now_us + 300_000_000),
            criteria={one.id: ("seen",) for one in switch.criteria} if shown.want == RUNNING else {},
        )  # fmt: skip
        return self._approved(desk, draft) if wide else draft

    def _approved(self, desk: Desk, order: Order) -> Order:
        """With the approval of a second person; now and then with one that was given for something else."""
        if self._approvals and self.world.chance(0.3):
            used, end = self.world.rng.choice(self._approvals)
            self.reused.add(order.command_id)
            return replace(order, approvals=(used,), request_expires=end)
        number = (desk.number + 1) % cast.MOST_DESKS
        key = cast.actor_of(number).key
        assert key is not None
        signature = key.sign_text(canonical(approval_subject(order, order.request_expires)))
        approval = Approval(
            cast.person_name(number), cast.desk_key(number).id, signature, text_of(self.world.now_us), same_desk=False
        )
        self._approvals.append((approval, order.request_expires))
        return replace(order, approvals=(approval,))


def _offset_us(desk: Desk) -> int:
    """How far the desk believes the plane's clock to be ahead."""
    return desk.commands.offset.offset_us if desk.commands.offset is not None else 0


def waiting(desk: Desk) -> int:
    """How many events of that desk the plane has not answered for."""
    return syncing.waiting(desk.rows)
