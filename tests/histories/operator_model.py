"""How the plane of a run takes an order and carries it out: `commanding` and `operating` without their event loop.

Real: `authorship_problem`, `order_problem` (time, preview, epoch, generation, approvals, gates), `judge_reply`,
`holds`, the ledger's row and its allowed moves. Model: the order of steps - record, act, probe, record - as
callbacks on the virtual clock, with a line to the actuator that loses, doubles and delays what it carries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from console.domain import sighting
from console.domain.commands import (
    ACKNOWLEDGED,
    DISPATCHED,
    ENDS,
    EXPIRED,
    REFUSED,
    STALE,
    SUPERSEDED,
    UNKNOWN,
    VERIFIED,
    Order,
    may_move,
    order_from_object,
)
from console.domain.sighting import Aim
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import format_utc, from_epoch_us, parse_utc
from console.plane import acting, probes
from console.plane.acting import Deed
from console.plane.backends import NO_ANSWER, Assertion, Held, ProbeReply
from console.plane.desired import Desired
from console.plane.ledger import Command
from console.plane.ledger import Result as LedgerResult
from console.plane.orders import Situation, authorship_problem, order_problem
from console.plane.previews import Preview
from console.plane.probes import Effect
from console.proof.canonical import parse_canonical
from console.proof.keys import leaf_digest
from console.protocol.problems import Problem
from console.sync.command_values import PlaneWord, Result, SignedOrder
from console.sync.values import Failure
from tests.histories import cast
from tests.histories.actuator import Actuator, Reply
from tests.histories.journal_model import amended
from tests.histories.world import World

if TYPE_CHECKING:
    from tests.histories.desk import Desk
    from tests.histories.plane import Plane

_OVER = "over"
TOO_LATE = "It ended before it reached the back-end; nothing was done."
_END_OF = {"stale": STALE, "epoch_changed": STALE, "expired": EXPIRED}
DEADLINE_US = 2_000_000
WATCH_US = 5_000_000
FRESH = timedelta(seconds=60)
REASSERTED_FOR = timedelta(seconds=30)


class Operator:
    """Orders at one life of the plane; dies with it."""

    def __init__(self, world: World, plane: Plane) -> None:
        self.world, self.plane, self.life = world, plane, plane.life
        self.previews: dict[str, Preview] = {}
        self._busy: set[str] = set()

    def begin(self) -> None:
        """Looks after what is under way, now and then again."""
        self._later(WATCH_US * self.world.rng.uniform(0.1, 1.0), self._watch)

    # -- what a desk asks

    def select(self, desk: Desk, incident: str, switch: str, target: str, want: str) -> dict[str, Any]:
        """A preview: the generation, the state seen through the data path, and a token for having seen it."""
        wanted = self.plane.disk.desired.get((switch, target), Desired(switch, target))
        now = from_epoch_us(self.world.now_us)
        token = self.world.fresh_id()
        self.previews[token] = Preview(desk.key.id, incident, switch, target, want, wanted.generation, now + FRESH)
        return {
            "token": token, "generation": wanted.generation, "epoch": self.plane.disk.epoch,
            "seen_us": self.world.now_us, "life": self.plane.life,
        }  # fmt: skip

    def submit(self, desk: Desk, signed: SignedOrder) -> PlaneWord | Failure:
        """Judge an order and record it; returns right after the commit."""
        disk, text = self.plane.disk, signed.canon.encode("utf-8")
        order = order_from_object(parse_canonical(text))
        problem = authorship_problem(
            order, text, signed.sig, signed.person_sig, desk.key.id, self.plane.journal.identities
        )
        if problem is not None:
            return _failure(problem)
        known = disk.ledger.get(order.command_id)
        if known is not None:
            return _failure(_problem_of(known)) if known.problem else word_of(known)
        return self.judge(order, signed, leaf_digest(text).hex())

    def judge(self, order: Order, signed: SignedOrder, digest: str) -> PlaneWord | Failure:
        """A new order: refused with its reason, or committed and begun."""
        disk, at = self.plane.disk, (order.switch, order.target)
        wanted = disk.desired.get(at, Desired(*at))
        now = from_epoch_us(self.world.now_us)
        shown = self.previews.get(order.select_token)
        situation = Situation(
            identities=self.plane.journal.identities,
            exercise=self.plane.exercise,
            epoch=disk.epoch,
            generation=wanted.generation,
            preview=shown if shown is not None and shown.expires > now else None,
            proven=frozenset(one for ids in order.criteria.values() for one in ids),
            now=now,
        )
        problem = order_problem(order, cast.rules(), situation)
        row = Command(
            command_id=order.command_id, order_hash=digest, canon=signed.canon, sig=signed.sig,
            person_sig=signed.person_sig, incident=order.incident, switch=order.switch, target=order.target,
            want=order.want, state=ACKNOWLEDGED, expires=order.expires,
        )  # fmt: skip
        if problem is not None:
            self.world.count(f"order refused: {problem.kind}")
            self.world.tell("plane", f"refuses order {order.command_id[-4:]}: {problem.kind}")
            disk.ledger[row.command_id] = replace(
                row, state=_END_OF.get(problem.kind, REFUSED), problem=problem.as_object()
            )
            body = {
                "command_id": row.command_id, "switch": row.switch, "target": row.target, "want": row.want,
                "gates": list(problem.gates) or [problem.kind], "sentence": problem.detail,
            }  # fmt: skip
            self.plane.write("switch.refused", row.incident, body)
            return _failure(problem)
        if shown is not None:
            self.previews[order.select_token] = replace(shown, used_by=order.command_id)
        self.plane.taken.append((order, self.world.now_us, disk.rows, disk.size))
        command = self._take(row, wanted, format_utc(now))
        self._later(self.world.rng.uniform(500, 2e4), partial(self._carry_out, command.command_id))
        return word_of(command)

    def status(self, command_id: str) -> PlaneWord | Failure:
        """Where an order stands."""
        row = self.plane.disk.ledger.get(command_id)
        if row is None:
            return Failure("problem", "This plane never received a command of that id.", 404, "not_found")
        return word_of(row)

    def _take(self, row: Command, wanted: Desired, at: str) -> Command:
        disk = self.plane.disk
        for older in [one for one in disk.ledger.values() if _same_switch(one, row) and one.state not in ENDS]:
            amended(disk, older.command_id, state=SUPERSEDED)
            self._say_end(older, SUPERSEDED, "A newer command was given for this switch.")
        generation = wanted.generation + 1
        command = replace(row, generation=generation, was=wanted.want, acknowledged_at=at)
        disk.ledger[row.command_id] = command
        disk.desired[row.switch, row.target] = Desired(
            row.switch, row.target, row.want, generation, row.command_id, row.incident, at
        )
        body = {
            "command_id": row.command_id, "switch": row.switch, "target": row.target, "want": row.want,
            "generation": generation, "order_hash": row.order_hash, "acknowledged_at": at,
        }  # fmt: skip
        self.plane.write("switch.acknowledged", row.incident, body)
        self.world.tell("plane", f"takes order {row.command_id[-4:]}: {row.want} at generation {generation}")
        return command

    # -- carrying it out

    def _carry_out(self, command_id: str) -> None:
        command = self.plane.disk.ledger[command_id]
        if command.state in ENDS or command_id in self._busy:
            return
        if self.has_expired(command):
            self._end(command, (UNKNOWN, EXPIRED), "It ended before it could be sent on; nothing was done.")
            return
        self._busy.add(command_id)
        assertion = Assertion(
            command.switch, command.target, command.want, command.generation, command_id, command.expires
        )
        heard: dict[str, Reply] = {}
        for one in self.back_ends(command):
            self._to_actuator(partial(self._apply, one, assertion), partial(self._applied, command_id, heard, one.name))
        self._later(DEADLINE_US, partial(self._no_reply, command_id, heard))

    def has_expired(self, command: Command) -> bool:
        return parse_utc(command.expires) <= from_epoch_us(self.world.now_us)

    def back_ends(self, command: Command) -> tuple[Actuator, ...]:
        """Every system that enforces its switch."""
        return self.world.enforcing((command.switch, command.target), exercise=self.plane.exercise)

    def _apply(self, back_end: Actuator, assertion: Assertion) -> Reply | None:
        return back_end.apply(self.credential(), assertion)

    def credential(self) -> str:
        """What this plane shows the back-end: a drill's is another than production's."""
        return "drill" if self.plane.exercise else "live"

    def _applied(self, command_id: str, heard: dict[str, Reply], name: str, reply: Reply) -> None:
        command = self.plane.disk.ledger[command_id]
        if _OVER in heard or name in heard:
            return
        heard[name] = reply
        if len(heard) < len(self.back_ends(command)):
            return
        refusals = {one.refusal for one in heard.values()}
        newest = max(one.generation for one in heard.values())
        heard[_OVER] = reply
        self._busy.discard(command_id)
        if refusals == {"stale"}:
            self._end(command, (SUPERSEDED,), "The back-end holds a newer state already.", newest)
        elif refusals == {"expired"}:
            self._end(command, (UNKNOWN, EXPIRED), TOO_LATE)
        elif "" not in refusals:
            self._end(command, (UNKNOWN, REFUSED), "The back-end refused.")
        else:
            if refusals == {""}:
                self._dispatched(command)
            self._observe(command_id)

    def _no_reply(self, command_id: str, heard: dict[str, Reply]) -> None:
        if _OVER in heard:
            return
        heard[_OVER] = Reply("", 0)
        self._busy.discard(command_id)
        command = self.plane.disk.ledger[command_id]
        if may_move(command.state, UNKNOWN):
            amended(self.plane.disk, command_id, state=UNKNOWN)
            self._say_end(command, UNKNOWN, "The back-end did not answer in time.")

    def _dispatched(self, command: Command) -> None:
        if command.dispatched_at or not may_move(command.state, DISPATCHED):
            return
        at = format_utc(from_epoch_us(self.world.now_us))
        amended(self.plane.disk, command.command_id, state=DISPATCHED, dispatched_at=at)
        body = {"command_id": command.command_id, "adapter": "model", "reply": "applied", "dispatched_at": at}
        self.plane.write("switch.dispatched", command.incident, body)

    def _observe(self, command_id: str) -> None:
        """One probe through each data path, judged one by one and together by the real rules."""
        command = self.plane.disk.ledger[command_id]
        if command.state in ENDS:
            return
        deeds = [self._look(one, self._aim(one, command)) for one in self.back_ends(command)]
        effect = acting.overall(deeds)
        assert effect is not None
        state = VERIFIED if effect.seen == "in_effect" else UNKNOWN
        shown, refuses = effect.state(command.want), acting.refuses_new(deeds)
        if command.state == UNKNOWN and state == UNKNOWN and command.observation.get("state") == shown:
            return
        at, event_id = format_utc(effect.at), self.world.fresh_id()
        observation = {
            "state": shown, "observed_at": at, "method": "probe", "generation": command.generation,
            "command_id": command_id,
        }  # fmt: skip
        changes: dict[str, Any] = {
            "observation": observation, "results": {"refuses_new": LedgerResult(refuses, event_id)},
        }  # fmt: skip
        if may_move(command.state, state):
            changes |= {"state": state, "observed_at": at}
        amended(self.plane.disk, command_id, **changes)
        body = {
            "command_id": command_id, "switch": command.switch, "target": command.target, "state": shown,
            "generation": command.generation, "by": "plane", "method": "probe", "observed_at": at, "results": {},
            "detail": {},
        }  # fmt: skip
        self.plane.write("switch.observed", command.incident, body)
        self.world.tell("plane", f"observes {shown} for {command_id[-4:]}: {state}")

    def _aim(self, back_end: Actuator, command: Command) -> Aim:
        named = self.plane.disk.again.get((back_end.name, command.command_id), command.command_id)
        return Aim(command.switch, command.target, command.want, command.generation, named)

    def _look(self, back_end: Actuator, aim: Aim) -> Deed:
        reply = back_end.probe((aim.switch, aim.target))
        if self.world.chance(self.world.trouble.back_end_loses):
            reply = ProbeReply(NO_ANSWER, reply.at)
        seen = sighting.judge_reply(reply, aim)
        if seen == "in_effect" and aim.want == RUNNING:
            seen = "in_effect" if probes.holds(back_end.read_back(), aim) else "unknown"
        return Deed(back_end.name, aim, effect=Effect(seen, reply.at, 1, reply.outcome))

    def _watch(self) -> None:
        for command in list(self.plane.disk.ledger.values()):
            if command.state not in ENDS and command.command_id not in self._busy:
                self._resolve(command)
        self._later(WATCH_US, self._watch)

    def _resolve(self, command: Command) -> None:
        """What became of a command nobody is carrying out: by read-back and probe, as `operating.resolve`."""
        if self.world.chance(self.world.trouble.back_end_loses):
            return
        back_ends = self.back_ends(command)
        if any(one.down for one in back_ends):
            return
        held = {one.name: one.held.get((command.switch, command.target), Held(RUNNING, 0, "")) for one in back_ends}
        ours = [one for one in back_ends if self.is_ours(held[one.name], self._aim(one, command))]
        generation = max(one.generation for one in held.values())
        if len(ours) == len(back_ends):
            self._dispatched(command)
            self._observe(command.command_id)
        elif not ours and generation >= command.generation:
            self._end(command, (SUPERSEDED,), "The back-end holds a newer state than this command's.", generation)
        elif command.dispatched_at:
            self._observe(command.command_id)
        elif not self.has_expired(command):
            self._carry_out(command.command_id)
        elif not ours:
            self._end(command, (UNKNOWN, EXPIRED), TOO_LATE, generation)
        elif command.want == STOPPED:
            for one in back_ends:
                self._bring_along(one, command)

    def _bring_along(self, back_end: Actuator, command: Command) -> None:
        """What is stopped at one back-end is stopped at the other, under an id of the plane's own; no restore is."""
        disk, at = self.plane.disk, (back_end.name, command.command_id)
        if self.is_ours(back_end.held.get((command.switch, command.target)), self._aim(back_end, command)):
            return
        named = disk.again.setdefault(at, self.world.fresh_id())
        self.world.again[named] = command.command_id
        ends = format_utc(from_epoch_us(self.world.now_us) + REASSERTED_FOR)
        assertion = Assertion(command.switch, command.target, STOPPED, command.generation, named, ends)
        self.world.count("brought along")
        self._to_actuator(partial(self._apply, back_end, assertion), lambda reply: None)

    def is_ours(self, held: Held | None, aim: Aim) -> bool:
        """Whether what the back-end holds is this command's doing."""
        return held is not None and (held.generation, held.assertion_id) == (aim.generation, aim.assertion_id)

    def _end(self, command: Command, states: tuple[str, ...], sentence: str, generation: int = 0) -> None:
        disk, command = self.plane.disk, self.plane.disk.ledger[command.command_id]
        for state in states:
            if may_move(disk.ledger[command.command_id].state, state):
                amended(disk, command.command_id, state=state)
        if disk.ledger[command.command_id].state != states[-1] or command.state == states[-1]:
            return
        at = (command.switch, command.target)
        wanted = disk.desired.get(at, Desired(*at))
        if wanted.generation == command.generation:
            disk.desired[at] = replace(
                wanted, want=command.was or RUNNING, generation=max(generation, wanted.generation)
            )
        self._say_end(command, states[-1], sentence)

    def _say_end(self, command: Command, state: str, sentence: str) -> None:
        body = {"command_id": command.command_id, "state": state, "sentence": sentence}
        self.plane.write("switch.ended", command.incident, body)

    # -- lines

    def _to_actuator(self, act: Callable[[], Reply | None], hear: Callable[[Reply], None]) -> None:
        """Over a line that loses requests and replies, doubles them and brings them late."""
        world, share = self.world, self.world.trouble.back_end_loses

        def arrive() -> None:
            reply = act()
            if reply is not None and not world.chance(share):
                for _ in range(2 if world.chance(share) else 1):
                    self._later(world.rng.uniform(500, 5e4), lambda: hear(reply))

        if world.chance(share / 2):
            return
        for _ in range(2 if world.chance(share) else 1):
            late = world.chance(share / 2)
            world.later(world.rng.uniform(1e6, 5e7) if late else world.rng.uniform(500, 5e4), arrive)

    def _later(self, delay_us: float, act: Callable[[], None]) -> None:
        self.world.later(delay_us, lambda: act() if self.plane.life == self.life and self.plane.up else None)


def word_of(row: Command) -> PlaneWord:
    """A ledger row as the desk's transport hands it on."""

    def moment(text: str) -> int:
        return round(parse_utc(text).timestamp() * 1e6) if text else 0

    refuses = row.result("refuses_new")
    return PlaneWord(
        row.command_id, row.state, row.generation, moment(row.acknowledged_at), moment(row.dispatched_at),
        moment(row.observed_at), str(row.observation.get("state", "")),
        str(row.observation.get("method", "")), Result(refuses.result, refuses.evidence),
        problem_kind=str(row.problem.get("kind", "")), problem_detail=str(row.problem.get("detail", "")),
    )  # fmt: skip


def _same_switch(one: Command, other: Command) -> bool:
    return (one.switch, one.target) == (other.switch, other.target)


def _problem_of(row: Command) -> Problem:
    return Problem(str(row.problem["kind"]), str(row.problem["detail"]))


def _failure(problem: Problem) -> Failure:
    return Failure("problem", problem.detail, problem.status, problem.kind)
