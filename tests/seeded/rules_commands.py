"""The rules of *Commands*: what is history, what is sent when and how often, what a token is good for, what is seen.

What hangs on time, cuts and restarts is proven by the history checker; its seeded bugs are the removals of those rows.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from console.actions.approvals import give_approval, request_approval
from console.domain.commands import Order
from console.domain.errors import RefusedError
from console.domain.sighting import Aim
from console.domain.times import format_utc
from console.plane import orders, previews, probes
from console.plane.backends import SWITCHED_OFF, ProbeReply, Refuser
from console.plane.record import Record
from console.store import transaction
from tests.fakes.gateway import FakeGateway
from tests.fakes.people import OTHER_DESK
from tests.fakes.planes import POLICY, Client, fresh_id, now
from tests.histories.bugs import all_bugs
from tests.histories.kept import CAUGHT_BY
from tests.histories.run import run_seed, template_store
from tests.seeded import edits
from tests.seeded.edits import Put
from tests.seeded.line import BLOCK, BOREALIS, CACHE, COMMANDER, GLOBAL, OWNER, RANGE, SECOND, Line, actor, need
from tests.seeded.rule import Rule
from tests.seeded.rules_gates import first, refused

CASCADE, DUNMORE, ESTUARY = "tenant.cascade", "tenant.dunmore", "tenant.estuary"
_watched: list[FakeGateway] = []


def history(name: str, bug: str, *, at_desk: bool) -> Rule:
    """A row of the history checker: the seed that catches the bug holds without it."""
    put = next(one for one in all_bugs() if one.name == bug).put

    def holds(_: Line) -> None:
        with template_store() as template:
            found = run_seed(CAUGHT_BY[bug], template)
        assert found.good, f"{found.invariant}: {found.sentence}"

    return Rule(name, holds, put if at_desk else None, None if at_desk else put)


# -- history and rows


def _history_only(line: Line) -> None:
    """The confirmation alone arrives; the order was never sent."""
    asked = line.ask()
    before, _watched[:] = line.gateway.held(BLOCK, BOREALIS).generation, [line.gateway]
    body = {
        "order_hash": "0" * 64, "command_id": asked.command_id, "switch": BLOCK, "target": BOREALIS, "want": "stopped",
        "generation": before, "blast_radius": asked.preview.blast_radius.as_object(), "reason": "Not grounded.",
        "gesture": "hold", "approvals": [], "break_glass": "", "for_owner": "", "criteria": {},
        "expires": format_utc(now() + timedelta(seconds=30)),
    }  # fmt: skip
    line.write("switch.confirmed", body, asked.incident, actor(COMMANDER))
    need(line.client.get(f"/v1/commands/{asked.command_id}").status_code == 404)
    assert line.gateway.held(BLOCK, BOREALIS).generation == before, "the plane acted on what it read in the journal"


def _acts_on_history(original: Any, record: Record, tx: Any, events: Any) -> Any:
    for event in events:
        body = event.envelope.body
        if event.envelope.type == "switch.confirmed":
            _watched[0].throw(body["switch"], body["target"], body["want"], body["generation"] + 1, body["command_id"])
    return original(record, tx, events)


def _forward_only(line: Line) -> None:
    asked = line.ask()
    first(line.confirm(asked))  # its row is at an end now
    moved = "went back to it"
    with line.record.transaction(now()) as tx:
        try:
            tx.update_command(asked.command_id, "sent")
        except RefusedError:
            moved = ""
    assert not moved


# -- time


def _over(line: Line) -> None:
    refused(line.confirm(line.ask(), at=now() - timedelta(seconds=31)))


def _for_an_hour(line: Line) -> None:
    refused(line.confirm(line.ask(), crooked=lambda o: replace(o, expires=format_utc(now() + timedelta(hours=1)))))


def _old_sight(line: Line) -> None:
    asked = line.ask()
    seen = format_utc(now() - timedelta(seconds=61))
    refused(line.confirm(replace(asked, preview=replace(asked.preview, observed_at=seen))))


def _old_token(_: Line) -> None:
    held, at = previews.Previews(60, 60), now()
    token = held.give(previews.Preview("d", "i", BLOCK, BOREALIS, "stopped", 1, at), at)
    need(held.find(token, at + timedelta(seconds=59)) is not None)
    assert held.find(token, at + timedelta(seconds=61)) is None, "what was shown a minute ago is still good"


# -- the token


def _no_token(line: Line) -> None:
    refused(line.confirm(line.ask(), crooked=lambda o: replace(o, select_token="none")))


def _token_of(line: Line, on: str = BOREALIS, **about: str) -> None:
    """An order with a token that is as good as its own but for one thing."""
    asked = line.ask(BLOCK, on)
    at = {"incident": asked.incident, "switch": BLOCK, "target": on, "want": "stopped"} | about
    token = line.client.select(**at)["select_token"]
    refused(line.confirm(asked, crooked=lambda o: replace(o, select_token=token)))


def _token_of_another_desk(line: Line) -> None:
    asked = line.ask()
    with Client(line.client.url, OTHER_DESK) as other:
        token = other.log_in().select(asked.incident, BLOCK, BOREALIS)["select_token"]
    refused(line.confirm(asked, crooked=lambda o: replace(o, select_token=token)))


def _token_of_before(line: Line) -> None:
    """It was shown before the switch moved; the order says the generation of now."""
    incident = fresh_id()
    early = line.client.select(incident)["select_token"]
    first(line.confirm(line.ask()))
    asked = line.ask(incident=incident)
    refused(line.confirm(asked, crooked=lambda o: replace(o, select_token=early)))


def _twice_used(line: Line) -> None:
    early = line.ask()
    first(line.confirm(early))
    refused(line.confirm(replace(early, command_id=fresh_id())))


def _moved_meanwhile(line: Line) -> None:
    early, late = line.ask(), line.ask()
    first(line.confirm(early))
    refused(line.confirm(late))


def _other_epoch(line: Line) -> None:
    refused(line.confirm(line.ask(), crooked=lambda o: replace(o, epoch=fresh_id())))


def _other_rules(line: Line) -> None:
    def crooked(order: Order) -> Order:
        return replace(order, policy_hash="0" * 64)

    refused(line.confirm(line.ask(), crooked=crooked))


# -- the second person's preview


def _requested(line: Line) -> tuple[Any, str]:
    asked = line.ask(GLOBAL, RANGE)
    made = request_approval(
        line.record, asked.incident, command_id=asked.command_id, switch=GLOBAL, target=RANGE, want="stopped",
        preview=asked.preview, reason="All of it.", inventory=POLICY.inventory, catalogue=POLICY.switches,
        policy_hash=POLICY.hash, actor=actor(OWNER), now=now(),
    )  # fmt: skip
    return asked, made.events[0]


def _own_preview(line: Line) -> None:
    asked, request = _requested(line)
    other = replace(asked.preview, generation=asked.preview.generation + 1)
    given = True
    try:
        give_approval(line.record, asked.incident, request, actor(SECOND), now(), preview=other)
    except RefusedError:
        given = False
    assert not given, "approved what was not shown"


def _late_approval(line: Line) -> None:
    asked, request = _requested(line)
    given = True
    try:
        late = now() + timedelta(minutes=10, seconds=1)
        give_approval(line.record, asked.incident, request, actor(SECOND), late, preview=asked.preview)
    except RefusedError:
        given = False
    assert not given, "approved after the request had ended"


def _marked(line: Line) -> None:
    asked, request = _requested(line)
    give_approval(line.record, asked.incident, request, actor(SECOND), now(), preview=asked.preview)
    with line.record.transaction(now()) as tx:
        (given,) = tx.events(asked.incident, "approval.given")
    assert given.envelope.body["same_desk"], "nobody would review it"


# -- what is seen


def _seen_not_said(line: Line) -> None:
    """The back-end says "applied" and changes nothing."""
    line.gateway.lies = True
    try:
        attempt = first(line.confirm(line.ask(BLOCK, ESTUARY)))
        status = line.client.status(attempt.command_id, wait=6)
    finally:
        line.gateway.lies = False
    assert status["state"] != "verified", "its word was believed"


_AIM = Aim(BLOCK, BOREALIS, "stopped", 7, "mine")


def _names(generation: int, assertion_id: str) -> Any:
    def holds(_: Line) -> None:
        by = Refuser(BLOCK, BOREALIS, generation, assertion_id)
        seen = vars(probes)["judge_reply"](ProbeReply(SWITCHED_OFF, now(), refused_by=(by,)), _AIM)
        assert seen != "in_effect", "somebody else's refusal was taken for this command's"

    return holds


def _preview(old: str, new: str) -> Put:
    return edits.function(orders, "_preview_problem", old, new)


def _named(new: str) -> Put:
    old = "(r.generation, r.assertion_id) == (aim.generation, aim.assertion_id)"
    return edits.function(probes, "judge_reply", old, new)


_ANY_USE = _preview(' or shown.used_by not in ("", order.command_id)', "")
_ANY_GENERATION = edits.function(
    orders, "_preview_problem", "if order.generation != situation.generation:", "if False:"
)
_REUSE = edits.all_of(
    edits.swapped(previews.Previews, "use", lambda original, *args: None),
    _ANY_GENERATION,
)

RULES = (
    Rule("a confirmation is history", _history_only, plane=edits.swapped(Record, "take", _acts_on_history)),
    history("sent at most once: not after a time-out", "sent again after a time-out", at_desk=True),
    history("sent at most once: not at a start", "sent again at start", at_desk=True),
    history("taken at most once", "order taken twice", at_desk=False),
    history("never on reconnect", "queued while offline", at_desk=True),
    history("never without a plane that answers", "sent while offline", at_desk=True),
    history("never after its 30 s", "sent after its end", at_desk=True),
    history("nobody acts after its end", "expired nowhere", at_desk=False),
    history("a lost answer is no refusal", "lost is refused", at_desk=True),
    history("an unknown outcome is looked up", "never looked up", at_desk=True),
    history("never settled by doing it again", "resolved by sending", at_desk=False),
    history("verified by its own mark, not by the state", "verified by state", at_desk=False),
    Rule("the plane takes no order after its 30 s", _over,
         plane=edits.function(orders, "_time_problem", "if expires <= now:", "if False:")),
    Rule("no order lives longer than 30 s", _for_an_hour, plane=edits.function(
        orders, "_time_problem", "if expires > now + ttl", "if False and expires > now + ttl")),
    Rule("the state shown is at most 60 s old", _old_sight, desk=edits.swapped(
        edits.module("console.actions.switches"), "_refuse_stale_preview", lambda original, *args: None)),
    Rule("a token is good for 60 s", _old_token, plane=edits.function(
        previews.Previews, "find", "held is not None and held.expires > now", "held is not None")),
    Rule("a select token is needed", _no_token,
         plane=_preview("shown = situation.preview", "return None; shown = situation.preview")),
    Rule("a token is for one device", _token_of_another_desk, plane=_preview("shown.device", "order.device")),
    Rule("a token is for one incident", lambda line: _token_of(line, incident=fresh_id()),
         plane=_preview("shown.incident", "order.incident")),
    Rule("a token is for one switch", lambda line: _token_of(line, DUNMORE, switch=CACHE),
         plane=_preview("shown.switch", "order.switch")),
    Rule("a token is for one target", lambda line: _token_of(line, CASCADE, target=ESTUARY),
         plane=_preview("shown.target", "order.target")),
    Rule("a token is for one direction", lambda line: _token_of(line, want="running"),
         plane=_preview("shown.want", "order.want")),
    Rule("a token is for one generation", _token_of_before, plane=_preview("shown.generation", "order.generation")),
    Rule("a token is used once", _twice_used, plane=_REUSE),
    Rule("another generation is stale", _moved_meanwhile, plane=_ANY_GENERATION),
    Rule("another journal is stale", _other_epoch, plane=_preview("if order.epoch != situation.epoch:", "if False:")),
    Rule("the rules signed are those in force", _other_rules, plane=edits.imported(
        orders, "unmet_gates", edits.module("console.domain.gates"),
        ("if order.policy_hash != context.policy_hash:", "if False:"))),
    Rule("states only go forward", _forward_only, fresh=True, desk=edits.swapped(
        transaction, "_may_reach", lambda original, *args: True)),
    Rule("verified only by a probe", _seen_not_said, plane=edits.all_of(
        edits.swapped(probes, "judge_reply", lambda original, *args: "in_effect"),
        edits.swapped(probes, "holds", lambda original, *args: True))),
    Rule("a refusal names the generation", _names(6, "mine"), plane=_named("r.assertion_id == aim.assertion_id")),
    Rule("a refusal names the id", _names(7, "another's"), plane=_named("r.generation == aim.generation")),
    Rule("a second person approves from a preview of their own", _own_preview, desk=edits.function(
        edits.module("console.actions.approvals"), "give_approval",
        'if seen != (body["generation"], radius, body["policy_hash"]):', "if False:", edits.module(__name__))),
    Rule("a request is over after ten minutes", _late_approval, desk=edits.function(
        edits.module("console.actions.approvals"), "give_approval",
        'if parse_utc(body["expires"]) <= at:', "if False:", edits.module(__name__))),
    Rule("an approval at the desk that asked is marked", _marked, desk=edits.function(
        edits.module("console.actions.approvals"), "give_approval",
        "asked.envelope.device == record.device_key.id", "False", edits.module(__name__))),
)  # fmt: skip
"""A token used twice is also caught by its generation; both are off in its row."""
