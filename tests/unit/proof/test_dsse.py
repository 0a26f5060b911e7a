"""Signed statements: the encoding of the specification, one spelling, no signature that holds for another text."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.proof.dsse import Statement, StatementError, pae, parse_signed, parse_statement, sign_statement
from console.proof.keys import SigningKey

KEY = SigningKey(b"k" * 32)
OTHER = SigningKey(b"o" * 32)
STATEMENT = Statement({"seal/checkpoint": "0" * 64, "manifest-sha256.txt": "1" * 64}, "urn:example:seal:1", {"n": 3})


def envelope() -> dict[str, Any]:
    return dict(json.loads(sign_statement(STATEMENT, KEY)))


def encoded(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_the_encoding_of_the_specification() -> None:
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


def test_it_reads_back() -> None:
    signed = parse_signed(sign_statement(STATEMENT, KEY).encode())
    assert signed.key_id == KEY.id
    assert signed.signed_by(KEY.public_hex)
    assert not signed.signed_by(OTHER.public_hex)
    assert parse_statement(signed.payload) == STATEMENT


def test_every_flipped_bit_is_refused_or_unsigned() -> None:
    text = sign_statement(STATEMENT, KEY).encode()
    for place in range(len(text)):
        for bit in range(8):
            flipped = bytearray(text)
            flipped[place] ^= 1 << bit
            try:
                signed = parse_signed(bytes(flipped))
            except StatementError:
                continue
            assert not signed.signed_by(KEY.public_hex) or signed.key_id != KEY.id, (place, bit)


@pytest.mark.parametrize(
    "change",
    [
        {"payloadType": "text/plain"},
        {"signatures": []},
        {"signatures": envelope()["signatures"] * 2},
        {"signatures": [{**envelope()["signatures"][0], "cert": "x"}]},
        {"payload": base64.urlsafe_b64encode(b"\xff\xff\xff").decode()},
        {"more": "fields"},
    ],
    ids=["other-type", "no-signature", "two-signatures", "field-in-signature", "url-base64", "field-in-envelope"],
)
def test_other_shapes_are_refused(change: dict[str, Any]) -> None:
    assert parse_signed(encoded(envelope())).signed_by(KEY.public_hex)
    with pytest.raises(StatementError):
        parse_signed(encoded(envelope() | change))


def test_a_second_spelling_is_refused() -> None:
    for text in (json.dumps(envelope()).encode() + b"\n", encoded(envelope())[:-1], b" " + encoded(envelope())):
        with pytest.raises(StatementError):
            parse_signed(text)


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for text in (data, data + b"\n"):
        with pytest.raises(StatementError):
            parse_signed(text)
    with pytest.raises(StatementError):
        parse_statement(data)


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": [{"name": "a", "digest": {"sha1": "x"}}]},
        {"subject": [{"name": "a", "digest": {"sha256": "x"}}] * 2},
        {"predicate": []},
    ],
    ids=["older-statement", "other-digest", "subject-twice", "predicate-is-a-list"],
)
def test_other_statements_are_refused(change: dict[str, Any]) -> None:
    value = json.loads(STATEMENT.payload()) | change
    with pytest.raises(StatementError):
        parse_statement(encoded(value)[:-1])


def test_a_predicate_that_cannot_be_canonical_is_not_signed() -> None:
    with pytest.raises(InputError):
        sign_statement(Statement({}, "urn:example", {"share": 0.5}), KEY)
