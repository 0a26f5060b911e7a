"""Checkpoints are notes to the byte: a foreign note verifies, ours reads back, each changed character is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.proof.base64_text import decode_base64, encode_base64
from console.proof.checkpoint import (
    Checkpoint,
    CheckpointError,
    NoteKey,
    parse_checkpoint,
    parse_note,
    sign_checkpoint,
    sign_note,
    verify_checkpoint,
)
from console.proof.keys import SigningKey, verify_bytes

KEY = SigningKey(b"k" * 32)
OTHER = SigningKey(b"o" * 32)
NAME = "ic@example.org"
ORIGIN = "example.org/console"
ROOT = bytes(range(32))
KNOWN = [NoteKey(NAME, KEY.public_hex)]

# The example of Go's golang.org/x/mod/sumdb/note.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def signed(size: int = 7) -> str:
    return sign_checkpoint(ORIGIN, size, ROOT, KEY, NAME)


def test_a_note_of_another_implementation() -> None:
    name, key_id, encoded = GO_KEY.split("+")
    raw = decode_base64(encoded)
    assert raw is not None
    assert raw[0] == 1
    key = NoteKey(name, raw[1:].hex())
    note = parse_note(GO_NOTE)
    assert key.id.hex() == key_id
    assert note.signatures[0].key_id == key.id
    assert verify_bytes(key.public_hex, note.text.encode(), note.signatures[0].signature)


def test_the_exact_bytes() -> None:
    lines = signed().split("\n")
    assert lines[:4] == [ORIGIN, "7", encode_base64(ROOT), ""]
    dash, name, blob = lines[4].split(" ")
    assert (dash, name, lines[5:]) == ("\u2014", NAME, [""])
    raw = decode_base64(blob)
    assert raw is not None
    assert raw[:4] == KNOWN[0].id
    assert verify_bytes(KEY.public_hex, "\n".join(lines[:3]).encode() + b"\n", raw[4:])


def test_it_reads_back_and_is_the_same_each_time() -> None:
    assert verify_checkpoint(signed(), KNOWN) == (Checkpoint(ORIGIN, 7, ROOT), KNOWN[0])
    assert signed() == signed()


def test_every_flipped_bit_is_refused() -> None:
    note = signed().encode()
    for place in range(len(note)):
        for bit in range(8):
            flipped = bytearray(note)
            flipped[place] ^= 1 << bit
            try:
                text = flipped.decode("utf-8")
            except UnicodeDecodeError:
                continue
            with pytest.raises(CheckpointError):
                verify_checkpoint(text, KNOWN)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for note in (text, text + "\n\n" + text, signed() + text, text + signed()):
        if note == signed():
            continue
        with pytest.raises(CheckpointError):
            verify_checkpoint(note, KNOWN)


def test_a_key_that_was_not_given_does_not_count() -> None:
    with pytest.raises(CheckpointError, match="none of whose keys are trusted"):
        verify_checkpoint(signed(), [NoteKey(NAME, OTHER.public_hex)])
    with pytest.raises(CheckpointError, match="none of whose keys are trusted"):
        verify_checkpoint(signed(), [NoteKey("someone@example.org", KEY.public_hex)])


def test_a_line_that_claims_a_known_key_must_hold_though_others_are_passed_over() -> None:
    text = Checkpoint(ORIGIN, 7, ROOT).text()
    unknown = sign_note(text, OTHER, "witness.example.org").split("\n")[4]
    assert verify_checkpoint(signed() + unknown + "\n", KNOWN)[1] == KNOWN[0]
    false = sign_note(Checkpoint(ORIGIN, 8, ROOT).text(), KEY, NAME).split("\n")[4]
    with pytest.raises(CheckpointError, match="does not hold"):
        verify_checkpoint(signed() + false + "\n", KNOWN)
    with pytest.raises(CheckpointError, match="17 signatures"):
        verify_checkpoint(signed() + (unknown + "\n") * 16, KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n07\n{encode_base64(ROOT)}\n",
        f"{ORIGIN}\n-1\n{encode_base64(ROOT)}\n",
        f"{ORIGIN}\n\u0667\n{encode_base64(ROOT)}\n",
        f"{ORIGIN}\n7\n{encode_base64(ROOT[:31])}\n",
        f"{ORIGIN}\n7\n{encode_base64(ROOT)}\nextension\n",
        f"two words\n7\n{encode_base64(ROOT)}\n",
        f"{ORIGIN}\n7\n",
    ],
    ids=["leading-zero", "negative", "arabic-digit", "short-root", "extension-line", "origin-with-space", "no-root"],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError):
        parse_checkpoint(text)
    with pytest.raises(CheckpointError):
        verify_checkpoint(sign_note(text, KEY, NAME), KNOWN)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "*", "!ic", 'a"b', "a,b", "n\u00e4me", "x" * 201, "-n"])
def test_names_that_another_tool_would_read_differently_never_sign(name: str) -> None:
    with pytest.raises(InputError):
        sign_checkpoint(ORIGIN, 7, ROOT, KEY, name)
    with pytest.raises(InputError):
        sign_checkpoint(name, 7, ROOT, KEY, NAME)


@given(st.binary(max_size=40))
def test_base64_has_one_spelling(value: bytes) -> None:
    text = encode_base64(value)
    assert decode_base64(text) == value
    for other in (text + "=", text + "\n", " " + text, text.rstrip("=")):
        assert decode_base64(other) is None or other == text


def test_spare_bits_in_base64_are_refused() -> None:
    assert decode_base64("AA==") == b"\x00"
    assert decode_base64("AB==") is None
