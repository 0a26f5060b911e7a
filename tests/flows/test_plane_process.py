"""The plane as a process of its own: founding it, starting it, killing it in the middle of a command."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console.commands import plane as commands
from console.domain.errors import ConsoleError
from console.plane.db import Database, database_url
from console.plane.founding import DEVICE_KEY, ROOT_KEY, read_key, sign_as_root
from console.plane.ledger import amend
from console.proof.chain import ChainHead
from console.proof.keys import SigningKey
from tests.fakes.gateway import CONTROL, PROBE, FakeGateway
from tests.fakes.planes import BLOCK, BOREALIS, Client, RunningPlane, World, certificates, fresh_id, now
from tests.waiting import wait_until

SECRETS = json.dumps({"control_token": CONTROL, "probe_token": PROBE}).encode() + b"\n"


def call(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "console.cli", "plane", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=60, stdin=subprocess.DEVNULL, check=False)


def init(folder: Path, *more: str) -> dict[str, Any]:
    done = call("init", "--root-key", folder / "root.key", "--database", folder / "plane.db", *more)
    assert done.returncode == 0, done.stderr
    founded: dict[str, Any] = json.loads(done.stdout)
    return founded


@contextlib.contextmanager
def running(folder: Path, gateway_url: str = "") -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """A plane in a process of its own, given its secrets over standard input."""
    config = folder / "plane.json"
    config.write_text(json.dumps({"database": str(folder / "plane.db"), "gateway_url": gateway_url}))
    command = [sys.executable, "-m", "console.cli", "plane", "run", "--config", str(config), "--port", "0"]
    with (folder / "log").open("ab") as log:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
        with subprocess.Popen([*command, "--secrets-stdin"], **pipes) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(SECRETS)
                process.stdin.flush()
                line = process.stdout.readline()
                assert line, (folder / "log").read_text()
                yield process, json.loads(line)
            finally:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
                if process.poll() is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(15)
                if process.poll() is None:
                    process.kill()
                    process.wait()


def certify(folder: Path, at: dict[str, Any], url: str) -> None:
    """What whoever holds the root key does: sign on from where the founding ended, push without a token."""
    root = read_key(folder / "root.key", ROOT_KEY)
    events = sign_as_root(root, ChainHead(at["seq"], at["hash"]), certificates(), exercise=True, now=now())
    with Client(url) as client:
        assert {result["status"] for result in client.push(*events)} == {"accepted"}


def test_found_run_and_stop_with_standard_input(tmp_path: Path) -> None:
    founded = init(tmp_path, "--exercise")
    with running(tmp_path) as (process, line):
        assert line["ready"] is True
        assert (line["origin"], line["exercise"]) == (founded["origin"], True)
        certify(tmp_path, founded["root_chain"], line["url"])
        with Client(line["url"]) as client:
            assert client.log_in().get("/v1/journal").json()["size"] == 12
        second = call("run", "--database", tmp_path / "plane.db", "--port", "0")
        refused(second, "Another plane runs on")
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(15) == 0
    log = (tmp_path / "log").read_text()
    assert "not reachable" in log
    assert "Traceback" not in log
    assert CONTROL not in log


def refused(done: subprocess.CompletedProcess[bytes], says: str) -> None:
    assert done.returncode not in (0, 70)
    lines = done.stderr.decode().strip().splitlines()
    assert len(lines) == 1, lines
    assert says in lines[0]
    assert done.stdout == b""


def test_a_signal_stops_it_cleanly(tmp_path: Path) -> None:
    World(tmp_path, exercise=False)
    with running(tmp_path) as (process, line):
        assert line["exercise"] is False
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) in (0, -signal.SIGTERM)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    World(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused(call("run", "--database", tmp_path / "plane.db", "--port", port), f"Port {port}")


def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    with running(tmp_path) as (process, line):
        certify(tmp_path, {"seq": 2, "hash": world.founded.root_chain.hash}, line["url"])
        with Client(line["url"]) as desk:
            first = desk.log_in().push(desk.note(fresh_id()))
            allowed = (tmp_path / "plane.db-wal").stat().st_size
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (allowed, resource.RLIM_INFINITY))
            event = desk.note(fresh_id(), text="x" * 20_000)
            refused = desk.post("/v1/events", {"events": [event.wire()]})
            assert (refused.status_code, refused.json()["kind"]) == (503, "busy")
            assert "nothing of this was recorded" in refused.json()["detail"]
            assert refused.headers["retry-after"]
            assert desk.get(f"/v1/events/{first[0]['event_id']}").json()["receipt"] == first[0]
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            assert desk.push(event)[0]["gpos"] == first[0]["gpos"] + 1
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "plane.db").unlink(), "plane init"),
        (lambda folder: (folder / "plane-device.key").unlink(), "cannot be read"),
        (lambda folder: (folder / "plane-device.key").chmod(0o644), "chmod 600"),
        (lambda folder: rekey(folder / "plane-device.key"), "not the one this plane was founded with"),
        (lambda folder: (folder / "plane.db").write_bytes(b"x" * 5000), "refuses"),
    ],
    ids=["no database", "no key", "a key others can read", "another plane's key", "a broken database"],
)
def test_what_it_cannot_start_with_is_one_sentence(tmp_path: Path, spoil: Callable[[Path], object], says: str) -> None:
    World(tmp_path)
    spoil(tmp_path)
    with pytest.raises(ConsoleError, match=says):
        commands.run(database=str(tmp_path / "plane.db"), port=0)


def test_a_broken_policy_is_named(tmp_path: Path) -> None:
    World(tmp_path)
    config = tmp_path / "plane.toml"
    config.write_text(f'database = "{tmp_path}/plane.db"\npolicy = "{tmp_path}/none"\n')
    with pytest.raises(ConsoleError, match="no such folder"):
        commands.run(config=config, port=0)


def rekey(path: Path) -> None:
    made = SigningKey(b"k" * 32)
    path.write_text(json.dumps({"kind": DEVICE_KEY, "seed": made.seed.hex()}))


def kill(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def begun(world: World, gateway: FakeGateway) -> tuple[str, str]:
    """Order a stop, and kill the plane while the gateway holds it back; (incident, command)."""
    with running(world.folder, gateway.url) as (process, line):
        head = {"seq": world.founded.root_chain.seq, "hash": world.founded.root_chain.hash}
        certify(world.folder, head, line["url"])
        with Client(line["url"]) as desk:
            incident = fresh_id()
            order = desk.order(incident, desk.log_in().select(incident))
            assert desk.send(order).json()["state"] == "acknowledged"
            wait_until(lambda: gateway.orders, what="the gateway to have the order")
        kill(process)
    return incident, order.command_id


def test_killed_after_it_took_effect_it_is_looked_up(tmp_path: Path) -> None:
    with FakeGateway() as gateway:
        gateway.holds = "answer"
        incident, command = begun(World(tmp_path), gateway)
        gateway.release()
        with RunningPlane(tmp_path, gateway.url) as plane, Client(plane.url) as desk:
            desk.log_in()
            status = wait_until(lambda: ended(desk, command), what="the look-up")
            assert (status["state"], status["refuses_new"]["result"]) == ("verified", "true")
            assert status["streams_cut"]["result"] == "unknown"
            assert [body["state"] for body in desk.bodies("switch.ended", incident)] == ["unknown"]
            assert len(gateway.orders) == 1


def test_killed_before_it_took_effect_and_over_it_is_never_sent(tmp_path: Path) -> None:
    with FakeGateway() as gateway:
        gateway.holds = "effect"
        _, command = begun(World(tmp_path), gateway)
        gateway.orders.clear()
        gateway.down = True
        with RunningPlane(tmp_path, gateway.url) as plane, Client(plane.url) as desk:
            assert desk.log_in().status(command)["state"] == "unknown"
        age(tmp_path / "plane.db", command)
        gateway.down = False
        with RunningPlane(tmp_path, gateway.url) as plane, Client(plane.url) as desk:
            desk.log_in()
            assert wait_until(lambda: ended(desk, command), what="the look-up")["state"] == "expired"
            assert (gateway.orders, gateway.held(BLOCK, BOREALIS).state) == ([], "running")
            assert desk.bodies("switch.drifted") == []


def ended(desk: Client, command: str) -> Any:
    status = desk.status(command)
    return status if status["state"] not in ("acknowledged", "dispatched", "unknown") else None


def age(database: Path, command: str) -> None:
    """Let the order be over without waiting for it: its end in the ledger is moved into the past."""
    opened = Database.opened(database_url(str(database)))
    opened.write_now(lambda tx: amend(tx.connection, command, expires="2026-01-01T00:00:00.000000Z"))
    opened.close()
