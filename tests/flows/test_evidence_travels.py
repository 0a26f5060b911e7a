"""Evidence between two desks over a plane that is killed in the middle: captured offline, whole at the end, opened."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from console.domain.evidence import DIMENSIONS
from console.evidence.age import Identity, new_identity
from console.plane.founding import sign_as_root
from console.proof.actor import Actor
from console.queries.evidence import ItemRow, evidence
from console.runtime.capture import capture_file
from console.runtime.desk import Desk
from console.runtime.looking import OpenedItem, open_item
from console.store.readers import Reader
from tests.fakes.desks import desk
from tests.fakes.gateway import CONTROL, PROBE
from tests.fakes.people import INCIDENT, OTHER_DESK
from tests.fakes.planes import DESK, Client, World, certificates, now
from tests.waiting import free_port, wait_until

ACTOR, DIMENSION = Actor("local:tester"), next(iter(DIMENSIONS))
SECRETS = json.dumps({"control_token": CONTROL, "probe_token": PROBE}).encode() + b"\n"
LARGE = 24 * 1024 * 1024


@contextlib.contextmanager
def plane(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The plane as a process of its own, at the same address every time."""
    command = [sys.executable, "-m", "console.cli", "plane", "run", "--database", str(folder / "plane.db")]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (folder / "log").open("ab") as log:
        command += ["--port", str(port), "--secrets-stdin"]
        with subprocess.Popen(command, stderr=log, **pipes) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(SECRETS)
                process.stdin.flush()
                assert process.stdout.readline(), (folder / "log").read_text()
                yield process
            finally:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
                process.kill()
                process.wait()


def capture(opened: Desk, path: Path, content: bytes, identity: Identity) -> None:
    path.write_bytes(content)
    capture_file(opened, INCIDENT, path, DIMENSION, identity.recipient, ACTOR)


def items(opened: Desk) -> tuple[ItemRow, ...]:
    return opened.query(evidence, INCIDENT).items


def look(opened: Desk, item: ItemRow, identity: Identity) -> OpenedItem:
    return open_item(opened, INCIDENT, item, identity, ACTOR, "a test")


def looked(reader: Reader) -> int:
    return int(reader.value("SELECT count(*) FROM timeline WHERE type = 'evidence.looked'"))


def test_captured_offline_cut_short_whole_and_fetched(tmp_path: Path) -> None:
    world, port, identity = World(tmp_path), free_port(), new_identity()
    url, blobs, content = f"http://127.0.0.1:{port}", tmp_path / "plane-blobs", os.urandom(LARGE)
    other: dict[str, object] = {"device": OTHER_DESK.id, "public_key": OTHER_DESK.public_hex, "label": "the other desk"}
    known = sign_as_root(
        world.root, world.founded.root_chain, [*certificates(), ("device.certified", other)], exercise=True, now=now()
    )

    with desk(tmp_path / "ours", url, DESK) as ours:
        wait_until(lambda: ours.connection.state == "offline")
        capture(ours, tmp_path / "small.txt", b"a small item", identity)
        capture(ours, tmp_path / "large.bin", content, identity)
        small, large = items(ours)
        with plane(tmp_path, port) as process:
            with Client(url) as root:
                assert {result["status"] for result in root.push(*known)} == {"accepted"}
            ours.sync_now()

            def half() -> Path | None:
                found = [part for part in blobs.glob(f"parts/{large.blob}-*") if part.stat().st_size > 2**21]
                return found[0] if found else None

            part = wait_until(half, timeout_s=30, what="some of the large item to be at the plane")
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert part is not None
        begun, file = part.stat().st_size, part.stat().st_ino
        assert 0 < begun < LARGE
        whole = blobs / large.blob[:2] / large.blob[2:]
        assert not whole.exists()

        with plane(tmp_path, port):
            ours.sync_now()
            wait_until(whole.exists, timeout_s=60, what="the large item to be whole at the plane")
            assert whole.stat().st_ino == file, "it went on where it stopped, in the same file"
            assert whole.read_bytes() == ours.blobs.path(large.blob).read_bytes()
            with desk(tmp_path / "theirs", url, OTHER_DESK) as theirs:
                wait_until(lambda: len(items(theirs)) == 2, timeout_s=20, what="the captures at the other desk")
                found = look(theirs, items(theirs)[1], identity)
                assert (found.finding, found.away, found.size) == ("", "", LARGE)
                assert content.startswith(found.head)
                assert theirs.blobs.fault(large.blob, whole.stat().st_size) == ""
                foreign = look(theirs, items(theirs)[1], new_identity())
                assert "encrypted to another desk" in foreign.away
        with desk(tmp_path / "theirs", url, OTHER_DESK) as theirs:
            wait_until(lambda: theirs.connection.state == "offline")
            before = theirs.query(looked)
            assert "cannot be reached" in look(theirs, small, identity).away
            assert theirs.query(looked) == before
            assert look(theirs, large, identity).away == "", "what was fetched stays"
