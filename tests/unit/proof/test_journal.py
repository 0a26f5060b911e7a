"""The journal chain and the documents signed around it, against values computed by hand and against tampering."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.proof.journal import (
    EMPTY_JOURNAL_HASH,
    journal_hash,
    journal_hashes,
    receipt_object,
    sign_receipt,
    sign_token_request,
    token_subject,
    verify_receipt,
    verify_token_request,
)
from console.proof.keys import SigningKey

PLANE = SigningKey(b"p" * 32)
DEVICE = SigningKey(b"d" * 32)
EVENT_ID = "0190a000-0000-7000-8000-000000000001"
EPOCH = "0190a000-0000-7000-8000-0000000000ee"


def test_first_link_is_the_formula_spelled_out() -> None:
    event = hashlib.sha256(b"event").hexdigest()
    expected = hashlib.sha256(b"\x02" + bytes(32) + bytes.fromhex(event) + b"\x01").hexdigest()
    assert journal_hash(EMPTY_JOURNAL_HASH, event, True) == expected
    assert journal_hash(EMPTY_JOURNAL_HASH, event, False) != expected


@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.booleans()), min_size=1, max_size=12), st.data())
def test_any_changed_entry_changes_the_end(entries: list[tuple[bytes, bool]], data: st.DataObject) -> None:
    def end(of: list[tuple[bytes, bool]]) -> str:
        at = EMPTY_JOURNAL_HASH
        for raw, accepted in of:
            at = journal_hash(at, raw.hex(), accepted)
        return at

    at = data.draw(st.integers(0, len(entries) - 1))
    raw, accepted = entries[at]
    flipped = entries[:at] + [(raw, not accepted)] + entries[at + 1 :]
    assert end(entries) != end(flipped)
    assert end(entries) != end(entries[:at] + entries[at + 1 :])


@pytest.mark.parametrize("bad", ["", "0" * 63, "A" * 64, "g" * 64, " " + "0" * 63])
def test_a_malformed_hash_is_refused(bad: str) -> None:
    with pytest.raises(InputError):
        journal_hash(bad, "0" * 64, True)
    with pytest.raises(InputError):
        journal_hash("0" * 64, bad, True)


def test_a_receipt_binds_every_member() -> None:
    receipt = receipt_object(EVENT_ID, "a" * 64, "accepted", 7, EPOCH)
    sig = sign_receipt(PLANE, receipt)
    assert verify_receipt(PLANE.public_hex, receipt, sig)
    for name, other in {
        "event_id": EPOCH,
        "hash": "b" * 64,
        "status": "rejected",
        "gpos": 8,
        "epoch": EVENT_ID,
    }.items():
        assert not verify_receipt(PLANE.public_hex, receipt | {name: other}, sig), name
    assert not verify_receipt(DEVICE.public_hex, receipt, sig)
    assert not verify_receipt(PLANE.public_hex, receipt, "not base64")
    with pytest.raises(InputError):
        receipt_object(EVENT_ID, "a" * 64, "perhaps", 7, EPOCH)


def test_a_token_request_is_of_one_device_one_moment_one_plane() -> None:
    subject = token_subject(DEVICE.id, "1" * 64, "2026-01-31T14:02:11.000000Z", "range.example.org")
    sig = sign_token_request(DEVICE, "1" * 64, "2026-01-31T14:02:11.000000Z", "range.example.org")
    assert verify_token_request(DEVICE.public_hex, subject, sig)
    for name in ("device", "nonce", "time", "origin"):
        assert not verify_token_request(DEVICE.public_hex, subject | {name: "x"}, sig), name
    assert not verify_token_request(PLANE.public_hex, subject, sig)


def test_many_hashes_in_a_row_are_as_one_after_the_other() -> None:
    entries = [(f"{n:064x}", n % 3 > 0) for n in range(9)]
    at, one_by_one = EMPTY_JOURNAL_HASH, []
    for text_hash, accepted in entries:
        at = journal_hash(at, text_hash, accepted)
        one_by_one.append(at)
    assert journal_hashes(EMPTY_JOURNAL_HASH, entries) == one_by_one


@pytest.mark.parametrize("wrong", ["", "A" * 64, "0" * 63, "0" * 66, "g" * 64, " " + "0" * 64])
def test_a_hash_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(InputError):
        journal_hashes(EMPTY_JOURNAL_HASH, [(wrong, True)])
    with pytest.raises(InputError):
        journal_hash(wrong, "0" * 64, True)
