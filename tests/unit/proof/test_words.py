"""Words for a checkpoint: always eight, always to be spoken, never two roots alike."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.proof.keys import SigningKey
from console.proof.words import eight_words, root_words

SPOKEN = re.compile(r"[bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz]")


@given(st.binary(min_size=32, max_size=32))
def test_eight_words_that_can_be_spoken(root: bytes) -> None:
    words = eight_words(root)
    assert len(words) == 8
    assert all(SPOKEN.fullmatch(word) for word in words)


def test_every_two_bytes_have_a_word_of_their_own() -> None:
    words = {eight_words(number.to_bytes(2, "big") + bytes(30))[0] for number in range(65536)}
    assert len(words) == 65536


def test_the_words_are_the_same_for_ever() -> None:
    assert " ".join(eight_words(bytes(range(32)))) == "babad bamag bibaj bimal boban bomar bubat bumaz"


def test_too_short_a_root_is_refused() -> None:
    with pytest.raises(InputError):
        eight_words(bytes(15))


def test_the_words_of_a_root_key_are_those_of_its_id() -> None:
    key = SigningKey(bytes(32))
    assert root_words(key.public_hex) == eight_words(bytes.fromhex(key.id))
