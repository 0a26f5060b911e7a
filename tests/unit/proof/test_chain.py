"""Chains, identifiers and logical time: a missing, repeated, reordered or re-signed event is found at its place."""

from __future__ import annotations

import dataclasses
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.proof.chain import ChainFault, ChainHead, verify_chain
from console.proof.envelope import FIRST_PREV_HASH, Envelope, SignedEvent, sign
from console.proof.ids import hlc_merge, hlc_next, uuid7
from console.proof.keys import SigningKey, public_pem, verify_bytes, verify_text

KEY = SigningKey(bytes(32))
OTHER = SigningKey(bytes([1]) * 32)


def chain_of(length: int) -> list[SignedEvent]:
    events: list[SignedEvent] = []
    prev = FIRST_PREV_HASH
    for seq in range(1, length + 1):
        event = Envelope(
            type="note.added",
            event_id=uuid7(seq, bytes(10)),
            incident="system",
            device=KEY.id,
            incarnation=1,
            seq=seq,
            prev_hash=prev,
            actor="local:ada",
            role="",
            policy_hash="",
            hlc="0" * 16,
            seen_gpos=0,
            exercise=False,
            body={"text": str(seq)},
        )
        events.append(sign(event, KEY))
        prev = events[-1].hash
    return events


def test_a_whole_chain_verifies_to_its_head() -> None:
    events = chain_of(5)
    assert verify_chain(events, KEY.public_hex) == ChainHead(5, events[-1].hash)
    assert verify_chain(events[3:], KEY.public_hex, ChainHead(3, events[2].hash)) == ChainHead(5, events[-1].hash)


@pytest.mark.parametrize(
    ("defect", "at"),
    [
        (lambda e: [*e[:2], *e[3:]], 4),
        (lambda e: [e[0], *e], 1),
        (lambda e: [e[0], e[2], e[1], *e[3:]], 3),
        (lambda e: e[1:], 2),
    ],
    ids=["dropped", "repeated", "reordered", "beheaded"],
)
def test_a_defect_is_named_by_its_place(defect: object, at: int) -> None:
    found = verify_chain(defect(chain_of(5)), KEY.public_hex)  # type: ignore[operator]
    assert isinstance(found, ChainFault)
    assert found.seq == at


def test_an_event_rewritten_in_the_middle_breaks_the_next_link() -> None:
    events = chain_of(3)
    forged = dataclasses.replace(events[1].envelope, body={"text": "never"})
    found = verify_chain([events[0], sign(forged, KEY), events[2]], KEY.public_hex)
    assert isinstance(found, ChainFault)
    assert found.seq == 3


def test_a_chain_signed_by_another_key_is_refused() -> None:
    found = verify_chain(chain_of(2), OTHER.public_hex)
    assert isinstance(found, ChainFault)
    assert "signature" in found.sentence


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_uuid7_has_its_version_its_variant_and_sorts_by_time(epoch_ms: int, random: bytes) -> None:
    made = uuid.UUID(uuid7(epoch_ms, random))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == epoch_ms


@given(st.lists(st.integers(0, 2**47), min_size=2, max_size=20))
def test_logical_time_never_goes_back_whatever_the_clock_does(clock: list[int]) -> None:
    last = ""
    for now in clock:
        following = hlc_next(last, now)
        assert following > last
        assert hlc_merge(last, following) == following
        last = following


def test_a_key_needs_its_whole_seed_and_never_shows_it() -> None:
    with pytest.raises(InputError):
        SigningKey(b"short")
    assert "seed" not in repr(SigningKey(bytes([7]) * 32)).replace("SigningKey", "")


@pytest.mark.parametrize("key", ["", "zz", "00", "ab" * 31])
def test_a_malformed_key_or_signature_never_verifies(key: str) -> None:
    assert not verify_bytes(key, b"text", bytes(64))
    assert not verify_text(KEY.public_hex, b"text", "not base64!")


def test_a_pem_names_the_public_key_only() -> None:
    assert public_pem(KEY.public_hex).startswith("-----BEGIN PUBLIC KEY-----")
