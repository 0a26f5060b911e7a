"""The rules of *Gates*, the table and the sentences below it that a sheet's content must meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from console.actions import switches
from console.domain import gates
from console.domain.inventory import BlastRadius
from console.domain.times import format_utc
from console.plane import orders
from tests.fakes.planes import fresh_id, now
from tests.seeded import edits
from tests.seeded.edits import Pairs, Put
from tests.seeded.line import (
    BOREALIS,
    CACHE,
    COMMANDER,
    OWNER,
    RANGE,
    SECOND,
    SECURITY,
    TWIN,
    Attempt,
    Line,
    approved,
    need,
)  # fmt: skip
from tests.seeded.rule import Rule, Scenario

ELSEWHERE: dict[str, Any] = {
    "command_id": fresh_id(),
    "target": BOREALIS,
    "want": "running",
    "generation": 10_000,
    "blast_radius": BlastRadius("tenant", (BOREALIS,)),
    "policy_hash": "0" * 64,
    "expires": format_utc(now() + timedelta(seconds=300)),
}


def gate(name: str, off: tuple[str, str] | Pairs, holds: Scenario, *more: tuple[Put, Put]) -> Rule:
    """A rule that stands in `domain.gates`, which desk and plane each call; `off` is (old, new) there."""
    pairs: Any = (off,) if isinstance(off[0], str) else off
    desk, plane = (edits.imported(at, "unmet_gates", gates, *pairs) for at in (switches, orders))
    return Rule(name, holds, edits.all_of(desk, *(d for d, _ in more)), edits.all_of(plane, *(p for _, p in more)))


def refused(attempt: Attempt) -> None:
    """The one thing that a forbidden attempt must not become."""
    assert not attempt.taken, "the plane took it"


def taken(attempt: Attempt) -> None:
    """What a permission must not be refused."""
    assert attempt.taken, attempt.desk or f"{attempt.kind} {attempt.gates}"


def first(attempt: Attempt) -> Attempt:
    """What an attempt rests on and must have been taken before it; a fault of the scenario where it was not."""
    need(attempt.taken, attempt)
    return attempt


# -- stops


def _narrow(**changes: Any) -> Scenario:
    return lambda line: refused(line.confirm(line.ask(**changes)))


def _other_reach(line: Line) -> None:
    asked = line.ask()
    seen = replace(asked.preview, blast_radius=BlastRadius("tenant", ("tenant.cascade",)))
    refused(line.confirm(replace(asked, preview=seen)))


def _wide(**changes: Any) -> Scenario:
    return lambda line: refused(line.confirm(line.wide_stop(**changes), OWNER))


def _alone(line: Line) -> None:
    refused(line.confirm(line.wide_stop(approvals=(), request_expires=""), OWNER))


def _no_reason_needed(line: Line) -> None:
    taken(line.confirm(line.ask(reason="", typed_name="", dwell_ms=0)))


def _never_a_ticket(line: Line) -> None:
    taken(line.confirm(line.wide_stop(), OWNER))
    taken(line.confirm(line.restore(), SECOND))


# -- restores


def _restore(target: str = BOREALIS, **changes: Any) -> Scenario:
    return lambda line: refused(line.confirm(line.restore(target, **changes), SECOND))


def _restore_with_reach(line: Line) -> None:
    asked = line.restore()
    seen = replace(asked.preview, blast_radius=BlastRadius("tenant", ("tenant.cascade",)))
    refused(line.confirm(replace(asked, preview=seen), SECOND))


def _half_proven(line: Line) -> None:
    asked = line.restore()
    first = next(iter(asked.criteria))
    refused(line.confirm(replace(asked, criteria={first: asked.criteria[first]}), SECOND))


def _made_up_evidence(line: Line) -> None:
    asked = line.restore()
    refused(line.confirm(replace(asked, criteria={one: (fresh_id(),) for one in asked.criteria}), SECOND))


def _not_the_owner(line: Line) -> None:
    refused(line.confirm(line.restore(), COMMANDER))


def _for_an_owner(line: Line) -> None:
    refused(line.confirm(line.restore(for_owner="sre_on_call"), COMMANDER))


def _wide_restore_alone(line: Line) -> None:
    refused(line.confirm(line.restore(RANGE, approvals=(), request_expires=""), SECOND))


def _glass_on_a_restore(line: Line) -> None:
    asked = line.restore(RANGE, approvals=(), request_expires="", break_glass="Nobody answers.")
    refused(line.confirm(asked, SECOND))


def _glass_on_an_approved_restore(line: Line) -> None:
    refused(line.confirm(line.restore(RANGE, break_glass="Nobody answers."), SECOND))


# -- who


def _no_such_role(line: Line) -> None:
    refused(line.confirm(line.ask(), SECURITY, role="incident_commander"))


def _not_theirs(line: Line) -> None:
    refused(line.confirm(line.ask(), SECURITY))


def _commander_beyond_a_tenant(line: Line) -> None:
    refused(line.confirm(approved(line.ask("FF_TOOL_REVOKE", "tool.payments")), COMMANDER))


def _owner_unnamed(line: Line) -> None:
    refused(line.confirm(line.ask(CACHE, BOREALIS), COMMANDER))


def _commander_may(line: Line) -> None:
    taken(line.confirm(line.ask(CACHE, BOREALIS, for_owner="sre_on_call"), COMMANDER))


def _glass_by_anybody(line: Line) -> None:
    """By the security lead, who owns the switch and may stop with it."""
    asked = line.ask("FF_EGRESS_BLOCK", RANGE, break_glass="Nobody answers.")
    refused(line.confirm(asked, SECURITY))


# -- the second person


def _told_another(field: str) -> Scenario:
    def holds(line: Line) -> None:
        asked = line.wide_stop()
        refused(line.confirm(approved(asked, **{field: ELSEWHERE[field]}), OWNER))

    return holds


def _without_field(field: str) -> tuple[Put, Put]:
    def same(original: Any, order: Any, expires: str) -> Any:
        value = ELSEWHERE[field]
        told = value.as_object() if isinstance(value, BlastRadius) else value
        return {**original(order, expires), field: told}

    return edits.swapped(switches, "approval_subject", same), edits.swapped(orders, "approval_subject", same)


def _approved_by(name: str) -> Scenario:
    return lambda line: refused(line.confirm(approved(line.wide_stop(), name), OWNER))


def _over(line: Line) -> None:
    refused(line.confirm(approved(line.wide_stop(), ends_s=-31, given_s=-600), OWNER))


def _for_an_hour(line: Line) -> None:
    refused(line.confirm(approved(line.wide_stop(), ends_s=3_600), OWNER))


def _asks_for(what: str) -> Put:
    def more(original: Any, *args: Any) -> Any:
        return (*original(*args), gates.Unmet(what, "One more."))

    return edits.all_of(edits.swapped(switches, "unmet_gates", more), edits.swapped(orders, "unmet_gates", more))


_SAME_KEY = (
    edits.function(switches, "_approved_by", "people[approval.person].public_key != author.public_key", "True"),
    edits.function(orders, "_signers", "not known.same_key(approval.person, order.person)", "True"),
)
_ENDS = (
    edits.function(switches, "_approved_by", " or order.request_expires <= format_utc(plane_now)", ""),
    edits.function(orders, "_approval_holds", "now <= last and ", ""),
)
_LONG = edits.function(orders, "_approval_holds", "end - given <= timedelta(seconds=times.approval_ttl_s) and ", "")
_OFF: dict[str, tuple[str, str]] = {
    "preview": ("if order.blast_radius != radius:", "if False:"),
    "gesture": ('if order.gesture not in ("hold", "second_press"):', "if False:"),
    "reason": ("if is_blank(order.reason):", "if False:"),
    "typed_name": ('if order.typed_name != unicodedata.normalize("NFC", item.name):', "if False:"),
    "dwell": ("if order.dwell_ms < dwell_ms:", "if False:"),
    "second_person": ("    if second_persons(order, context):", "    if True:"),
    "some_criteria": ("if not ids or not", "if ids and not"),
    "evidence": ("if not ids or not all(one in context.proven for one in ids):", "if not ids:"),
    "authority": ("    if not own and not standing_in:", "    if False:"),
    "own_restore": ("standing_in = not own and order.want != RUNNING and", "standing_in = not own and"),
    "no_standing_in": ("standing_in = not own and", "standing_in = False and"),
    "glass_for_stops": ('yield Unmet("break_glass", "Break-glass is for stops only.")', "yield from ()"),
    "glass_on_restore": ('    if order.want == RUNNING:\n        yield Unmet("second_person"',
                         '    if False:\n        yield Unmet("second_person"'),
    "role": ("if order.role not in context.roles_of.get(order.person, ()):", "if False:"),
    "names_owner": ("if standing_in and order.for_owner != switch.owner_role:", "if False:"),
    "not_oneself": ("if one != order.person and ", "if "),
    "glass_role": ("if not GLASS_BREAKERS & set(context.roles_of.get(order.person, ())):", "if False:"),
}  # fmt: skip

RULES = (
    gate("stop, narrow: a preview of what it reaches now", _OFF["preview"], _other_reach),
    gate("stop, narrow: hold or second press", _OFF["gesture"], _narrow(gesture="click")),
    Rule("stop, narrow: the reason may follow", _no_reason_needed, plane=_asks_for("reason")),
    gate("stop, wide: a written reason", _OFF["reason"], _wide(reason=" \u200b")),
    gate("stop, wide: the typed name", _OFF["typed_name"], _wide(typed_name="Range")),
    gate("stop, wide: the numbers are read", _OFF["dwell"], _wide(dwell_ms=1_499)),
    gate("stop, wide: a second person or break-glass", _OFF["second_person"], _alone),
    gate("restore, narrow: a preview", _OFF["preview"], _restore_with_reach),
    gate("restore, narrow: a written reason", _OFF["reason"], _restore(reason="")),
    gate("restore, narrow: the typed name", _OFF["typed_name"], _restore(typed_name="")),
    gate("restore, narrow: every criterion", _OFF["some_criteria"], _half_proven),
    gate("restore, narrow: evidence that exists", _OFF["evidence"], _made_up_evidence),
    gate("restore, narrow: by its owner", _OFF["authority"], _not_the_owner),
    gate("restore: never in the owner's place", _OFF["own_restore"], _for_an_owner),
    gate("restore, wide: a second person", _OFF["second_person"], _wide_restore_alone),
    gate("restore, wide: never break-glass", _OFF["glass_for_stops"], _glass_on_an_approved_restore),
    gate("restore, wide: glass is no second person", (_OFF["glass_on_restore"], _OFF["glass_for_stops"]),
         _glass_on_a_restore),
    gate("the role is held by whoever acts", _OFF["role"], _no_such_role),
    gate("only the owner and those named act", _OFF["authority"], _not_theirs),
    gate("a commander acts for an owner up to a tenant", _OFF["authority"], _commander_beyond_a_tenant),
    gate("acting for an owner names the owner", _OFF["names_owner"], _owner_unnamed),
    gate("break-glass is for two roles", _OFF["glass_role"], _glass_by_anybody),
    Rule("a commander may stop for an absent owner", _commander_may, plane=edits.all_of(
        *(edits.imported(at, "unmet_gates", gates, _OFF["no_standing_in"]) for at in (switches, orders)))),
    Rule("an approval ends with its request", _over, *_ENDS),
    Rule("a request lives ten minutes", _for_an_hour, plane=_LONG),
    *(Rule(f"an approval is over: {field}", _told_another(field), *_without_field(field)) for field in ELSEWHERE),
    gate("a second person, not a second device", _OFF["not_oneself"], _approved_by(OWNER), _SAME_KEY),
    Rule("two names of one key are one person", _approved_by(TWIN), *_SAME_KEY),
    Rule("the ticket is optional", _never_a_ticket, plane=_asks_for("ticket")),
)  # fmt: skip
