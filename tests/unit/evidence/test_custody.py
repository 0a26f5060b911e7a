"""The custody log: lines are events to the byte, their tree is the events' hashes, and every contradiction is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.evidence.custody import Sealed, contradictions, log_root, log_text, parse_log, sign_log, unproven
from console.evidence.sealing import seal_tree
from console.proof import merkle
from console.proof.checkpoint import NoteKey, verify_checkpoint
from console.proof.envelope import SignedEvent
from tests.fakes.packages import IC, IC_NAME, ORIGIN, PLAINTEXTS, STRANGER, custody_of, event, leaves_of, trust
from tests.fakes.people import DESK, INCIDENT, ROOT, fresh_id

LEAVES = leaves_of(PLAINTEXTS)
EVENTS = custody_of(LEAVES)
DIGESTS = [leaf.digest for leaf in LEAVES]
SEALED = Sealed(INCIDENT, 1, seal_tree(DIGESTS), DIGESTS)
LOOKED: dict[str, Any] = {"seal": 1, "item": "item 0", "purpose": "review"}


def test_a_log_reads_back_to_the_byte() -> None:
    text = log_text(EVENTS).encode()
    assert parse_log(text) == EVENTS
    assert log_text(parse_log(text)).encode() == text
    assert [set(json.loads(line)) for line in text.splitlines()][-1] == {"canon", "sig", "person_sig"}


def test_its_checkpoint_is_that_of_the_event_hashes_by_the_device() -> None:
    note = sign_log(ORIGIN, EVENTS, DESK)
    head, key = verify_checkpoint(note, [NoteKey(DESK.id, DESK.public_hex)])
    assert key.name == DESK.id
    assert head.origin == f"{ORIGIN}/custody"
    assert head.root == log_root(EVENTS) == merkle.root([bytes.fromhex(one.hash) for one in EVENTS])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        json.dumps(EVENTS[0].wire()).encode(),
        json.dumps({"canon": "{}", "sig": "x"}, separators=(",", ":")).encode(),
        json.dumps({"canon": 1, "sig": "x"}, separators=(",", ":")).encode(),
        log_text(EVENTS[:1]).strip().replace('"sig":', '"person_sig":"","sig":').encode(),
    ],
    ids=["empty", "list", "no-fields", "not-canonical", "no-envelope", "number", "empty-person-signature"],
)
def test_a_line_that_is_no_event_is_named(line: bytes) -> None:
    with pytest.raises(InputError, match="Line 6 of the custody log"):
        parse_log(log_text(EVENTS).encode() + line + b"\n")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_log(log_text(EVENTS).encode() + data + b"x")


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (EVENTS[:-1], "seals tree 1"),
        ([*EVENTS, event("evidence.looked", LOOKED, incident=fresh_id())], "another incident"),
        ([*EVENTS, EVENTS[2]], "does not continue its chain"),
        ([*EVENTS, event("evidence.looked", LOOKED, EVENTS[:4])], "does not continue its chain"),
        (custody_of(LEAVES, root=bytes(32)), "another root"),
        (custody_of(LEAVES[:-1]), "sealed 3 items"),
        (custody_of(leaves_of([b"y", *PLAINTEXTS[1:]])), "item 0 to another leaf"),
        (custody_of(leaves_of([*PLAINTEXTS, b"more"])), "does not have"),
        ([*EVENTS, event("evidence.looked", LOOKED, EVENTS, exercise=False)], "mixes"),
    ],
)
def test_contradictions_are_named(events: list[SignedEvent], said: str) -> None:
    assert [sentence for sentence in contradictions(events, SEALED) if said in sentence]


def test_gaps_in_a_chain_and_other_seals_are_honest() -> None:
    """The log holds the events of custody, not all of the incident, and an incident has several seals."""
    assert list(contradictions(EVENTS, SEALED)) == []
    assert list(contradictions([*EVENTS[1:2], *EVENTS[3:]], SEALED)) == []
    second = custody_of(leaves_of([b"later"]), seal=2)
    assert list(contradictions(EVENTS, SEALED)) == []
    assert "seals tree 1" in " ".join(contradictions(second, SEALED))


def test_signatures_are_those_of_trusted_devices_and_persons() -> None:
    assert list(unproven(EVENTS, trust())) == []
    cases = {
        "not trusted here": event("evidence.looked", LOOKED, device=STRANGER),
        "not signed by the device": SignedEvent(EVENTS[0].canon, EVENTS[1].sig),
        "not signed by the person": SignedEvent(EVENTS[-1].canon, EVENTS[-1].sig, EVENTS[-1].sig),
        "lacks the signature of a person": SignedEvent(EVENTS[-1].canon, EVENTS[-1].sig),
    }
    for said, one in cases.items():
        assert [sentence for sentence in unproven([one], trust()) if said in sentence], said
    assert "whose key is not trusted" in " ".join(unproven(EVENTS, trust(persons={"other": IC.public_hex})))


def test_the_root_key_counts_as_a_device() -> None:
    assert list(unproven([event("evidence.looked", LOOKED, device=ROOT)], trust())) == []
    assert IC_NAME in trust().persons
