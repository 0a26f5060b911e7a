"""Evidence at the plane: sent in parts and gone on with, read in parts, kept only as ciphertext of the right hash."""

from __future__ import annotations

import hashlib
import io
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest
import requests

from console.domain.errors import EnvironmentFault, InputError
from console.plane import blobs
from console.plane.blobs import MAGIC, Blobs, Misplaced, blobs_folder
from console.proof.keys import SigningKey
from console.protocol.limits import DEFAULT_LIMITS
from console.remote.faults import GarbledAnswer, ProblemAnswer
from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime.blob_errands import fetch_blob, send_blob
from console.store.blobs import BlobStore, copy_as_is
from tests.fakes.planes import DESK, Client, RunningPlane, World

OTHER = SigningKey(b"another desk of a test".ljust(32, b"."))
PART = DEFAULT_LIMITS.blob_chunk_bytes


def sealed(size: int) -> bytes:
    """Age ciphertext of so many bytes."""
    recipient = pyrage.x25519.Identity.generate().to_public()
    return bytes(pyrage.encrypt(secrets.token_bytes(size), [recipient]))


def name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def talking(tmp_path: Path) -> Iterator[tuple[RunningPlane, Client]]:
    with World(tmp_path).running() as (plane, desk):
        yield plane, desk


@pytest.fixture
def client(talking: tuple[RunningPlane, Client]) -> Iterator[PlaneClient]:
    wire = Wire(talking[0].url, lambda: time.time_ns() // 1000)
    made = PlaneClient(wire, TokenKeeper(DESK, lambda: secrets.token_hex(32)))
    yield made
    made.close()


def put(desk: Client, sha256: str, data: bytes, offset: int = 0, total: int | None = None) -> requests.Response:
    headers = {"Upload-Offset": str(offset), "Upload-Length": str(len(data) if total is None else total)}
    return desk.ask("PUT", f"/v1/blobs/{sha256}", data=data, headers=headers)


def kept(folder: Path) -> list[Path]:
    return [path for path in (folder / "plane-blobs").rglob("*") if path.is_file()]


def test_a_blob_goes_up_in_parts_over_a_restart_and_comes_down(tmp_path: Path) -> None:
    world, data = World(tmp_path), sealed(2 * PART + 12_345)
    sha256, total = name(data), len(data)
    with world.running() as (_, desk):
        answer = put(desk, sha256, data[:PART], 0, total).json()
        assert (answer["offset"], answer["size"], answer["complete"]) == (PART, total, False)
        assert desk.get(f"/v1/blobs/{sha256}").status_code == 404
    with world.running(certify=False) as (_, desk):
        head = desk.ask("HEAD", f"/v1/blobs/{sha256}")
        assert (head.headers["upload-offset"], head.headers["upload-length"]) == (str(PART), str(total))
        assert put(desk, sha256, data[PART : 2 * PART], PART, total).json()["offset"] == 2 * PART
        assert put(desk, sha256, data[2 * PART :], 2 * PART, total).json()["complete"]
        assert desk.get(f"/v1/blobs/{sha256}").content == data
        assert put(desk, sha256, data[:PART], 0, total).json()["complete"]
    (file,) = kept(tmp_path)
    assert (file.parent.name + file.name, file.stat().st_mode & 0o777) == (sha256, 0o400)


def test_the_client_sends_asks_and_reads(client: PlaneClient) -> None:
    data = sealed(PART + 100)
    sha256, total = name(data), len(data)
    assert client.blob_held(sha256) is None
    assert client.put_blob(sha256, 0, total, data[:PART]).answer.offset == PART
    assert client.blob_held(sha256) == (PART, total)
    with pytest.raises(ProblemAnswer) as refused:
        client.put_blob(sha256, 5, total, data[5:PART])
    assert (refused.value.status, refused.value.problem.kind) == (409, "conflict")
    assert client.put_blob(sha256, PART, total, data[PART:]).answer.complete
    parts = [client.blob_part(sha256, start, min(start + 1_000_000, total)) for start in range(0, total, 1_000_000)]
    assert b"".join(parts) == data
    assert client.blob_part(sha256, PART, total + 99) == data[PART:]
    with pytest.raises(ProblemAnswer) as beyond:
        client.blob_part(sha256, total, total + 1)
    assert beyond.value.status == 416


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)), ("bytes=10-", 206, slice(10, None)), ("bytes=-5", 206, slice(-5, None)),
        ("bytes=0-99999", 200, slice(None)), ("bytes=0-1,3-4", 200, slice(None)), ("lines=1-2", 200, slice(None)),
        ("bytes=-", 200, slice(None)), ("bytes=99999-", 416, None), ("bytes=9-3", 416, None), ("bytes=-0", 416, None),
    ],
)  # fmt: skip
def test_ranges(talking: tuple[RunningPlane, Client], asked: str, status: int, part: slice | None) -> None:
    desk, data = talking[1], sealed(300)
    assert put(desk, name(data), data).json()["complete"]
    answer = desk.get(f"/v1/blobs/{name(data)}", headers={"Range": asked})
    assert answer.status_code == status
    if part is None:
        assert answer.headers["content-range"] == f"bytes */{len(data)}"
    else:
        assert answer.content == data[part]


def refusals() -> dict[str, tuple[Any, ...]]:
    good = sealed(300)
    spoilt = good[:-1] + bytes([good[-1] ^ 1])
    return {
        "plain text": (b"Q: what is the refund policy?", None, 0, None, 422),
        "another hash": (spoilt, name(good), 0, None, 422),
        "nothing": (b"", None, 0, None, 422),
        "beyond its end": (good, None, 0, 10, 422),
        "not from its beginning": (good, None, 7, 5000, 409),
        "a name that climbs": (good, "..%2f..%2fplane.db", 0, None, 404),
        "no hexadecimal name": (good, "A" * 64, 0, None, 422),
        "too long a whole": (good, None, 0, DEFAULT_LIMITS.blob_bytes + 1, 422),
        "too large a part": (good + bytes(PART), None, 0, None, 413),
    }


