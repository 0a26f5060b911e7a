"""age streams: what goes in comes out, counted and hashed; every fault is told, none is swallowed; no thread stays."""

from __future__ import annotations

import hashlib
import io
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import EnvironmentFault
from console.evidence.age import (
    DecryptionError,
    Identity,
    KeyFileError,
    NotARecipientError,
    PlaintextReader,
    decrypt,
    encrypt,
    identity_file_text,
    new_identity,
    read_identity_file,
)
from console.evidence.vault import encrypt_while_copying, open_plaintext

A, B = new_identity(), new_identity()
PLAIN, NESTED = [[A.recipient, B.recipient]], [[A.recipient], [B.recipient]]
LONG = bytes(range(256)) * 2000


def sealed(text: bytes, layers: list[list[str]]) -> bytes:
    out = io.BytesIO()
    encrypt(io.BytesIO(text), out, layers)
    return out.getvalue()


@pytest.mark.parametrize("layers", [PLAIN, NESTED], ids=["plain", "nested"])
@given(text=st.binary(max_size=200))
def test_what_goes_in_comes_out(layers: list[list[str]], text: bytes) -> None:
    cipher, back = io.BytesIO(), io.BytesIO()
    copied = encrypt(io.BytesIO(text), cipher, layers)
    assert decrypt(io.BytesIO(cipher.getvalue()), back, [A, B], len(layers)) == copied
    assert back.getvalue() == text
    assert copied.plain_sha256 == hashlib.sha256(text).hexdigest()
    assert copied.cipher_sha256 == hashlib.sha256(cipher.getvalue()).hexdigest()
    assert (copied.plain_bytes, copied.cipher_bytes) == (len(text), len(cipher.getvalue()))


def test_either_of_two_opens_one_layer_and_both_are_needed_for_two() -> None:
    for one in (A, B):
        back = io.BytesIO()
        decrypt(io.BytesIO(sealed(LONG, PLAIN)), back, [one])
        assert back.getvalue() == LONG
        with pytest.raises(NotARecipientError):
            decrypt(io.BytesIO(sealed(LONG, NESTED)), io.BytesIO(), [one], 2)


@pytest.mark.parametrize("cut", [1, 16, 300, len(LONG)])
@pytest.mark.parametrize("layers", [PLAIN, NESTED], ids=["plain", "nested"])
def test_a_cut_is_told_however_it_is_read(layers: list[list[str]], cut: int) -> None:
    data = sealed(LONG, layers)[:-cut]
    with pytest.raises(DecryptionError):
        decrypt(io.BytesIO(data), io.BytesIO(), [A, B], len(layers))
    with PlaintextReader(io.BytesIO(data), [A, B], len(layers)) as reader, pytest.raises(DecryptionError):
        reader.read()


def test_a_reader_that_is_closed_early_leaves_nothing() -> None:
    before = threading.active_count()
    source = io.BytesIO(sealed(LONG, NESTED))
    with PlaintextReader(source, [A, B], 2) as reader:
        assert reader.read(10) == LONG[:10]
    assert source.closed
    assert threading.active_count() == before


@pytest.mark.parametrize("layers", [PLAIN, NESTED], ids=["plain", "nested"])
@pytest.mark.parametrize("text", [b"small", LONG], ids=["small", "long"])
def test_a_full_disk_is_told_even_for_an_item_smaller_than_a_buffer(layers: list[list[str]], text: bytes) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(EnvironmentFault, match="No space left"):
        encrypt(io.BytesIO(text), full, layers)


class Failing(io.RawIOBase):
    """A disk that stops answering after the first block."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = 0

    def read(self, size: int = -1, /) -> bytes:
        self.blocks += 1
        if self.blocks > 1:
            raise OSError(5, "Input/output error")
        return bytes(size)


@pytest.mark.parametrize("layers", [PLAIN, NESTED], ids=["plain", "nested"])
def test_a_source_that_fails_never_looks_like_its_end(layers: list[list[str]]) -> None:
    with pytest.raises(EnvironmentFault, match="Input/output error"):
        encrypt(Failing(), io.BytesIO(), layers)


def test_the_vault_holds_ciphertext_and_gives_plaintext_back() -> None:
    blob = io.BytesIO()
    copied = encrypt_while_copying(io.BytesIO(LONG), blob, A.recipient)
    assert LONG[:64] not in blob.getvalue()
    assert copied.plain_sha256 == hashlib.sha256(LONG).hexdigest()
    with open_plaintext(io.BytesIO(blob.getvalue()), A) as plaintext:
        assert plaintext.read() == LONG
    with open_plaintext(io.BytesIO(blob.getvalue()), B) as plaintext, pytest.raises(NotARecipientError):
        plaintext.read()


def test_identities_are_kept_as_the_age_program_keeps_them_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(identity_file_text(A) + "\n" + identity_file_text(B), encoding="ascii")
    assert read_identity_file(tmp_path / "key") == (A, B)
    assert A.secret not in repr(A)


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"AGE-SECRET-KEY-1NOT\n", b"\xff\xfe", b"x" * 70_000])
def test_what_is_not_an_identity_file_is_refused_without_repeating_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(KeyFileError) as caught:
        read_identity_file(tmp_path / "key")
    assert "KEY-1NOT" not in caught.value.sentence
    assert str(tmp_path / "key") in caught.value.sentence


def test_missing_files_and_wrong_keys_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_identity_file(tmp_path / "none")
    with pytest.raises(KeyFileError, match="not an age recipient"):
        encrypt(io.BytesIO(b""), io.BytesIO(), [["age1none"]])
    with pytest.raises(KeyFileError):
        Identity("AGE-SECRET-KEY-1NOT")
