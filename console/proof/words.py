"""Eight words for a checkpoint or a root key, so that two people can compare what they hold over the telephone.

The first 16 bytes of the root, two bytes a word: consonant-vowel-consonant-vowel-consonant, 16 x 4 x 16 x 4 x 16 of
them, so every word is 16 bits and no two roots that differ there sound alike.
"""

from __future__ import annotations

from console.domain.errors import InputError
from console.proof.keys import key_id

WORDS = 8
_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aiou"


def eight_words(root: bytes) -> tuple[str, ...]:
    """The words of a tree's root (32 bytes, of which the first 16 are told); raises InputError when it is shorter."""
    if len(root) < 2 * WORDS:
        raise InputError("A root to be told in words has 32 bytes; this one is too short.")
    return tuple(_word(int.from_bytes(root[at : at + 2], "big")) for at in range(0, 2 * WORDS, 2))


def root_words(root_public_key: str) -> tuple[str, ...]:
    """The words of an organisation's root key (64 hex digits): told with an invitation, compared when a desk joins.

    They are of the key's id, which is its SHA-256; a key that is no hex raises ValueError.
    """
    return eight_words(bytes.fromhex(key_id(root_public_key)))


def _word(number: int) -> str:
    letters = []
    for alphabet, bits in ((_CONSONANTS, 4), (_VOWELS, 2), (_CONSONANTS, 4), (_VOWELS, 2), (_CONSONANTS, 4)):
        letters.append(alphabet[number & (1 << bits) - 1])
        number >>= bits
    return "".join(reversed(letters))
