"""An organisation made for one run of a command: root key, plane, people and a desk - all real, all stopped at the end.

What uses it opens it in a `with`. Its waits watch for a state and give up with a sentence; none of them takes time that
has passed for something that has happened.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from console.actions.organisation import pin_root
from console.commands.children import Child
from console.domain.errors import EnvironmentFault
from console.plane.founding import ROOT_KEY, read_key, sign_as_root
from console.policy import Policy
from console.proof.chain import ChainHead
from console.proof.ids import uuid7
from console.proof.keys import SigningKey
from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime.desk import Desk, DeskSettings
from console.runtime.probing import ProbeSettings
from console.store.facts import certified_people

T = TypeVar("T")
CERTIFIED_WITHIN_S = 20.0
Papers = Sequence[tuple[str, dict[str, object]]]
"""What the root key is to sign, as (type, body)."""


class House:
    """The organisation in `work`, its children's logs in `logs`.

    `founded`, `root` and `plane_ready` exist once `found` and `start_plane` were called, `desk` after `open_desk`.
    """

    founded: dict[str, Any]
    plane_ready: dict[str, Any]
    root: SigningKey
    desk: Desk

    def __init__(self, policy: Policy, work: Path, logs: Path) -> None:
        self.policy, self.work, self.logs = policy, work, logs
        self.closing = ExitStack()
        self._news = threading.Condition()
        self._root_chain = ChainHead()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stops the desk, then the children; again does nothing."""
        self.closing.close()

    # -- what is asked of it

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

    # -- how it is built, in this order

    def start_child(self, name: str, arguments: list[str], given: Mapping[str, Any]) -> Child:
        """A child of ours (`incident-console ARGUMENTS`) with its secrets on standard input; stopped with the house."""
        child = Child.start(name, arguments, dict(given), self.logs / f"{name}.log")
        self.closing.callback(child.stop)
        return child

    def found(self, plane_settings: Mapping[str, Any]) -> None:
        """Makes root key and exercise plane by `plane init`, with these settings of the plane."""
        config = self.work / "plane.json"
        config.write_text(json.dumps({"database": str(self.work / "plane.sqlite")} | dict(plane_settings)), "utf-8")
        root_file = self.work / "root.key"
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
        self.root, self._root_chain = read_key(root_file, ROOT_KEY), ChainHead(head["seq"], head["hash"])

    def start_plane(self, given: Mapping[str, Any]) -> None:
        """Starts the plane with these secrets."""
        port = str(self.plane_ready["port"]) if hasattr(self, "plane_ready") else "0"
        arguments = ["plane", "run", "--config", str(self.work / "plane.json"), "--port", port, "--secrets-stdin"]
        self._plane = self.start_child("plane", arguments, given)
        self.plane_ready = self._plane.ready

    def restart_plane(self, given: Mapping[str, Any]) -> None:
        """Kills the plane as a crash does and starts it again at the same address."""
        self.stop_plane(kill=True)
        self.start_plane(given)

    def stop_plane(self, *, kill: bool = False) -> None:
        """Ends the plane; whoever uses it finds it gone."""
        if kill:
            self._plane.process.kill()
        self._plane.stop()

    def certify(self, papers: Papers) -> None:
        """Has the root key sign certificates and roles, and the plane take them."""
        client = self.client(self.root)
        try:
            events = sign_as_root(self.root, self._root_chain, papers, exercise=True, now=self.now())
            results = client.push(events).answer.results
        finally:
            client.close()
        refused = [result for result in results if result.status != "accepted"]
        if refused:
            raise EnvironmentFault(f"The plane did not take the certificates: {refused[0].problem}")
        self._root_chain = ChainHead(events[-1].envelope.seq, events[-1].hash)

    def client(self, key: SigningKey) -> PlaneClient:
        """Somebody with that device key talking to the plane."""
        keeper = TokenKeeper(key, lambda: secrets.token_hex(32))
        return PlaneClient(Wire(self.plane_ready["url"], lambda: time.time_ns() // 1000), keeper)

    def open_desk(
        self,
        key: SigningKey,
        certified: int,
        prepare: Callable[[Desk], None] | None = None,
        probing: ProbeSettings | None = None,
    ) -> None:
        """Starts a desk with that key and waits until it knows so many certified people.

        `prepare` is called with the desk before it starts: a window hangs its ears on it there. `probing` says where it
        may look for itself.
        """
        settings = DeskSettings(
            folder=self.work / "desk",
            device_key=key,
            exercise=True,
            policy_hash=self.policy.hash,
            plane_url=self.plane_ready["url"],
            probing=probing,
        )
        self.desk = Desk(settings)
        self.desk.on_changes(lambda _: self._wake())
        if prepare is not None:
            prepare(self.desk)
        self.desk.start()
        self.closing.callback(self.desk.stop)
        self.act(pin_root, self.root.public_hex)
        self.wait_for(
            lambda: len(self.desk.query(certified_people)) == certified,
            "The desk learning who is certified",
            CERTIFIED_WITHIN_S,
        )

    def _wake(self) -> None:
        with self._news:
            self._news.notify_all()
