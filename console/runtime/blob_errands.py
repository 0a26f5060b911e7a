"""Evidence between a desk and its plane, as ciphertext: sent in parts and gone on with, fetched and checked.

Errands for a thread that has a client. Sending twice changes nothing; what is fetched lies in the store only if
its hash holds. Nothing here decides which blobs travel, or when.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO

from console.domain.errors import RefusedError
from console.protocol.limits import DEFAULT_LIMITS
from console.remote.faults import GarbledAnswer, ProblemAnswer
from console.remote.plane_client import PlaneClient
from console.store.blobs import BlobStore, copy_as_is

TRIES = 3
"""Times the plane is asked how far it is when it holds something else than was thought."""


def send_blob(
    client: PlaneClient,
    blobs: BlobStore,
    sha256: str,
    part: int = DEFAULT_LIMITS.blob_chunk_bytes,
    rest: Callable[[int], None] = lambda _: None,
) -> int:
    """Brings a blob to the plane from where it was left; the bytes that had to be sent.

    `part` is the most bytes of one request; after each, `rest` is called with the bytes it brought.

    Raises StoreDamageFault when it is not here, and what `PlaneClient` raises: sent again later, it goes on from there.
    """
    sent, tries = 0, TRIES
    with blobs.open(sha256) as file:
        total = file.seek(0, 2)
        while True:
            offset, size = client.blob_held(sha256) or (0, total)
            if size != total:
                offset = 0
            try:
                while offset < total:
                    file.seek(offset)
                    answer = client.put_blob(sha256, offset, total, file.read(part)).answer
                    brought, offset = answer.offset - offset, answer.offset
                    if brought <= 0:
                        raise GarbledAnswer("The plane took a part of a blob and says that it holds no more of it.")
                    sent += brought
                    rest(brought)
                return sent
            except ProblemAnswer as refused:
                tries -= 1
                if refused.problem.kind != "conflict" or not tries:
                    raise


def fetch_blob(client: PlaneClient, blobs: BlobStore, sha256: str, size: int) -> None:
    """Brings a blob of `size` bytes from the plane, unless it is here.

    Raises GarbledAnswer when the plane has something else under that name; nothing is kept then.
    """
    if not blobs.fault(sha256, size, deep=False):
        return

    def copied(source: BinaryIO, target: BinaryIO) -> tuple[str, int, str, int]:
        found = copy_as_is(source, target)
        if (found[2], found[3]) != (sha256, size):
            raise GarbledAnswer("The plane holds other bytes under the name of this blob; ask who captured it.")
        return found

    blobs.put(_Coming(client, sha256, size), copied)  # type: ignore[arg-type]  # only `read` is asked of it


def fetch_missing(client: PlaneClient, blobs: BlobStore, names: Sequence[str]) -> None:
    """Brings the blobs that are not here from the plane.

    Raises RefusedError when the plane does not have one of them whole, and what `fetch_blob` raises.
    """
    for sha256 in names:
        if blobs.path(sha256).exists():
            continue
        held, size = client.blob_held(sha256) or (0, 1)
        if held < size:
            raise RefusedError("The plane does not have them either; the desk that captured them must come online.")
        if size > DEFAULT_LIMITS.blob_bytes:
            raise GarbledAnswer(f"The plane says that they are {size} bytes, which is more than a blob may have.")
        fetch_blob(client, blobs, sha256, size)


class _Coming:
    """A blob as it is read from the plane, never more than its size."""

    def __init__(self, client: PlaneClient, sha256: str, size: int) -> None:
        self._client, self._sha256, self._size, self._at = client, sha256, size, 0

    def read(self, count: int) -> bytes:
        end = min(self._at + min(count, DEFAULT_LIMITS.blob_chunk_bytes), self._size)
        if end <= self._at:
            return b""
        piece = self._client.blob_part(self._sha256, self._at, end)
        self._at += len(piece)
        return piece
