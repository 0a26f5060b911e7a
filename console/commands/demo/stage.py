"""What the demo's story stands on: a folder, a plane, a range, a cast, a desk - all real, all stopped at the end.

`Stage` opens in a `with`. Its waits watch for a state and give up with a sentence; none of them takes time that has
passed for something that has happened.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from console.actions.organisation import pin_root
from console.commands.demo.cast import Cast, papers
from console.commands.demo.children import Child
from console.domain.errors import EnvironmentFault, RefusedError
from console.evidence.age import Identity, new_identity
from console.plane.founding import ROOT_KEY, read_key, sign_as_root
from console.policy import Policy, default_path, load
from console.proof.chain import ChainHead
from console.proof.ids import uuid7
from console.proof.keys import SEED_BYTES, SigningKey
from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime.desk import Desk, DeskSettings
from console.simulator.range_client import RangeClient
from console.store.facts import certified_people

T = TypeVar("T")
CERTIFIED_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What the demo was asked for: trace file (None: a generated one), its speed, and the folder for the outputs."""

    trace: Path | None
    speed: float
    out: Path


@dataclass
class Stage:
    """Everything the story needs; attributes below `settings` exist once it was entered."""

    settings: Settings
    say: Callable[[str], None]
    prepare: Callable[[Desk], None] | None = None
    """Called with the desk before it starts: a window hangs its ears on it there."""
    quick: bool = False
    """Whether nobody reads along: a measurement waits for no eye and no finger, only for the gates themselves."""
    policy: Policy = field(init=False)
    cast: Cast = field(init=False)
    desk: Desk = field(init=False)
    range: RangeClient = field(init=False)
    plane_ready: dict[str, Any] = field(init=False)
    founded: dict[str, Any] = field(init=False)
    gateway_url: str = field(init=False)
    control_token: str = field(init=False, repr=False)
    evidence: Identity = field(init=False)
    custodian: Identity = field(init=False)
    escrow: Identity = field(init=False)
    helpers: ThreadPoolExecutor = field(init=False)
    _news: threading.Condition = field(default_factory=threading.Condition, init=False)
    _closing: ExitStack = field(default_factory=ExitStack, init=False)

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stops the desk, then the children; again does nothing."""
        self._closing.close()

    # -- what the story asks of it

    def now(self) -> datetime:
        """The desk's clock."""
        return datetime.now(UTC)

    def new_id(self) -> str:
        """A fresh UUIDv7."""
        return uuid7(int(self.now().timestamp() * 1000), secrets.token_bytes(10))

    def act(self, verb: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Does something as a person at the desk and waits until it is committed; `now` is added."""
        return self.desk.act(verb, *args, now=self.now(), **kwargs).result()

    def wait_for(self, look: Callable[[], T | None], what: str, within_s: float) -> T:
        """The first answer of `look` that is not None or False; raises EnvironmentFault after `within_s` seconds."""
        deadline = time.monotonic() + within_s
        while not (found := look()):
            left = deadline - time.monotonic()
            if left <= 0:
                raise EnvironmentFault(f"{what} did not happen within {within_s:.0f} s; see the logs in {self.logs}.")
            with self._news:
                self._news.wait(min(left, 0.2))
        return found

    @property
    def desk_folder(self) -> Path:
        """Where the desk's store is."""
        return self.settings.out / "work" / "desk"

    @property
    def logs(self) -> Path:
        """Where the children's logs are."""
        return self.settings.out / "logs"

    # -- how it is built

    def _open(self) -> None:
        self.policy = load(default_path())
        work = self._work_folder()
        tokens = {name: secrets.token_hex(32) for name in ("control_token", "probe_token", "range_token")}
        simulator = self._start_range(work, tokens)
        self.range = RangeClient(simulator.ready["range_url"], tokens["range_token"])
        self.gateway_url, self.control_token = simulator.ready["url"], tokens["control_token"]
        root, head = self._found_organisation(work, simulator.ready["url"])
        self.plane_ready = self._start_plane(work, tokens).ready
        self.cast, desk_key = Cast.assemble(), SigningKey(secrets.token_bytes(SEED_BYTES))
        self.evidence, self.custodian, self.escrow = new_identity(), new_identity(), new_identity()
        self._certify(root, head, desk_key)
        self._open_desk(desk_key, root.public_hex)
        self.helpers = self._closing.enter_context(ThreadPoolExecutor(2, "demo"))

    def _work_folder(self) -> Path:
        out = self.settings.out
        if out.exists() and any(out.iterdir()):
            raise RefusedError(f"The folder {out} is not empty; name another one with --out, nothing is overwritten.")
        work = out / "work"
        for folder in (work, self.logs):
            folder.mkdir(parents=True, mode=0o700)
        return work

    def _start_range(self, work: Path, tokens: dict[str, str]) -> Child:
        trace = str(self.settings.trace.resolve()) if self.settings.trace else ""
        config = work / "range.json"
        wanted = {"trace": trace, "speed": self.settings.speed, "state_dir": str(work / "range")}
        config.write_text(json.dumps(wanted), "utf-8")
        arguments = ["simulator", "run", "--config", str(config), "--port", "0", "--secrets-stdin"]
        child = Child.start("simulator", arguments, tokens, self.logs / "simulator.log")
        self._closing.callback(child.stop)
        return child

    def _found_organisation(self, work: Path, gateway_url: str) -> tuple[SigningKey, ChainHead]:
        config = work / "plane.json"
        config.write_text(json.dumps({"database": str(work / "plane.sqlite"), "gateway_url": gateway_url}), "utf-8")
        root_file = work / "root.key"
        arguments = ["plane", "init", "--root-key", str(root_file), "--exercise", "--config", str(config)]
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "console.cli", *arguments], capture_output=True, check=False, timeout=60
        )
        if done.returncode:
            raise EnvironmentFault(
                f"The plane could not be made: {done.stderr.decode('utf-8', 'replace').strip()[-300:]}"
            )
        self.founded = json.loads(done.stdout)
        head = self.founded["root_chain"]
        return read_key(root_file, ROOT_KEY), ChainHead(head["seq"], head["hash"])

    def _start_plane(self, work: Path, tokens: dict[str, str]) -> Child:
        kept = {name: tokens[name] for name in ("control_token", "probe_token")}
        arguments = ["plane", "run", "--config", str(work / "plane.json"), "--port", "0", "--secrets-stdin"]
        child = Child.start("plane", arguments, kept, self.logs / "plane.log")
        self._closing.callback(child.stop)
        return child

    def _certify(self, root: SigningKey, head: ChainHead, desk_key: SigningKey) -> None:
        keeper = TokenKeeper(root, lambda: secrets.token_hex(32))
        client = PlaneClient(Wire(self.plane_ready["url"], lambda: time.time_ns() // 1000), keeper)
        try:
            events = sign_as_root(root, head, papers(self.cast, desk_key), exercise=True, now=self.now())
            results = client.push(events).answer.results
        finally:
            client.close()
        refused = [result for result in results if result.status != "accepted"]
        if refused:
            raise EnvironmentFault(f"The plane did not take the certificates: {refused[0].problem}")

    def _open_desk(self, key: SigningKey, root_public: str) -> None:
        settings = DeskSettings(
            folder=self.desk_folder,
            device_key=key,
            exercise=True,
            policy_hash=self.policy.hash,
            plane_url=self.plane_ready["url"],
        )
        self.desk = Desk(settings)
        self.desk.on_changes(lambda _: self._wake())
        if self.prepare is not None:
            self.prepare(self.desk)
        self.desk.start()
        self._closing.callback(self.desk.stop)
        self.act(pin_root, root_public)
        certified = len(self.cast.keys)
        self.wait_for(
            lambda: len(self.desk.query(certified_people)) == certified,
            "The desk learning who is certified",
            CERTIFIED_WITHIN_S,
        )

    def _wake(self) -> None:
        with self._news:
            self._news.notify_all()
