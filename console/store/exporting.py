"""The record as plain files: signed events a line, blobs as ciphertext, a manifest; readable by anybody and for ever.

It reads the event table and nothing else that a newer version could have changed, so it also works on a store that this
program must not write to.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from console.domain.errors import ConsoleError
from console.proof.envelope import SYSTEM, SignedEvent
from console.store._sqlite import Connection, SqliteError, connect_reader, translate
from console.store.blobs import BLOB_NAME, BlobStore
from console.store.files import publish_folder, require_free, scratch_folder
from console.store.opening import BLOB_FOLDER, record_path

FORMAT = "incident-console-export"
MANIFEST, EVENTS, BLOBS, FORKS = "manifest.json", "events", "blobs", "forks.jsonl"
INCIDENT = re.compile(rf"{SYSTEM}|[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")


@dataclass(slots=True)
class Exported:
    """How many events by incident, quarantined events, blobs; `left_out` names what could not be exported, and why."""

    events: dict[str, int] = field(default_factory=dict)
    forks: int = 0
    blobs: int = 0
    left_out: list[str] = field(default_factory=list)


def export(folder: Path, target: Path, made_at: str) -> Exported:
    """Writes everything that is signed in the store `folder` into the new folder `target`; the store may be in use.

    Raises InputError when `target` is not free, StoreMissingError when there is no store. What is damaged is exported
    as it is, so that it can be judged elsewhere; a blob that is missing is named in `left_out`.
    """
    require_free(target)
    path = record_path(folder)
    conn = connect_reader(path)
    try:
        with scratch_folder(target, "nothing was exported") as scratch:
            made = scratch / "export"
            for name in (made, made / EVENTS, made / BLOBS):
                name.mkdir(mode=0o700)
            conn.execute("BEGIN")
            exported = Exported()
            _write_events(conn, made / EVENTS, exported)
            exported.forks = _write_forks(conn, made / FORKS)
            _write_blobs(conn, BlobStore(folder / BLOB_FOLDER), made / BLOBS, exported)
            _write_manifest(conn, made, exported, made_at)
            publish_folder(made, target)
    except SqliteError as error:
        raise translate(error, path) from error
    finally:
        conn.close()
    return exported


def line_of(signed: SignedEvent) -> str:
    """One event as a line: {"canon", "sig", "person_sig"?}, signed text as it was signed."""
    return json.dumps(signed.wire(), ensure_ascii=False, separators=(",", ":"), sort_keys=True) + "\n"


def _write_events(conn: Connection, folder: Path, exported: Exported) -> None:
    files: dict[str, IO[str]] = {}
    try:
        for incident, *texts in conn.execute("SELECT incident, canon, sig, person_sig FROM event ORDER BY n"):
            if not INCIDENT.fullmatch(str(incident)):
                exported.left_out.append(f"an event of {str(incident)[:60]!a}, which is not the name of an incident")
                continue
            if incident not in files and len(files) >= _OPEN_AT_ONCE:
                files.pop(next(iter(files))).close()
            if incident not in files:
                files[incident] = (folder / f"{incident}.jsonl").open("a", encoding="utf-8", newline="\n")
            files[incident].write(line_of(SignedEvent(*texts)))
            exported.events[incident] = exported.events.get(incident, 0) + 1
    finally:
        for file in files.values():
            file.close()


_OPEN_AT_ONCE = 64


def _write_forks(conn: Connection, path: Path) -> int:
    found = _if_there(conn, "SELECT canon, sig, person_sig FROM fork_evidence ORDER BY found_at, hash")
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.writelines(line_of(SignedEvent(*texts)) for texts in found)
    return len(found)


def _write_blobs(conn: Connection, blobs: BlobStore, folder: Path, exported: Exported) -> None:
    """All that lie there, and a word about each that should and does not."""
    should = {str(name) for (name,) in _if_there(conn, "SELECT sha256 FROM blob") if BLOB_NAME.fullmatch(str(name))}
    for name in sorted(should | set(blobs.names())):
        try:
            with blobs.open(name) as source, (folder / name).open("xb") as target:
                shutil.copyfileobj(source, target, 1024 * 1024)
            exported.blobs += 1
        except ConsoleError as error:
            exported.left_out.append(error.sentence)


def _write_manifest(conn: Connection, made: Path, exported: Exported, made_at: str) -> None:
    devices = dict(_if_there(conn, "SELECT device, public_key FROM certified_device"))
    devices |= dict(_if_there(conn, "SELECT device, public_key FROM known_key"))
    files = sorted(path for path in made.rglob("*") if path.is_file())
    content = {
        "format": FORMAT,
        "version": 1,
        "schema": int(conn.execute("PRAGMA user_version").fetchone()[0]),
        "made_at": made_at,
        "events": exported.events,
        "forks": exported.forks,
        "blobs": exported.blobs,
        "devices": devices,
        "files": {path.relative_to(made).as_posix(): _sha256(path) for path in files},
    }
    (made / MANIFEST).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", "ascii")


def _if_there(conn: Connection, sql: str) -> list[Any]:
    """Rows of a table that a newer schema may not have any more."""
    try:
        return conn.execute(sql).fetchall()
    except SqliteError as error:
        if "no such" in str(error):
            return []
        raise


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
