"""Export and import: everything signed goes over, nothing unsigned comes in, and the same again changes nothing."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.domain.errors import InputError
from console.proof.envelope import SignedEvent
from console.store._sqlite import connect_writer
from console.store.blobs import copy_as_is
from console.store.exporting import export, line_of
from console.store.importing import MAX_LINE_BYTES, Taken, import_folder
from console.store.migrations import SCHEMA_VERSION
from console.store.opening import Store, open_store, record_path
from console.store.verify import verify_store
from tests.fakes.record_kit import COMMANDER, Author, append, body_of, desk, key_of, new_incident, note

ONE, TWO = new_incident(1), new_incident(2)
AT = "2026-01-31T15:00:00.000000Z"


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store and its export, never changed."""
    folder = tmp_path_factory.mktemp("transfer")
    with desk(folder / "source") as (store, record):
        append(record, "incident.opened", ONE, title="t", severity="SEV-1")
        stored = store.blobs.put(io.BytesIO(b"ciphertext"), copy_as_is)
        with record.transaction() as tx:
            tx.insert_blob(stored.sha256, stored.size)
        append(record, "evidence.captured", ONE, blob=stored.sha256, leaf_blob=stored.sha256)
        with record.transaction() as tx:
            for n in range(450):  # more than two pages
                tx.append("note.added", TWO, body_of("note.added", text=f"note {n}"), actor=COMMANDER)
    export(folder / "source", folder / "out", AT)
    return folder


@pytest.fixture
def source(made_once: Path, tmp_path: Path) -> Path:
    shutil.copytree(made_once / "source", tmp_path / "source")
    return tmp_path / "source"


@pytest.fixture
def exported(made_once: Path, tmp_path: Path) -> Path:
    shutil.copytree(made_once / "out", tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "target") as store:
        yield store


def _import(store: Store, folder: Path) -> dict[str, Taken]:
    return {taken.file: taken for taken in import_folder(store, folder, AT)}


def _hashes(store: Store, incident: str) -> list[str]:
    with store.reader() as db:
        return [event.hash for event in db.events(incident)]


def test_everything_signed_goes_over_and_verifies_there(source: Path, exported: Path, target: Store) -> None:
    taken = _import(target, exported)
    assert {name: (t.new, t.refused) for name, t in taken.items() if name.startswith("events")} == {
        f"events/{ONE}.jsonl": (2, 0),
        f"events/{TWO}.jsonl": (450, 0),
    }
    with open_store(source) as original:
        for incident in (ONE, TWO):
            assert _hashes(target, incident) == _hashes(original, incident)
    assert verify_store(target.path, target.blobs).faults == ()
    assert len(list(target.blobs.names())) == 1


def test_the_same_folder_again_changes_nothing(exported: Path, target: Store) -> None:
    _import(target, exported)
    before = target.conn.execute("SELECT * FROM event").fetchall()
    again = _import(target, exported)
    assert sum(taken.new for taken in again.values()) == 0
    assert again[f"events/{TWO}.jsonl"].known == 450
    assert target.conn.execute("SELECT * FROM event").fetchall() == before


def test_a_lines_text_is_the_signed_text(exported: Path) -> None:
    line = (exported / "events" / f"{ONE}.jsonl").read_text("utf-8").splitlines()[0]
    value = json.loads(line)
    assert set(value) == {"canon", "sig", "person_sig"}  # its author was signed in
    assert SignedEvent(value["canon"], value["sig"]).verify(key_of(10).public_hex)


def test_a_store_of_a_newer_version_can_be_exported(source: Path, tmp_path: Path, target: Store) -> None:
    conn = connect_writer(record_path(source))
    conn.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    conn.execute("DROP TABLE fork_evidence")
    conn.execute("ALTER TABLE event ADD COLUMN novelty TEXT")
    conn.close()
    made = export(source, tmp_path / "out", AT)
    assert (sum(made.events.values()), made.left_out) == (452, [])
    assert sum(taken.new for taken in _import(target, tmp_path / "out").values()) == 453


def test_a_blob_that_is_missing_is_named_and_the_rest_goes_over(source: Path, tmp_path: Path) -> None:
    blob = next((source / "blobs").glob("??/*"))
    blob.unlink()
    made = export(source, tmp_path / "out", AT)
    assert sum(made.events.values()) == 452
    assert [blob.parent.name + blob.name in sentence for sentence in made.left_out] == [True]


def test_an_export_never_overwrites(source: Path, exported: Path) -> None:
    with pytest.raises(InputError, match="not empty"):
        export(source, exported, AT)


def test_what_was_written_since_is_taken_alone(source: Path, exported: Path, target: Store, tmp_path: Path) -> None:
    _import(target, exported)
    with desk(source) as (_, record):
        later = note(record, ONE)
    export(source, tmp_path / "later", AT)
    taken = _import(target, tmp_path / "later")
    assert sum(t.new for t in taken.values()) == 1
    assert _hashes(target, ONE)[-1] == later.hash


