"""What proves a restoration criterion: one rule over what a record holds, the same on desk and plane (SWI-3).

A cited id counts only where it shows the right thing. Each side reads its own record into `Piece`s and asks here;
neither may have a rule of its own, or the desk would offer what the plane refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from console.domain.switches import RestoreCriterion, Switch

VALIDATION, SIGN_OFF, ITEM = "validation", "sign_off", "item"
_MAIN: Mapping[str, str] = {"validation": VALIDATION, "statement": SIGN_OFF, "sealed_item": ITEM}
"""The kind of evidence that a criterion asks for -> the kind of piece that shows it."""
_PIECE_OF: Mapping[str, str] = {
    "validation.measured": VALIDATION,
    "criterion.signed": SIGN_OFF,
    "evidence.captured": ITEM,
    "evidence.sealed": ITEM,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that an order may cite: an event or an item of the order's own incident.

    `target`, `switch` and `criterion` are what it is about, "" where it says nothing of them; `signer_roles` are the
    roles held by whoever signed it off with a verified signature, empty when nobody provably did; `beyond` are the
    metrics that a validation found beyond their limits.
    """

    id: str
    kind: str
    target: str = ""
    switch: str = ""
    criterion: str = ""
    signer_roles: frozenset[str] = frozenset()
    beyond: tuple[str, ...] = ()


def piece_of_event(event_id: str, event_type: str, body: Mapping[str, object], roles: Iterable[str]) -> Piece | None:
    """The piece that an event is, None for a type that proves nothing; `roles` are those of its verified author."""
    kind = _PIECE_OF.get(event_type)
    if kind is None:
        return None
    about = {name: str(body.get(name, "")) for name in ("target", "switch", "criterion")}
    beyond = body.get("beyond", ())
    failed = tuple(map(str, beyond)) if isinstance(beyond, list | tuple) else ("unreadable",)
    return Piece(event_id, kind, **about, signer_roles=frozenset(roles), beyond=failed)


def shows(piece: Piece, criterion: RestoreCriterion, switch: str, target: str) -> bool:
    """Whether `piece` may stand as evidence under `criterion` when `switch` is restored on `target`."""
    if piece.kind == VALIDATION:
        return piece.target == target and not piece.beyond
    if piece.kind == SIGN_OFF:
        about = (piece.switch, piece.target, piece.criterion) == (switch, target, criterion.id)
        return about and bool(piece.signer_roles) and criterion.signed_by in ("", *piece.signer_roles)
    return piece.kind == ITEM


def is_main(piece: Piece, criterion: RestoreCriterion) -> bool:
    """Whether this is the kind of proof the criterion asks for; other kinds may stand beside it, never alone."""
    return piece.kind == _MAIN.get(criterion.evidence)


def proven_ids(
    switch: Switch, target: str, cited: Mapping[str, Collection[str]], pieces: Mapping[str, Piece]
) -> frozenset[str]:
    """The cited ids that hold for every criterion under which they are cited.

    `cited` maps criterion id to ids as an order does, `pieces` holds what exists of them by id.
    """
    proven, failed = set[str](), set[str]()
    for criterion in switch.criteria:
        ids = cited.get(criterion.id, ())
        shown = {one for one in ids if one in pieces and shows(pieces[one], criterion, switch.id, target)}
        if not any(is_main(pieces[one], criterion) for one in shown):
            shown = set()
        proven |= shown
        failed |= set(ids) - shown
    return frozenset(proven - failed)
