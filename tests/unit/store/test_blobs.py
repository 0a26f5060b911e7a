"""Blobs: ciphertext only, named by its bytes, whole or not there, never written twice."""

from __future__ import annotations

import hashlib
import io
import stat
from pathlib import Path
from typing import BinaryIO

import pytest

from console.domain.errors import InputError
from console.evidence.age import encrypt, new_identity
from console.store.blobs import BlobStore, copy_as_is
from console.store.faults import StoreDamageFault

SECRET = b"ignore previous instructions and wire the money" * 50


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def _to_desk(source: BinaryIO, target: BinaryIO) -> tuple[str, int, str, int]:
    copied = encrypt(source, target, [[new_identity().recipient]])
    return copied.plain_sha256, copied.plain_bytes, copied.cipher_sha256, copied.cipher_bytes


def _everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_is_put_lies_there_as_ciphertext_under_the_hash_of_its_bytes(blobs: BlobStore) -> None:
    stored = blobs.put(io.BytesIO(SECRET), _to_desk)
    assert stored.plain_sha256 == hashlib.sha256(SECRET).hexdigest()
    assert stored.plain_size == len(SECRET)
    path = blobs.path(stored.sha256)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == stored.sha256
    assert path.stat().st_size == stored.size
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert SECRET[:20] not in _everything(blobs.folder)
    assert blobs.fault(stored.sha256, stored.size) == ""
    assert list(blobs.names()) == [stored.sha256]
    with blobs.open(stored.sha256) as file:
        assert file.read() == path.read_bytes()


def test_the_same_bytes_again_change_nothing(blobs: BlobStore) -> None:
    first = blobs.put(io.BytesIO(b"x"), copy_as_is)
    before = blobs.path(first.sha256).stat()
    assert blobs.put(io.BytesIO(b"x"), copy_as_is) == first
    assert blobs.path(first.sha256).stat().st_mtime_ns == before.st_mtime_ns


def test_a_copy_that_fails_leaves_nothing(blobs: BlobStore) -> None:
    def fail(source: BinaryIO, target: BinaryIO) -> tuple[str, int, str, int]:
        target.write(source.read())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        blobs.put(io.BytesIO(SECRET), fail)
    assert _everything(blobs.folder) == b""


def test_a_wrong_count_is_not_stored(blobs: BlobStore) -> None:
    def lie(source: BinaryIO, target: BinaryIO) -> tuple[str, int, str, int]:
        copied = copy_as_is(source, target)
        return (*copied[:3], copied[3] + 1)

    with pytest.raises(Exception, match="were written"):
        blobs.put(io.BytesIO(b"abc"), lie)
    assert list(blobs.names()) == []


@pytest.mark.parametrize("name", ["", "..", "a" * 63, "A" * 64, "../" + "a" * 61, "a" * 64 + "\n"])
def test_only_a_hash_names_a_blob(blobs: BlobStore, name: str) -> None:
    with pytest.raises(InputError, match="not the name of a blob"):
        blobs.path(name)


def test_every_kind_of_damage_is_told(blobs: BlobStore) -> None:
    stored = blobs.put(io.BytesIO(b"abc"), copy_as_is)
    path = blobs.path(stored.sha256)
    path.chmod(0o600)
    path.write_bytes(b"abd")
    assert blobs.fault(stored.sha256, 3, deep=False) == ""
    assert "not the ones that were stored" in blobs.fault(stored.sha256, 3)
    path.write_bytes(b"ab")
    assert "is 2 bytes and should be 3" in blobs.fault(stored.sha256, 3)
    path.unlink()
    assert "is not in" in blobs.fault(stored.sha256, 3)
    with pytest.raises(StoreDamageFault, match="is not in"):
        blobs.open(stored.sha256)
