"""The world that chaos breaks: a plane, a simulator and two desks as real processes, each desk behind its own line.

Everything is real but the hands at the desks. Each desk has a certified key; what a desk has promised (an event id
after its commit) is kept here, outside of every process that can be killed.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from console.commands.children import Child
from console.plane.founding import ROOT_KEY, read_key, sign_as_root
from console.proof.chain import ChainHead
from console.proof.keys import SEED_BYTES, SigningKey
from console.simulator.range_client import RangeClient
from tests.chaos.link import Link
from tests.fakes.planes import Client
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


@dataclass
class DeskProcess:
    """One desk: its folder and key outlive its processes; `promised` are the event ids it ever acknowledged."""

    name: str
    folder: Path
    key: SigningKey
    link: Link
    root: str
    chance: int
    rate: float
    skew_s: float = 0.0
    promised: list[str] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)
    kills: int = 0
    _lives: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _reader: threading.Thread | None = None

    def start(self) -> None:
        """A new life on the same store."""
        self._lives += 1
        self.last = {}
        command = [sys.executable, "-m", "tests.chaos.desk_child"]
        with self.folder.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT
            )
        spec = {
            "folder": str(self.folder), "seed": self.key.seed.hex(), "root": self.root, "skew_s": self.skew_s,
            "plane_url": f"http://127.0.0.1:{self.link.port}", "chance": self.chance + self._lives, "rate": self.rate,
            "opens": self.name == "north",
        }  # fmt: skip
        self._reader = threading.Thread(target=self._listen, args=(self._process,), name=f"hears {self.name}")
        self._reader.start()
        self.tell(json.dumps(spec))
        wait_until(lambda: self.last or self._ended(), 60, f"{self.name} to start")
        assert self.last, f"{self.name} ended by itself: {self.log_end()}"

    def tell(self, word: str) -> None:
        """One line to the desk; a desk that died meanwhile does not hear it."""
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(word.encode("ascii") + b"\n")
            process.stdin.flush()
        except BrokenPipeError as error:
            raise AssertionError(f"{self.name} ended by itself: {self.log_end()}") from error

    def kill(self) -> None:
        """Kill -9; what it had promised by then counts, a broken last line does not."""
        self._running().send_signal(signal.SIGKILL)
        self.kills += 1
        self._bury()

    def stop(self) -> None:
        """Asks it to end and waits; again does nothing."""
        if self._process is None:
            return
        if self._process.poll() is None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._bury()

    def pause(self, stopped: bool) -> None:
        """SIGSTOP or SIGCONT."""
        self._running().send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)

    def log_end(self) -> str:
        """The last line that it logged."""
        text = self.folder.with_suffix(".log").read_text("utf-8", "replace").strip()
        return text.splitlines()[-1] if text else "it logged nothing"

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} is not running"
        return self._process

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _bury(self) -> None:
        process, self._process = self._running(), None
        process.wait()
        assert self._reader is not None
        self._reader.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # what was not flushed to a dead desk
                    pipe.close()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith(b"\n"):
                value = json.loads(line)
                if "ids" in value:
                    self.promised += value["ids"]
                else:
                    self.last = value


class World:
    """Plane, simulator, two desks and their lines; use it in a `with`."""

    def __init__(self, folder: Path, seed: int, rate: float) -> None:
        self.folder, self.seed, self.rate = folder, seed, rate
        self.logs = folder / "logs"
        self.desks: list[DeskProcess] = []
        self.plane_kills = self.restores = 0
        self._tokens = {name: secrets.token_hex(32) for name in ("control_token", "probe_token", "range_token")}
        self._closing = ExitStack()
        self._plane: Child | None = None

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def database(self) -> Path:
        """The plane's database file."""
        return self.folder / "plane.db"

    @property
    def plane_url(self) -> str:
        """Where the plane listens in its present life."""
        assert self._plane is not None, "the plane is not running"
        return str(self._plane.ready["url"])

    def start_plane(self) -> None:
        """A new life of the plane; the desks' lines lead to it."""
        kept = {name: self._tokens[name] for name in ("control_token", "probe_token")}
        arguments = ["plane", "run", "--config", str(self.folder / "plane.json"), "--port", "0", "--secrets-stdin"]
        self._plane = Child.start("plane", arguments, kept, self.logs / "plane.log")
        for desk in self.desks:
            desk.link.target = self._plane.ready["port"]

    def kill_plane(self) -> None:
        """Kill -9."""
        assert self._plane is not None
        self._plane.process.kill()
        self.plane_kills += 1
        self.stop_plane()

    def stop_plane(self) -> None:
        """Ends it in good order; again does nothing."""
        if self._plane is not None:
            self._plane.stop()
            self._plane = None

    def pause_plane(self, stopped: bool) -> None:
        """SIGSTOP or SIGCONT."""
        assert self._plane is not None
        self._plane.process.send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)

    def back_up_plane(self) -> Path:
        """A backup of the plane as an operator makes it; the newest replaces the one before."""
        backup = self.folder / "plane-backup.db"
        backup.unlink(missing_ok=True)
        self._operate("backup", str(backup))
        return backup

    def restore_plane(self, backup: Path) -> None:
        """Puts an older state in the plane's place; what came after it is gone there."""
        self._operate("restore", str(backup))
        self.restores += 1

    def certify(self) -> None:
        """Makes the desks known: certificates signed by the root, pushed as anybody who holds it would."""
        bodies: list[tuple[str, dict[str, object]]] = [
            ("device.certified", {"device": desk.key.id, "public_key": desk.key.public_hex, "label": desk.name})
            for desk in self.desks
        ]
        events = sign_as_root(self._root, self._head, bodies, exercise=True, now=datetime.now(UTC))
        with Client(self.plane_url) as client:
            results = client.push(*events)
        assert {result["status"] for result in results} == {"accepted"}, results

    # -- how it is built

    def _open(self) -> None:
        self.logs.mkdir(parents=True)
        self.range = self._start_range()
        self._found()
        self.start_plane()
        self._closing.callback(self.stop_plane)
        for number, name in enumerate(("north", "south")):
            link = self._closing.enter_context(Link(int(self._plane_port())))
            key = SigningKey(secrets.token_bytes(SEED_BYTES))
            chance = self.seed * 1000 + number * 500
            desk = DeskProcess(name, self.folder / name, key, link, self._root.public_hex, chance, self.rate)
            self.desks.append(desk)
        self.certify()
        for desk in self.desks:
            self._closing.callback(desk.stop)
            desk.start()

    def _plane_port(self) -> int:
        assert self._plane is not None
        return int(self._plane.ready["port"])

    def _start_range(self) -> RangeClient:
        config = self.folder / "range.json"
        config.write_text(json.dumps({"trace": "", "speed": 1, "state_dir": str(self.folder / "range")}), "utf-8")
        arguments = ["simulator", "run", "--config", str(config), "--port", "0", "--secrets-stdin"]
        child = Child.start("simulator", arguments, self._tokens, self.logs / "simulator.log")
        self._closing.callback(child.stop)
        self._gateway = str(child.ready["url"])
        return RangeClient(child.ready["range_url"], self._tokens["range_token"])

    def _found(self) -> None:
        config = {"database": str(self.database), "gateway_url": self._gateway}
        (self.folder / "plane.json").write_text(json.dumps(config), "utf-8")
        founded = self._operate("init", "--root-key", str(self.folder / "root.key"), "--exercise")
        head = founded["root_chain"]
        self._root, self._head = read_key(self.folder / "root.key", ROOT_KEY), ChainHead(head["seq"], head["hash"])

    def _operate(self, *arguments: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "console.cli", "plane", *arguments]
        command += ["--config", str(self.folder / "plane.json")]
        done = subprocess.run(command, capture_output=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return dict(json.loads(done.stdout)) if done.stdout.strip() else {}
