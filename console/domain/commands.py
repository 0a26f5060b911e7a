"""Kill commands: the order a person signs, the approval of a second person, the states a command passes through.

An order is a desired state with the generation the person saw; it lives 30 s and is sent at most once. The signed order
is its own document, not the journal event: the plane never acts on a journal event (design.md, *Commands*).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from console.domain.errors import InputError
from console.domain.inventory import BlastRadius

ARMED, AUTHORISED, SENT, ACKNOWLEDGED, DISPATCHED, VERIFIED = (
    "armed", "authorised", "sent", "acknowledged", "dispatched", "verified",
)  # fmt: skip
REFUSED, EXPIRED, STALE, SUPERSEDED, UNKNOWN, FALLBACK = (
    "refused",
    "expired",
    "stale",
    "superseded",
    "unknown",
    "fallback",
)
PROGRESS = (ARMED, AUTHORISED, SENT, ACKNOWLEDGED, DISPATCHED, VERIFIED)
ENDS = (VERIFIED, REFUSED, EXPIRED, STALE, SUPERSEDED, FALLBACK)
"""States that never change again. `unknown` is not among them: a look-up or a read-back resolves it."""

_MOVES: Mapping[str, tuple[str, ...]] = {
    ARMED: (AUTHORISED, EXPIRED, STALE),
    AUTHORISED: (SENT, REFUSED, EXPIRED, STALE, FALLBACK),
    SENT: (ACKNOWLEDGED, DISPATCHED, VERIFIED, REFUSED, EXPIRED, STALE, SUPERSEDED, UNKNOWN),
    ACKNOWLEDGED: (DISPATCHED, VERIFIED, SUPERSEDED, UNKNOWN),
    DISPATCHED: (VERIFIED, SUPERSEDED, UNKNOWN),
    UNKNOWN: (ACKNOWLEDGED, DISPATCHED, VERIFIED, REFUSED, EXPIRED, STALE, SUPERSEDED, FALLBACK),
}


def may_move(state: str, to: str) -> bool:
    """Whether a command may go from `state` to `to`; an end never moves, and progress never goes back."""
    return to in _MOVES.get(state, ())


def may_follow(state: str, to: str) -> bool:
    """Whether who only looks now and then may come from `state` to `to`: "unknown" may have lain between unseen.

    What was acknowledged ends as refused or expired by way of "unknown" alone; whoever carries it out goes that way
    (`may_move`), and whoever is told may have missed it.
    """
    return may_move(state, to) or (to in ENDS and may_move(state, UNKNOWN) and may_move(UNKNOWN, to))


@dataclass(frozen=True, slots=True)
class Approval:
    """The second person's signature over `approval_subject`, made from their own preview."""

    person: str
    device: str
    sig: str
    approved_at: str
    same_desk: bool

    def as_object(self) -> dict[str, Any]:
        """As it stands in the signed order."""
        return {name: getattr(self, name) for name in ("person", "device", "sig", "approved_at", "same_desk")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is signed and sent to `POST /v1/commands`; times RFC 3339, absent text "", `generation` as seen at select.

    `criteria` maps a restoration criterion's id to the ids of the events or items that prove it; `break_glass` is the
    written reason when one person breaks a two-person gate open; `for_owner` the role the commander stands in for.
    `gesture` is "hold" or "second_press"; `dwell_ms` how long the numbers were visible before it; `request_expires` the
    end of the two-person request that `approvals` were given for, "" without one.
    """

    command_id: str
    incident: str
    switch: str
    target: str
    want: str
    epoch: str
    generation: int
    blast_radius: BlastRadius
    policy_hash: str
    expires: str
    authorised_at: str
    reason: str
    typed_name: str
    dwell_ms: int
    gesture: str
    person: str
    role: str
    for_owner: str
    device: str
    exercise: bool
    select_token: str
    confirmation: str
    approvals: tuple[Approval, ...] = ()
    request_expires: str = ""
    break_glass: str = ""
    criteria: Mapping[str, tuple[str, ...]]

    def as_object(self) -> dict[str, Any]:
        """The object whose canonical bytes device and person sign."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return plain | {
            "v": 1,
            "kind": "command",
            "blast_radius": self.blast_radius.as_object(),
            "approvals": [approval.as_object() for approval in self.approvals],
            "criteria": {name: list(ids) for name, ids in self.criteria.items()},
        }


def approval_subject(order: Order, request_expires: str) -> dict[str, Any]:
    """What a second person signs: command, switch, target, want, generation, blast radius, policy, the request's end.

    It holds no live counts, so both persons' previews agree as long as the world they act on is the same.
    """
    return request_subject(
        command_id=order.command_id,
        switch=order.switch,
        target=order.target,
        want=order.want,
        generation=order.generation,
        blast_radius=order.blast_radius,
        policy_hash=order.policy_hash,
        expires=request_expires,
    )


def request_subject(
    *,
    command_id: str,
    switch: str,
    target: str,
    want: str,
    generation: int,
    blast_radius: BlastRadius,
    policy_hash: str,
    expires: str,
) -> dict[str, Any]:
    """The same for who has no order yet: the second person's, made from a request and their own preview."""
    return {
        "command_id": command_id,
        "switch": switch,
        "target": target,
        "want": want,
        "generation": generation,
        "blast_radius": blast_radius.as_object(),
        "policy_hash": policy_hash,
        "expires": expires,
    }


def order_from_object(value: Mapping[str, Any]) -> Order:
    """The inverse of `Order.as_object`; raises InputError naming what is missing or of the wrong kind."""
    names = {field.name for field in fields(Order)}
    version, kind = value.get("v"), value.get("kind")
    if set(value) != names | {"v", "kind"} or version is True or version != 1 or kind != "command":
        raise InputError(
            "The order does not have the fields of a version 1 command; send it from a desk of this version."
        )
    for name in names - {"blast_radius", "approvals", "criteria", "generation", "dwell_ms", "exercise"}:
        if not isinstance(value[name], str):
            raise InputError(f"The order's field '{name}' is not text; the command is refused.")
    for name in ("generation", "dwell_ms"):
        if not isinstance(value[name], int) or isinstance(value[name], bool) or value[name] < 0:
            raise InputError(f"The order's field '{name}' is not a count; the command is refused.")
    if not isinstance(value["exercise"], bool):
        raise InputError("The order does not say whether it is an exercise; the command is refused.")
    try:
        radius = BlastRadius(str(value["blast_radius"]["scope"]), tuple(str(i) for i in value["blast_radius"]["ids"]))
        approvals = tuple(
            Approval(str(a["person"]), str(a["device"]), str(a["sig"]), str(a["approved_at"]), a["same_desk"] is True)
            for a in value["approvals"]
        )
        criteria = {str(k): tuple(str(i) for i in v) for k, v in value["criteria"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "The order's blast radius, approvals or criteria are malformed; the command is refused."
        ) from error
    plain = {name: value[name] for name in names - {"blast_radius", "approvals", "criteria"}}
    return Order(**plain, blast_radius=radius, approvals=approvals, criteria=criteria)
