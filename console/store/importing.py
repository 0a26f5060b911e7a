"""Takes in what `exporting` wrote - or what a stranger wrote in its shape: judged line by line, bounded everywhere.

Nothing is believed because of where it lies: every signature is verified, every link checked, every blob hashed. The
same folder again changes nothing. A result a file; a bad line never stops the good ones before it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from console.domain.errors import InputError
from console.proof.envelope import MAX_EVENT_BYTES, SYSTEM, SignedEvent
from console.store import projections, rows
from console.store._sqlite import Connection, Immediate
from console.store.blobs import BLOB_NAME, copy_as_is
from console.store.exporting import BLOBS, EVENTS, FORKS, FORMAT, INCIDENT, MANIFEST
from console.store.files import open_regular
from console.store.opening import Store
from console.store.receiving import Receiving

MAX_MANIFEST_BYTES = 16 * 1024 * 1024
MAX_DEVICES = 10_000
MAX_FILES = 100_000
MAX_FILE_BYTES = 4 * 1024**3
MAX_BLOB_BYTES = 64 * 1024**3
MAX_LINE_BYTES = 2 * MAX_EVENT_BYTES + 1024
"""A signed text holds no control characters that would need more than twice its bytes as a JSON string."""
MAX_LINES = 1_000_000
_MAX_SIGNATURE = 200
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one file: events (or blobs) new here, known already, kept as forks, refused, and why the first."""

    file: str
    new: int = 0
    known: int = 0
    forked: int = 0
    refused: int = 0
    why: str = ""

    @property
    def sentence(self) -> str:
        """One line for a person."""
        parts = [f"{self.new} new", f"{self.known} known already"]
        parts += [f"{self.forked} forked and kept apart"] * bool(self.forked)
        parts += [f"{self.refused} refused"] * bool(self.refused)
        return f"{self.file}: {', '.join(parts)}" + (f" ({self.why})" if self.why else "")


def import_folder(store: Store, source: Path, at: str) -> Iterator[Taken]:
    """Imports the exported folder `source`; yields a result a file as each is committed. `at` is the moment, RFC 3339.

    Raises InputError when `source` is not an exported folder; then nothing was taken.
    """
    devices = _read_manifest(source / MANIFEST)
    with Immediate(store.conn, store.path):
        for device, key in devices.items():
            if rows.one(store.conn, "known_key", "device = ?", (device,)) is None:
                row: dict[str, str | int] = {"device": device, "public_key": key, "origin": "import"}
                rows.replace(store.conn, "known_key", row | {"incarnation": 1, "since": at})
    for path in _event_files(source):
        yield _take_events(store, path, path.relative_to(source).as_posix(), at)
    yield from _take_blobs(store, source / BLOBS, at)


