"""Backup and restore: verified both ways, into nothing but an empty place, and a hostile file changes nothing."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.domain.errors import InputError
from console.store._sqlite import connect_writer
from console.store.archive import backup, restore
from console.store.blobs import copy_as_is
from console.store.faults import StoreDamageFault
from console.store.opening import record_path
from console.store.verify import verify_store
from tests.fakes.record_kit import append, desk, new_incident, note

ONE = new_incident(1)
AT = "2026-01-31T15:00:00.000000Z"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    with desk(folder) as (store, record):
        append(record, "incident.opened", ONE, title="t", severity="SEV-1")
        stored = store.blobs.put(io.BytesIO(b"ciphertext"), copy_as_is)
        with record.transaction() as tx:
            tx.insert_blob(stored.sha256, stored.size)
    return folder


@pytest.fixture
def made(source: Path, tmp_path: Path) -> Path:
    backup(source, tmp_path / "b.tar", AT)
    return tmp_path / "b.tar"


def test_a_backup_restored_is_the_same_record(source: Path, made: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "store"
    report = restore(made, target)
    assert report.faults == ()
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    with desk(target) as (store, record), store.reader() as db:
        assert len(db.events(ONE)) == 1
        assert verify_store(store.path, store.blobs).faults == ()
        event = note(record, ONE).envelope
        assert (event.incarnation, event.seq) == (2, 1)  # it can never collide with what was sent after the backup
        assert verify_store(store.path).faults == ()


def test_a_backup_is_private_and_says_what_it_is(made: Path) -> None:
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    with tarfile.open(made) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
    assert (manifest["format"], manifest["encrypted"], manifest["made_at"]) == ("incident-console-backup", False, AT)


def test_a_store_in_use_can_be_backed_up(tmp_path: Path) -> None:
    with desk(tmp_path / "s") as (_, record):
        note(record, ONE)
        backup(tmp_path / "s", tmp_path / "b.tar", AT)
        note(record, ONE)
    assert restore(tmp_path / "b.tar", tmp_path / "t").counts["event"] == 1


def test_nothing_is_ever_overwritten(source: Path, made: Path, tmp_path: Path) -> None:
    before = made.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        backup(source, made, AT)
    assert made.read_bytes() == before
    with pytest.raises(InputError, match="not empty"):
        restore(made, source)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        restore(made, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert restore(made, tmp_path / "empty").faults == ()


def test_a_damaged_store_is_not_backed_up_silently(source: Path, tmp_path: Path) -> None:
    conn = connect_writer(record_path(source))
    conn.execute("UPDATE timeline SET actor = 'nobody'")
    conn.close()
    with pytest.raises(StoreDamageFault, match="not intact"):
        backup(source, tmp_path / "b.tar", AT)
    assert not (tmp_path / "b.tar").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_projections_of_an_older_version_do_not_stand_in_the_way(source: Path, tmp_path: Path) -> None:
    conn = connect_writer(record_path(source))
    conn.execute("DROP VIEW severity_now")
    conn.execute("DELETE FROM severity")
    conn.close()
    backup(source, tmp_path / "b.tar", AT)
    restore(tmp_path / "b.tar", tmp_path / "t")
    with desk(tmp_path / "t") as (_, record), record.transaction() as tx:
        assert tx.value("SELECT level FROM severity_now") == "SEV-1"


def _members(made: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(made) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


def _pack(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))


def _file(name: str, data: bytes = b"x", **changed: Any) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for field, value in changed.items():
        setattr(member, field, value)
    return member, data


Members = list[tuple[tarfile.TarInfo, bytes]]


def _manifest(members: Members, change: Callable[[dict[str, Any]], object]) -> Members:
    content = json.loads(members[0][1])
    change(content)
    return [_file("manifest.json", json.dumps(content).encode()), *members[1:]]


def _flipped(members: Members, at: int) -> Members:
    member, data = members[1]
    return [members[0], (member, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]), *members[2:]]


HOSTILE: dict[str, Callable[[Members], Members]] = {
    "empty": lambda m: [],
    "no manifest": lambda m: m[1:],
    "record flipped": lambda m: _flipped(m, 9000),
    "blob missing": lambda m: m[:-1],
    "one more file": lambda m: [*m, _file("blobs/aa/" + "b" * 62)],
    "another order": lambda m: [m[0], *reversed(m[1:])],
    "climbing name": lambda m: _manifest(
        [*m, _file("../out")], lambda c: c["files"].append({"name": "../out", "size": 1, "sha256": "a" * 64})
    ),
    "absolute name": lambda m: _manifest(
        [*m, _file("/tmp/out")], lambda c: c["files"].append({"name": "/tmp/out", "size": 1, "sha256": "a" * 64})
    ),
    "link for the record": lambda m: [m[0], _file("record.sqlite", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
    "device for the record": lambda m: [m[0], _file("record.sqlite", b"", type=tarfile.CHRTYPE)],
    "name twice": lambda m: _manifest([*m, m[1]], lambda c: c["files"].append(c["files"][0])),
    "no record": lambda m: _manifest(m[:1], lambda c: c.update(files=[])),
    "size beyond the file": lambda m: _manifest(m, lambda c: c["files"][1].update(size=2**60)),
    "negative size": lambda m: _manifest(m, lambda c: c["files"][1].update(size=-1)),
    "files is a number": lambda m: _manifest(m, lambda c: c.update(files=3)),
    "deep manifest": lambda m: [_file("manifest.json", b"[" * 200_000), *m[1:]],
    "another format": lambda m: _manifest(m, lambda c: c.update(format="x")),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_backup_is_refused_and_leaves_nothing(made: Path, tmp_path: Path, how: str) -> None:
    _pack(tmp_path / "hostile.tar", HOSTILE[how](_members(made)))
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(InputError):
        restore(tmp_path / "hostile.tar", tmp_path / "t")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_backup_that_was_cut_short_is_refused(made: Path, tmp_path: Path, share: float) -> None:
    data = made.read_bytes()
    (tmp_path / "short.tar").write_bytes(data[: int((len(data) - 10240) * share)])
    with pytest.raises(InputError):
        restore(tmp_path / "short.tar", tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_a_header_that_claims_gigabytes_is_not_read(made: Path, tmp_path: Path) -> None:
    head = tarfile.TarInfo("long")
    head.type, head.size = tarfile.GNUTYPE_LONGNAME, 2**40
    (tmp_path / "h.tar").write_bytes(head.tobuf(tarfile.GNU_FORMAT) + made.read_bytes())
    with pytest.raises(InputError):
        restore(tmp_path / "h.tar", tmp_path / "t")


def test_a_link_is_not_a_backup(made: Path, tmp_path: Path) -> None:
    (tmp_path / "link.tar").symlink_to(made)
    with pytest.raises(InputError, match="a link"):
        restore(tmp_path / "link.tar", tmp_path / "t")
    with pytest.raises(InputError, match="plain file"):
        restore(Path("/dev/zero"), tmp_path / "t")


def test_a_store_that_was_altered_before_it_was_packed_is_refused(source: Path, made: Path, tmp_path: Path) -> None:
    conn = connect_writer(record_path(source))
    conn.execute("DELETE FROM outbox")
    conn.execute("PRAGMA journal_mode = DELETE")
    conn.close()
    members = _members(made)
    data = record_path(source).read_bytes()
    fixed = _manifest(
        [members[0], _file("record.sqlite", data), *members[2:]],
        lambda c: c["files"][0].update(size=len(data), sha256=hashlib.sha256(data).hexdigest()),
    )
    _pack(tmp_path / "x.tar", fixed)
    with pytest.raises(InputError, match="neither answered for nor queued"):
        restore(tmp_path / "x.tar", tmp_path / "t")
