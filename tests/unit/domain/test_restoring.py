"""What proves a restoration criterion: every clause of the rule, taken out, makes a test here fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from console.domain.restoring import ITEM, SIGN_OFF, VALIDATION, Piece, piece_of_event, proven_ids
from console.domain.switches import RestoreCriterion, Switch

SIGNED = RestoreCriterion("signed", "Somebody signed.", "security_lead", "statement")
MEASURED = RestoreCriterion("measured", "It was measured.", "", "validation")
KEPT = RestoreCriterion("kept", "It was kept.", "", "sealed_item")
SWITCH = Switch(
    "FF_ONE", "t", "c", "m", ("tenant",), "owner", (), "local", True, (SIGNED, MEASURED, KEPT), "by hand", "test"
)
TARGET = "tenant.one"
RUN = Piece("run", VALIDATION, target=TARGET)
SIGN = Piece("sign", SIGN_OFF, TARGET, "FF_ONE", "signed", frozenset({"security_lead"}))
THING = Piece("thing", ITEM)
PIECES = {piece.id: piece for piece in (RUN, SIGN, THING)}
GOOD = {"signed": ("sign",), "measured": ("run",), "kept": ("thing",)}


def proven(cited: Mapping[str, tuple[str, ...]], *changed: Piece) -> set[str]:
    return set(proven_ids(SWITCH, TARGET, cited, PIECES | {piece.id: piece for piece in changed}))


def test_each_kind_of_proof_stands_where_it_is_asked_for() -> None:
    assert proven(GOOD) == {"sign", "run", "thing"}


@pytest.mark.parametrize(
    ("worse", "lost"),
    [
        (replace(RUN, target="tenant.two"), "run"),
        (replace(SIGN, target="tenant.two"), "sign"),
        (replace(SIGN, switch="FF_TWO"), "sign"),
        (replace(SIGN, criterion="measured"), "sign"),
        (replace(SIGN, signer_roles=frozenset({"incident_commander"})), "sign"),
        (replace(SIGN, signer_roles=frozenset()), "sign"),
        (replace(THING, kind="note"), "thing"),
    ],
    ids=["run elsewhere", "signed elsewhere", "other switch", "other criterion", "other role", "nobody", "no item"],
)
def test_what_shows_something_else_proves_nothing(worse: Piece, lost: str) -> None:
    assert proven(GOOD, worse) == {"sign", "run", "thing"} - {lost}


def test_the_kind_that_is_asked_for_must_be_there_itself() -> None:
    assert proven({"measured": ("thing",)}) == set()
    assert proven({"measured": ("thing", "run")}) == {"thing", "run"}
    assert proven({"signed": ("run", "thing")}) == set()


def test_a_validation_beyond_a_limit_proves_nothing() -> None:
    body = {"target": TARGET, "beyond": ["grounding_score"]}
    failed = piece_of_event("run", "validation.measured", body, ())
    assert failed is not None
    assert failed.beyond == ("grounding_score",)
    assert not proven_ids(SWITCH, TARGET, {"measured": ("run",)}, {"run": failed})
    unreadable = piece_of_event("run", "validation.measured", {"target": TARGET, "beyond": "all well"}, ())
    assert unreadable is not None
    assert unreadable.beyond


def test_what_does_not_exist_proves_nothing() -> None:
    assert proven({"measured": ("nowhere",)}) == set()


def test_an_id_cited_where_it_does_not_hold_is_lost_everywhere() -> None:
    assert proven({"measured": ("run",), "kept": ("run",)}) == set()


def test_only_four_types_of_event_are_pieces() -> None:
    body = {"target": TARGET, "switch": "FF_ONE", "criterion": "signed"}
    assert piece_of_event("sign", "criterion.signed", body, ["security_lead"]) == SIGN
    kinds = {
        name: piece_of_event("x", name, {}, ()) for name in ("validation.measured", "evidence.sealed", "note.added")
    }
    assert [piece.kind if piece else "" for piece in kinds.values()] == [VALIDATION, ITEM, ""]