def _read_manifest(path: Path) -> dict[str, str]:
    """The devices of an export: id -> public key, each key proven by its id."""
    with open_regular(path, MAX_MANIFEST_BYTES) as file:
        try:
            manifest: Any = json.loads(file.read().decode("utf-8"))
            good = manifest["format"] == FORMAT and manifest["version"] == 1
            devices = {str(device): str(key) for device, key in manifest["devices"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{path} is not the manifest of an export; nothing was imported.") from error
    if not good or len(devices) > MAX_DEVICES or not all(projections.is_key_of(d, k) for d, k in devices.items()):
        raise InputError(f"{path} is not a manifest that this version can trust; nothing was imported.")
    return devices


def _event_files(source: Path) -> list[Path]:
    """The event files, `system` first because it certifies the devices of the others; then what was quarantined."""
    found = [p for p in sorted((source / EVENTS).glob("*.jsonl"))[:MAX_FILES] if INCIDENT.fullmatch(p.stem)]
    found.sort(key=lambda path: path.stem != SYSTEM)
    return [*found, *(path for path in (source / FORKS,) if path.exists() or path.is_symlink())]


def _take_events(store: Store, path: Path, name: str, at: str) -> Taken:
    count: Counter[str] = Counter()
    reasons: list[str] = []
    try:
        for page in _pages(path):
            with Immediate(store.conn, store.path):
                _take_page(store.conn, page, at, count, reasons)
    except InputError as error:
        count["refused"] += 1
        reasons.append(error.sentence)
    return Taken(name, count["new"], count["known"], count["forked"], count["refused"], reasons[0] if reasons else "")


def _take_page(conn: Connection, page: list[SignedEvent], at: str, count: Counter[str], reasons: list[str]) -> None:
    judged = Receiving(conn, from_plane=False, exercise=_world(conn, page), at=at).take(page)
    for incident in judged.incidents:
        projections.refresh_incident(conn, incident)
    count.update(new=len(judged.stored), known=len(judged.known), forked=len(judged.forked))
    count.update(refused=len(judged.refused))
    reasons.extend(why for _, why in sorted(judged.refused + judged.forked))


def _world(conn: Connection, page: list[SignedEvent]) -> bool | None:
    """The world of this store; a store that never met one takes that of the first event it is given."""
    state = rows.one(conn, "sync_state", "id = 1")
    assert state is not None  # made together with the tables
    if state["exercise"] >= 0:
        return bool(state["exercise"])
    try:
        world = page[0].envelope.exercise
    except InputError:
        return None
    rows.replace(conn, "sync_state", state | {"exercise": int(world)})
    return world


def _pages(path: Path) -> Iterator[list[SignedEvent]]:
    """The lines of one file in pages; raises InputError at the first line that is not an event's, after its page."""
    page: list[SignedEvent] = []
    fault: InputError | None = None
    with open_regular(path, MAX_FILE_BYTES) as file:
        for number in range(1, MAX_LINES + 2):
            line = file.readline(MAX_LINE_BYTES + 1)
            if not line:
                break
            try:
                page.append(_event_of(line, number))
            except InputError as error:
                fault = error
                break
            if len(page) >= _PAGE:
                yield page
                page = []
    if page:
        yield page
    if fault is not None:
        raise fault


def _event_of(line: bytes, number: int) -> SignedEvent:
    if number > MAX_LINES or len(line) > MAX_LINE_BYTES:
        raise InputError(f"line {number} is beyond what one file may hold; the rest of the file was not read")
    try:
        value = json.loads(line.decode("utf-8"))
        event = SignedEvent(value.pop("canon"), value.pop("sig"), value.pop("person_sig", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"line {number} is not an event; the rest of the file was not read") from error
    texts = (event.canon, event.sig, event.person_sig)
    if value or not all(isinstance(text, str) for text in texts) or max(map(len, texts[1:])) > _MAX_SIGNATURE:
        raise InputError(f"line {number} is not an event; the rest of the file was not read")
    try:
        event.canon.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"line {number} holds half a character; the rest of the file was not read") from error
    return event


def _take_blobs(store: Store, folder: Path, at: str) -> Iterator[Taken]:
    """Only blobs that an event of this record names; each is hashed while it is copied and must give its name."""
    wanted = store.conn.execute(
        "SELECT blob FROM evidence_item UNION SELECT leaf_blob FROM evidence_item EXCEPT SELECT sha256 FROM blob"
    ).fetchall()
    for (name,) in wanted:
        path = folder / str(name)
        if BLOB_NAME.fullmatch(str(name)) is None or not (path.exists() or path.is_symlink()):
            continue
        try:
            with open_regular(path, MAX_BLOB_BYTES) as file:
                stored = store.blobs.put(file, partial(_copy_named, wanted=str(name)))
            with Immediate(store.conn, store.path):
                rows.insert(store.conn, "blob", (stored.sha256, stored.size, at))
            yield Taken(f"{BLOBS}/{name}", new=1)
        except InputError as error:
            yield Taken(f"{BLOBS}/{name}", refused=1, why=error.sentence)


def _copy_named(source: BinaryIO, target: BinaryIO, wanted: str) -> tuple[str, int, str, int]:
    copied = copy_as_is(source, target)
    if copied[0] != wanted:
        raise InputError("its bytes do not give its name")
    return copied