REFUSALS = refusals()


@pytest.mark.parametrize(("data", "called", "offset", "total", "status"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_refused_leaves_nothing(
    talking: tuple[RunningPlane, Client],
    data: bytes,
    called: str | None,
    offset: int,
    total: int | None,
    status: int,
    tmp_path: Path,
) -> None:
    answer = put(talking[1], called or name(data), data, offset, total)
    assert answer.status_code == status, answer.text
    assert kept(tmp_path) == []


def test_a_token_is_needed(talking: tuple[RunningPlane, Client]) -> None:
    desk, data = talking[1], sealed(10)
    desk.token = ""
    headers = {"Upload-Offset": "0", "Upload-Length": str(len(data))}
    for method in ("PUT", "HEAD", "GET"):
        answer = desk.ask(method, f"/v1/blobs/{name(data)}", data=data if method == "PUT" else None, headers=headers)
        assert answer.status_code == 401


def test_a_full_disk_keeps_what_came_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world, data = World(tmp_path), sealed(5000)
    with world.running() as (_, desk):
        assert put(desk, name(data), data[:3000], 0, len(data)).json()["offset"] == 3000
    with monkeypatch.context() as patch:
        patch.setattr(Blobs.__init__, "__kwdefaults__", {"reserve": 2**62})  # more than any disk has left
        with world.running(certify=False) as (_, desk):
            answer = put(desk, name(data), data[3000:], 3000, len(data))
            assert (answer.status_code, answer.json()["kind"]) == (503, "busy")
            assert "no room" in answer.json()["detail"]
            assert answer.headers["retry-after"]
    with world.running(certify=False) as (_, desk):
        assert put(desk, name(data), data[3000:], 3000, len(data)).json()["complete"]


def test_nobody_spoils_what_another_device_sends(tmp_path: Path) -> None:
    store, data = Blobs(tmp_path / "blobs", reserve=0), sealed(1000)
    sha256, total = name(data), len(data)
    store.add(sha256, OTHER.id, 0, total, MAGIC + bytes(total - len(MAGIC) - 1))
    assert store.add(sha256, DESK.id, 0, total, data[:500]).offset == 500
    assert store.add(sha256, DESK.id, 500, total, data[500:]).complete
    store.add(name(b"x"), DESK.id, 0, total, data[:500])
    with pytest.raises(Misplaced, match="byte 500"):
        store.add(name(b"x"), DESK.id, 7, total, data[7:])


def test_only_so_many_are_half_sent_and_old_ones_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "UNFINISHED", 2)
    store = Blobs(tmp_path / "blobs", reserve=0)
    for n in range(2):
        store.add(name(bytes([n])), DESK.id, 0, 1000, MAGIC)
    with pytest.raises(EnvironmentFault, match="half sent"):
        store.add(name(b"more"), DESK.id, 0, 1000, MAGIC)
    store.add(name(b"more"), OTHER.id, 0, 1000, MAGIC)
    store.forget_old_parts()
    assert store.held(name(bytes([0])), DESK.id) is not None
    store.forget_old_parts(time.time() + blobs.FORGOTTEN_S + 10)
    assert store.held(name(bytes([0])), DESK.id) is None


def test_a_hash_that_does_not_hold_drops_it_all(tmp_path: Path) -> None:
    store, data = Blobs(tmp_path / "blobs", reserve=0), sealed(1000)
    store.add(name(b"else"), DESK.id, 0, len(data), data[:500])
    with pytest.raises(InputError, match="nothing of it was kept"):
        store.add(name(b"else"), DESK.id, 500, len(data), data[500:])
    assert store.held(name(b"else"), DESK.id) is None


def test_a_desk_sends_what_it_holds_and_another_fetches_it(client: PlaneClient, tmp_path: Path) -> None:
    data = sealed(PART + 70_000)
    ours, theirs = BlobStore(tmp_path / "ours"), BlobStore(tmp_path / "theirs")
    sha256 = ours.put(io.BytesIO(data), copy_as_is).sha256
    client.put_blob(sha256, 0, len(data), data[:50_000])  # an errand that was cut short
    assert send_blob(client, ours, sha256) == len(data) - 50_000
    assert send_blob(client, ours, sha256) == 0
    fetch_blob(client, theirs, sha256, len(data))
    assert theirs.fault(sha256, len(data)) == ""
    fetch_blob(client, theirs, sha256, len(data))


def test_a_blob_that_is_another_is_not_kept(
    talking: tuple[RunningPlane, Client], client: PlaneClient, tmp_path: Path
) -> None:
    data = sealed(1000)
    assert put(talking[1], name(data), data).json()["complete"]
    place = tmp_path / "plane-blobs" / name(data)[:2] / name(data)[2:]
    place.chmod(0o600)
    place.write_bytes(data[:-1] + b"x")
    theirs = BlobStore(tmp_path / "theirs")
    with pytest.raises(GarbledAnswer, match="other bytes"):
        fetch_blob(client, theirs, name(data), len(data))
    with pytest.raises(GarbledAnswer, match="other bytes"):
        fetch_blob(client, theirs, name(data), len(data) - 1)
    assert list(theirs.names()) == []


def test_a_server_database_has_its_blobs_beside_the_key(tmp_path: Path) -> None:
    assert blobs_folder(str(tmp_path / "a.db"), tmp_path / "k.key") == tmp_path / "a-blobs"
    assert blobs_folder("postgresql://host/name", tmp_path / "k.key") == tmp_path / "k-blobs"
