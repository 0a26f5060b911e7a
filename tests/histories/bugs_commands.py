"""Seeded bugs of orders: sent twice, late or offline, judged by too little, believed too soon."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from console.domain import sighting
from console.domain.commands import order_from_object
from console.plane import acting, identities, orders, probes
from console.proof.canonical import parse_canonical
from console.sync import commands, keeping
from console.sync.command_values import CommandAuthorised, CommandFound, Connected, JournalSeen, SendCommand
from tests.histories.actuator import Actuator, Reply
from tests.histories.bugs import Bug, swap, swap_item, wrap
from tests.histories.desk import Desk
from tests.histories.operator_model import Operator


def _queued_offline(stack: ExitStack) -> None:
    queue: list[CommandAuthorised] = []
    authorised, connected = commands._HANDLERS[CommandAuthorised], commands._HANDLERS[Connected]

    def on_authorised(turn: Any, event: CommandAuthorised) -> None:
        if turn.state.online:
            authorised(turn, event)
        else:
            queue.append(event)

    def on_connected(turn: Any, event: Connected) -> None:
        connected(turn, event)
        while event.online and queue:
            authorised(turn, queue.pop(0))

    swap_item(stack, commands._HANDLERS, CommandAuthorised, on_authorised)
    swap_item(stack, commands._HANDLERS, Connected, on_connected)


def _offline_sent(stack: ExitStack) -> None:
    original = commands._HANDLERS[CommandAuthorised]

    def on_authorised(turn: Any, event: CommandAuthorised) -> None:
        online = turn.state.online
        turn.state = replace(turn.state, online=True)
        original(turn, event)
        turn.state = replace(turn.state, online=online)

    swap_item(stack, commands._HANDLERS, CommandAuthorised, on_authorised)


def _sent_again(stack: ExitStack) -> None:
    signed: dict[str, Any] = {}
    original = commands._HANDLERS[CommandAuthorised]

    def on_authorised(turn: Any, event: CommandAuthorised) -> None:
        signed[event.command_id] = event.order
        original(turn, event)

    def on_failed(failed: Any, turn: Any, command: Any, failure: Any) -> None:
        if failure.kind == "lost" and command.command_id in signed:
            serial = turn.serial()
            turn.requests.append(SendCommand(serial, command.command_id, signed[command.command_id]))
            turn.put(replace(command, busy=serial, phase=commands.SENDING))
        else:
            failed(turn, command, failure)

    swap_item(stack, commands._HANDLERS, CommandAuthorised, on_authorised)
    wrap(stack, commands, "_on_send_failed", on_failed)


def _sent_at_start(stack: ExitStack) -> None:
    def around(start: Any, desk: Desk) -> None:
        start(desk)
        found = [one for one in desk.rows.rows("SELECT * FROM command") if one["state"] in ("authorised", "sent")]
        desk.commands = replace(desk.commands, commands=(), online=True)
        for authorised in keeping.authorised_commands(desk.rows):
            desk.feed_command(authorised)
        if found:
            desk.world.tell(desk.name, f"takes {len(found)} orders up again")

    wrap(stack, Desk, "start", around)


def _too_late_to_send(stack: ExitStack) -> None:
    original = commands._HANDLERS[CommandAuthorised]

    def on_authorised(turn: Any, event: CommandAuthorised) -> None:
        original(turn, replace(event, expires_us=turn.now_us + 1))

    swap_item(stack, commands._HANDLERS, CommandAuthorised, on_authorised)


def _never_looked_up(stack: ExitStack) -> None:
    swap(stack, commands, "_look_later", lambda turn, command: turn.put(command))


def _not_known_is_refused(stack: ExitStack) -> None:
    def on_failed(turn: Any, command: Any, failure: Any) -> None:
        turn.record(replace(command, state="refused", sentence=failure.sentence))

    swap(stack, commands, "_on_send_failed", on_failed)


def _progress_goes_back(stack: ExitStack) -> None:
    swap(stack, commands, "_moved", lambda command, word: replace(command, state=word.state, word=word))
    original = commands._HANDLERS[CommandFound]
    swap_item(
        stack, commands._HANDLERS, CommandFound, lambda turn, event: original(turn, replace(event, state="unknown"))
    )


def _offset_backwards(stack: ExitStack) -> None:
    def record(original: Any, turn: Any, command: Any) -> Any:
        offset = turn.state.offset
        if offset is None:
            return original(turn, command)
        turn.state = replace(turn.state, offset=replace(offset, offset_us=-offset.offset_us))
        done = original(turn, command)
        turn.state = replace(turn.state, offset=offset)
        return done

    wrap(stack, commands._Turn, "record", record)


def _by_generation(stack: ExitStack) -> None:
    def judge(original: Any, reply: Any, aim: Any) -> Any:
        refusers = tuple(replace(one, assertion_id=aim.assertion_id) for one in reply.refused_by)
        return original(replace(reply, refused_by=refusers), aim)

    def is_ours(original: Any, operator: Operator, held: Any, aim: Any) -> bool:
        return held is not None and bool(held.generation == aim.generation)

    def holds(original: Any, read: Any, aim: Any) -> bool:
        held = read.switches.get((aim.switch, aim.target))
        return held is not None and held.generation == aim.generation

    wrap(stack, sighting, "judge_reply", judge)
    wrap(stack, probes, "holds", holds)
    wrap(stack, Operator, "is_ours", is_ours)


def _reply_is_verified(stack: ExitStack) -> None:
    swap(stack, sighting, "judge_reply", lambda reply, aim: "in_effect")
    swap(stack, probes, "holds", lambda read, aim: True)
    swap(stack, Operator, "is_ours", lambda operator, held, aim: held is not None and held.generation >= aim.generation)


def _state_is_verified(stack: ExitStack) -> None:
    """What is stopped is stopped, whoever did it."""

    def judge(original: Any, reply: Any, aim: Any) -> Any:
        return "in_effect" if (reply.outcome == "switched_off") == (aim.want == "stopped") else "not_in_effect"

    wrap(stack, sighting, "judge_reply", judge)
    swap(stack, probes, "holds", lambda read, aim: True)
    swap(stack, Operator, "is_ours", lambda operator, held, aim: held is not None and held.state == aim.want)


def _expired_at_actuator(stack: ExitStack) -> None:
    swap(stack, Actuator, "has_expired", lambda actuator, assertion: False)


def _expired_nowhere(stack: ExitStack) -> None:
    _expired_at_actuator(stack)
    swap(stack, Operator, "has_expired", lambda operator, command: False)
    swap(stack, orders, "_time_problem", lambda order, rules, situation: None)


def _stale_at_actuator(stack: ExitStack) -> None:
    def refusal(original: Any, actuator: Actuator, credential: str, assertion: Any, held: Any) -> str:
        why = original(actuator, credential, assertion, held)
        return "" if why == "stale" else str(why)

    wrap(stack, Actuator, "refusal", refusal)


def _stale_at_plane(stack: ExitStack) -> None:
    swap(stack, orders, "_preview_problem", lambda order, situation: None)


def _approval_reused(stack: ExitStack) -> None:
    swap(stack, orders, "_approval_holds", lambda approval, order, identities, ttl_s, now: True)


def _ledger_forgets(stack: ExitStack) -> None:
    """The actuator keeps no ledger and looks at no generation: a doubled message acts twice."""

    def apply(original: Any, actuator: Actuator, credential: str, assertion: Any) -> Reply | None:
        actuator.ledger.clear()
        held = actuator.held.get((assertion.switch, assertion.target))
        if held is not None and held.generation == assertion.generation:
            actuator.held[assertion.switch, assertion.target] = replace(held, generation=held.generation - 1)
        return original(actuator, credential, assertion)  # type: ignore[no-any-return]

    wrap(stack, Actuator, "apply", apply)


def _drill_on_live(stack: ExitStack) -> None:
    def apply(operator: Operator, back_end: Actuator, assertion: Any) -> Reply | None:
        return operator.world.actuators[False].apply("live", assertion)

    swap(stack, Operator, "_apply", apply)


def _resolved_by_sending(stack: ExitStack) -> None:
    """A command whose outcome is unknown is simply dispatched again, under a generation of its own."""

    def resolve(operator: Operator, command: Any) -> None:
        disk = operator.plane.disk
        at = (command.switch, command.target)
        wanted = disk.desired[at]
        fresh = replace(command, generation=wanted.generation + 1)
        disk.ledger[command.command_id] = fresh
        disk.desired[at] = replace(wanted, generation=fresh.generation)
        for actuator in operator.back_ends(command):
            actuator.ledger.pop(command.command_id, None)
        operator._carry_out(command.command_id)

    swap(stack, Operator, "_resolve", resolve)


def _never_resolved(stack: ExitStack) -> None:
    swap(stack, Operator, "_resolve", lambda operator, command: None)


def _expired_said_too_soon(stack: ExitStack) -> None:
    """A command the plane does not know yet is called expired at once."""

    def on_not_known(turn: Any, command: Any) -> None:
        turn.record(replace(command, state="expired", sentence="It never reached the plane."))

    swap(stack, commands, "_on_not_known", on_not_known)


def _no_doubt(stack: ExitStack) -> None:
    """A plane that does not know an order is believed, whatever has become of its journal."""

    def on_journal(turn: Any, event: JournalSeen) -> None:
        turn.state = replace(turn.state, journal=JournalSeen(1 << 62, 0))

    original = commands._HANDLERS[CommandFound]
    swap_item(stack, commands._HANDLERS, JournalSeen, on_journal)
    swap_item(
        stack, commands._HANDLERS, CommandFound, lambda turn, event: original(turn, replace(event, doubted=False))
    )


def _same_order_taken_twice(stack: ExitStack) -> None:
    def submit(original: Any, operator: Operator, desk: Any, signed: Any) -> Any:
        order = order_from_object(parse_canonical(signed.canon.encode()))
        operator.plane.disk.ledger.pop(order.command_id, None)
        return original(operator, desk, signed)

    wrap(stack, Operator, "submit", submit)


def _one_of_two(stack: ExitStack) -> None:
    def overall(deeds: Any) -> Any:
        return next((deed.effect for deed in deeds if deed.in_effect), deeds[0].effect)

    swap(stack, acting, "overall", overall)


def _left_behind(stack: ExitStack) -> None:
    swap(stack, Operator, "_bring_along", lambda operator, back_end, command: None)


def _brought_along_to_a_restore(stack: ExitStack) -> None:
    """An order that one back-end never had is asserted there whatever it wants, and whoever holds it."""

    def resolve(original: Any, operator: Operator, command: Any) -> None:
        if operator.has_expired(command) and not any(one.down for one in operator.back_ends(command)):
            for one in operator.back_ends(command):
                operator._bring_along(one, command)
        original(operator, command)

    wrap(stack, Operator, "_resolve", resolve)


def _loan_without_end(stack: ExitStack) -> None:
    def lent(original: Any, loans: Any, now: Any) -> Any:
        return original([replace(loan, until="9999-12-31T23:59:59.000000Z") for loan in loans], now)

    wrap(stack, identities, "lent_roles", lent)


def _revocation_unread(stack: ExitStack) -> None:
    swap_item(stack, identities._CHANGES, "person.revoked", lambda known, event: known)


BUGS = (
    Bug("queued while offline", "An order confirmed offline is sent on reconnect.", _queued_offline),
    Bug("sent while offline", "An order is sent although the plane does not answer.", _offline_sent),
    Bug("sent again after a time-out", "An order whose answer was lost is sent once more.", _sent_again),
    Bug("sent again at start", "A desk that starts sends what it finds authorised.", _sent_at_start),
    Bug("sent after its end", "The desk does not look at the end of an order.", _too_late_to_send),
    Bug("never looked up", "An unknown outcome stays unknown.", _never_looked_up),
    Bug("lost is refused", "A lost answer is shown as a refusal.", _not_known_is_refused),
    Bug("expired said too soon", "What the plane does not know yet is shown as expired.", _expired_said_too_soon),
    Bug("forgetful plane believed", "A rolled-back plane's word that an order never came is shown.", _no_doubt),
    Bug("progress goes back", "A late answer moves a command back.", _progress_goes_back),
    Bug("offset backwards", "The plane's time is shown with the offset the wrong way round.", _offset_backwards),
    Bug("read back by generation", "A command counts as seen when the generation is its own.", _by_generation),
    Bug("verified by state", "A command counts as seen when the switch is where it wants it.", _state_is_verified),
    Bug("verified by the reply", "The back-end's word counts as seen.", _reply_is_verified),
    Bug("expired at the actuator", "The actuator does not look at the end of an order.", _expired_at_actuator),
    Bug("expired nowhere", "Nobody looks at the end of an order.", _expired_nowhere),
    Bug("stale at the actuator", "The actuator takes generations it has passed.", _stale_at_actuator),
    Bug("stale at the plane", "The plane takes orders for what was not shown.", _stale_at_plane),
    Bug("approval reused", "An approval counts for any order.", _approval_reused),
    Bug("actuator forgets", "A doubled message acts twice.", _ledger_forgets),
    Bug("drill on the live system", "A drill's plane acts with the live credential.", _drill_on_live),
    Bug("resolved by sending", "An unknown outcome is settled by doing it again.", _resolved_by_sending),
    Bug("never resolved", "The plane does not look after what it did not see.", _never_resolved),
    Bug("one of two", "A switch counts as seen when one of its two back-ends shows it.", _one_of_two),
    Bug("left behind", "A back-end that was down is not brought along to a stop.", _left_behind),
    Bug("asserted unasked", "What no back-end holds is asserted after its end.", _brought_along_to_a_restore),
    Bug("loan without end", "A lent role counts after its end.", _loan_without_end),
    Bug("revocation unread", "A person who was revoked between confirmation and order still acts.", _revocation_unread),
    Bug("order taken twice", "The plane forgets the orders that it took.", _same_order_taken_twice),
)  # fmt: skip