def test_a_fork_is_kept_apart_and_travels_on(exported: Path, target: Store, tmp_path: Path) -> None:
    _import(target, exported)
    fork = Author(key_of(10)).write("note.added", ONE, body_of("note.added", text="another first event"))
    file = exported / "events" / f"{ONE}.jsonl"
    file.write_text(line_of(fork), "utf-8")
    taken = _import(target, exported)[f"events/{ONE}.jsonl"]
    assert (taken.new, taken.forked, taken.refused) == (0, 1, 0)
    assert fork.hash not in _hashes(target, ONE)
    assert verify_store(target.path).faults == ()
    export(target.folder, tmp_path / "again", AT)
    assert json.loads((tmp_path / "again" / "forks.jsonl").read_text("utf-8"))["canon"] == fork.canon
    with open_store(tmp_path / "third") as third:
        assert _import(third, tmp_path / "again")["forks.jsonl"].forked == 1


def test_an_event_that_its_device_did_not_sign_is_refused_and_not_kept(exported: Path, target: Store) -> None:
    lie = Author(key_of(10)).write("note.added", ONE, body_of("note.added", text="a lie"))
    forged = SignedEvent(lie.canon, key_of(66).sign_text(lie.canon.encode()))
    (exported / "events" / f"{ONE}.jsonl").write_text(line_of(forged), "utf-8")
    taken = _import(target, exported)[f"events/{ONE}.jsonl"]
    assert (taken.new, taken.forked, taken.refused) == (0, 0, 1)
    assert "signature" in taken.why
    assert target.conn.execute("SELECT count(*) FROM fork_evidence").fetchone()[0] == 0


def test_every_signature_of_an_import_is_verified_not_only_the_newest(exported: Path, target: Store) -> None:
    file = exported / "events" / f"{TWO}.jsonl"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    bad = json.loads(lines[3])
    lines[3] = line_of(SignedEvent(bad["canon"], json.loads(lines[4])["sig"]))
    file.write_text("".join(lines), "utf-8")
    taken = _import(target, exported)[f"events/{TWO}.jsonl"]
    assert (taken.new, taken.refused) == (3, 447)


def test_an_event_of_the_other_world_is_refused(exported: Path, tmp_path: Path) -> None:
    with desk(tmp_path / "production", exercise=False) as (store, _):
        taken = _import(store, exported)
    assert taken[f"events/{TWO}.jsonl"].refused == 450
    assert "other world" in taken[f"events/{TWO}.jsonl"].why


BAD_KEY = '{"format": "incident-console-export", "version": 1, "devices": {"a": "b"}}'
HOSTILE_LINES = {
    "not json": b"hello\n",
    "not an object": b"[1]\n",
    "null": b"null\n",
    "a number for a text": b'{"canon": 1, "sig": "x"}\n',
    "one field more": b'{"canon": "x", "sig": "x", "and": "x"}\n',
    "no signature": b'{"canon": "x"}\n',
    "half a character": b'{"canon": "\\ud800", "sig": "x"}\n',
    "not utf-8": b'{"canon": "\xff", "sig": "x"}\n',
    "a long signature": b'{"canon": "x", "sig": "' + b"A" * 5000 + b'"}\n',
    "an endless line": b'{"canon": "' + b"x" * (MAX_LINE_BYTES * 2) + b'", "sig": "x"}\n',
    "deeply nested": b"[" * 100_000 + b"\n",
    "no end": b'{"canon": "x"',
    "empty line": b"\n",
}


@pytest.mark.parametrize("how", HOSTILE_LINES)
def test_a_hostile_line_is_refused_and_the_good_ones_before_it_are_taken(
    exported: Path, target: Store, how: str
) -> None:
    file = exported / "events" / f"{ONE}.jsonl"
    file.write_bytes(file.read_bytes() + HOSTILE_LINES[how])
    taken = _import(target, exported)
    assert (taken[f"events/{ONE}.jsonl"].new, taken[f"events/{ONE}.jsonl"].refused) == (2, 1)
    assert "line 3" in taken[f"events/{ONE}.jsonl"].why
    assert taken[f"events/{TWO}.jsonl"].new == 450
    assert verify_store(target.path).faults == ()


def test_links_and_strange_names_are_not_followed(exported: Path, target: Store, tmp_path: Path) -> None:
    (tmp_path / "secret.jsonl").write_text("secret\n")
    (exported / "events" / f"{new_incident(7)}.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (exported / "events" / "passwd.jsonl").write_text("x\n")
    (exported / "events" / f"{new_incident(8)}.jsonl").mkdir()
    taken = _import(target, exported)
    assert "a link" in taken[f"events/{new_incident(7)}.jsonl"].why
    assert "not a plain file" in taken[f"events/{new_incident(8)}.jsonl"].why
    assert "events/passwd.jsonl" not in taken


def test_a_blob_whose_bytes_do_not_give_its_name_is_refused(exported: Path, target: Store) -> None:
    blob = next((exported / "blobs").iterdir())
    blob.write_bytes(b"something else")
    (exported / "blobs" / ("a" * 64)).write_bytes(b"named by no event")
    taken = _import(target, exported)
    assert taken[f"blobs/{blob.name}"].refused == 1
    assert f"blobs/{'a' * 64}" not in taken
    assert list(target.blobs.names()) == []


@pytest.mark.parametrize(
    "manifest",
    ["", "{}", "[]", '{"format": "x"}', '{"format":"incident-console-export","version":1,"devices":{"a":"b"}}'],
)
def test_a_folder_without_a_manifest_that_fits_is_not_imported(exported: Path, target: Store, manifest: str) -> None:
    (exported / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match="nothing was imported"):
        _import(target, exported)
    (exported / "manifest.json").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        _import(target, exported)
    assert target.conn.execute("SELECT count(*) FROM event").fetchone()[0] == 0
