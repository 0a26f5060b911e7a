"""Capturing, sealing, looking, exporting: every step an event, leaves in order, seals that never change."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import BytesIO
from typing import Any, BinaryIO

import pytest

from console.actions.evidence import (
    Copied,
    capture_item,
    record_export,
    record_look,
    record_verification,
    seal_evidence,
)
from console.domain.errors import InputError, RefusedError
from console.evidence.items import SALT_BYTES, parse_leaf
from console.proof.actor import Actor
from console.proof.checkpoint import Checkpoint
from console.proof.merkle import root
from console.queries.evidence import evidence
from tests.fakes.record_kit import COMMANDER, START
from tests.fakes.story import Story
from tests.fakes.told import Told

NOW = START + timedelta(seconds=10)
ORIGIN = "exercise.test"


def plain(source: BinaryIO, target: BinaryIO) -> tuple[str, int, str, int]:
    """An 'encryption' that leaves the text as it is, so that a test can read it."""
    text = source.read()
    target.write(text)
    digest = hashlib.sha256(text).hexdigest()
    return digest, len(text), digest, len(text)


def capture(told: Told, text: bytes = b"prompt", dimension: str = "payloads", name: str = "prompt-1.txt") -> Any:
    blob = told.store.blobs.put(BytesIO(text), plain)
    copied = Copied(
        name=name, dimension=dimension, source="plane:tenant.borealis", captured_at=NOW, salt=b"s" * SALT_BYTES,
        blob=blob,
    )  # fmt: skip
    return capture_item(told.record, told.story.incident, told.store.blobs, plain, copied, COMMANDER, NOW)


def test_an_item_becomes_the_next_leaf_and_its_name_stays_out_of_the_record(told: Told, story: Story) -> None:
    capture(told, name="secret-name.txt")
    capture(told, b"answer", name="second.txt")
    rows = told.ask(evidence, story.incident).items
    assert [(row.seal, row.index) for row in rows] == [(1, 0), (1, 1)]
    events = told.ask(lambda reader: reader.events(story.incident, "evidence.captured"))
    assert not any("secret-name" in event.canon for event in events)
    with told.store.blobs.open(rows[0].leaf_blob) as file:
        leaf = parse_leaf(file.read())
    assert leaf.name == "secret-name.txt"
    assert leaf.digest.hex() == rows[0].leaf


@pytest.mark.parametrize("dimension", ["", "gossip"])
def test_a_dimension_that_is_none_is_refused(told: Told, story: Story, dimension: str) -> None:
    with pytest.raises(InputError):
        capture(told, dimension=dimension)
    assert told.ask(evidence, story.incident).items == ()


def test_a_seal_is_the_root_over_its_leaves_under_the_persons_signature(told: Told, story: Story) -> None:
    for text in (b"a", b"b", b"c"):
        capture(told, text)
    seal_evidence(told.record, story.incident, ORIGIN, COMMANDER, NOW)
    view = told.ask(evidence, story.incident)
    top = root([bytes.fromhex(row.leaf) for row in view.items])
    assert (view.seals[0].root, view.seals[0].size, view.seals[0].sealer) == (top.hex(), 3, COMMANDER.person)
    assert view.seals[0].checkpoint.startswith(Checkpoint(ORIGIN, 3, top).text())
    assert told.ask(lambda reader: reader.event(view.seals[0].event_id)).person_sig


def test_what_comes_later_goes_into_the_next_seal(told: Told, story: Story) -> None:
    capture(told)
    seal_evidence(told.record, story.incident, ORIGIN, COMMANDER, NOW)
    capture(told, b"later")
    assert [(row.seal, row.index) for row in told.ask(evidence, story.incident).items] == [(1, 0), (2, 0)]
    seal_evidence(told.record, story.incident, ORIGIN, COMMANDER, NOW)
    assert [row.seal for row in told.ask(evidence, story.incident).seals] == [1, 2]


def test_nothing_is_sealed_twice_or_without_a_key(told: Told, story: Story) -> None:
    with pytest.raises(RefusedError, match="Nothing was captured"):
        seal_evidence(told.record, story.incident, ORIGIN, COMMANDER, NOW)
    capture(told)
    with pytest.raises(RefusedError, match="passphrase"):
        seal_evidence(told.record, story.incident, ORIGIN, Actor(COMMANDER.person), NOW)
    assert told.ask(evidence, story.incident).seals == ()


@pytest.mark.parametrize(("level", "nested"), [("SEV-0", True), ("SEV-1", True), ("SEV-2", False)])
def test_grave_incidents_take_two_to_open(told: Told, level: str, nested: bool) -> None:
    other = told.story.beside("019c145c-7a00-7000-8000-00000000abcd")
    other.opened(severity=level)
    other.captured("payloads")
    seal_evidence(told.record, other.incident, ORIGIN, COMMANDER, NOW)
    assert told.ask(evidence, other.incident).seals[0].nested is nested


def test_looks_exports_and_verifications_are_events(told: Told, story: Story) -> None:
    act = told.record, story.incident, 1
    record_look(*act, "item", "to see", COMMANDER, NOW)
    record_export(*act, "ab" * 32, "sealed", COMMANDER, NOW)
    record_verification(*act, False, ["Item 2 differs."], COMMANDER, NOW)
    assert told.types()[-3:] == ["evidence.looked", "evidence.exported", "evidence.verified"]
    with pytest.raises(RefusedError, match="passphrase"):
        record_export(*act, "ab" * 32, "sealed", Actor(COMMANDER.person), NOW)
    assert len(told.types()) == 4
