"""A real receiver of signed webhooks: the child process, and the stand that starts it.

It does what the onboarding page asks of a receiver: checks signature and time, does a message once, keeps its state on
disk, and names the command when it refuses. A state that is lost means stopped. It can be started to misbehave.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from console.domain.errors import InputError
from console.domain.switches import RUNNING, STOPPED, WANTS
from console.domain.times import parse_utc
from console.simulator.stand.child import Child
from console.simulator.stand.ports import free_port, takes_calls
from console.simulator.web import HOST, Refusal, int_field, make_app, text_field

WINDOW_S = 300
"""How far a message's time may be from the receiver's."""
MISBEHAVIOURS = ("", "lie", "slow", "half-open", "flap")
"""Says done and does nothing; answers late; takes the call and never answers; obeys every second time only."""
SLOW_S, HALF_OPEN_S = 1.5, 60.0
READY_WITHIN_S = 15.0
_REMEMBERED = 1000
_PAIR = re.compile(r"FF_[A-Z_]{1,40}:[a-z]+\.[a-z0-9-]{1,60}")


class Book:
    """What is held: a state a pair, and the answers to the last messages, on disk before they are given."""

    def __init__(self, path: Path, pairs: Sequence[tuple[str, str]]) -> None:
        self._path = path
        kept = self.on_disk()
        found = {(row["switch"], row["target"]): row for row in (kept or {}).get("switches", [])}
        self.rows = {pair: found.get(pair) or row(*pair, STOPPED, 0, "") for pair in pairs}
        self.answered: dict[str, dict[str, Any]] = dict((kept or {}).get("answered", {}))

    def on_disk(self) -> dict[str, Any] | None:
        """The file as it can be read, None when it cannot."""
        try:
            value = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def keep(self) -> None:
        """Write everything; a crash leaves the old or the new file."""
        for old in list(self.answered)[:-_REMEMBERED]:
            del self.answered[old]
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump({"switches": list(self.rows.values()), "answered": self.answered}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


def row(switch: str, target: str, state: str, generation: int, command_id: str) -> dict[str, Any]:
    """One switch as it is kept and told."""
    return {"switch": switch, "target": target, "state": state, "generation": generation, "command_id": command_id}


class Receiver:
    """The three addresses: /hook takes messages, /state says what is held, /probe is what a stop forbids."""

    def __init__(self, book: Book, key: bytes, misbehaviour: str) -> None:
        self._book, self._key, self._misbehaviour = book, key, misbehaviour
        self._boot_id = str(uuid.uuid4())
        self._one_at_a_time = asyncio.Lock()
        self._probes = 0

    def add_to(self, app: web.Application) -> None:
        """Registers the addresses."""
        app.router.add_post("/hook", self.hook)
        app.router.add_get("/state", self.state, allow_head=False)
        app.router.add_post("/probe", self.probe)

    async def hook(self, request: web.Request) -> web.Response:
        """POST /hook: one signed message; the same one again is answered as before and does nothing."""
        message_id, body = await self._signed(request)
        if self._misbehaviour == "half-open":
            await asyncio.sleep(HALF_OPEN_S)
        async with self._one_at_a_time:
            answer = self._answer(message_id, body)
        if self._misbehaviour == "slow":
            await asyncio.sleep(SLOW_S)
        return web.json_response(answer)

    async def state(self, request: web.Request) -> web.Response:
        """GET /state: what is held, and the same read from the disk."""
        await self._signed(request)
        kept = self._book.on_disk()
        durable = None if kept is None else kept.get("switches")
        return web.json_response(
            {"boot_id": self._boot_id, "switches": list(self._book.rows.values()), "durable": durable}
        )

    async def probe(self, request: web.Request) -> web.Response:
        """POST /probe: asks for what a stop forbids."""
        _, body = await self._signed(request)
        asked = _object(body)
        found = self._book.rows.get((str(asked.get("switch")), str(asked.get("target"))))
        if found is None:
            raise Refusal(404, "unmapped", "No such switch is kept here.")
        self._probes += 1
        obeys = self._misbehaviour != "flap" or self._probes % 2 == 1
        if found["state"] == STOPPED and obeys:
            raise Refusal(403, "switched_off", "A switch forbids this.", {"refused_by": [found]})
        return web.json_response({"served": True})

    async def _signed(self, request: web.Request) -> tuple[str, bytes]:
        """The message's id and body; Refusal 401 unless it is signed with our key, now."""
        body = await request.read()
        message_id, at = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", message_id) or not re.fullmatch(r"[0-9]{1,12}", at):
            raise Refusal(401, "unauthenticated", "The message lacks its webhook-id or webhook-timestamp.")
        signed = f"{message_id}.{at}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.new(self._key, signed, hashlib.sha256).digest()).decode()
        given = request.headers.get("webhook-signature", "").split(" ")
        if not any(hmac.compare_digest(one.encode("utf-8", "replace"), wanted.encode()) for one in given):
            raise Refusal(401, "unauthenticated", "The signature is not ours.")
        if abs(time.time() - int(at)) > WINDOW_S:
            raise Refusal(401, "unauthenticated", "The message is too old, or from the future.")
        return message_id, body

    def _answer(self, message_id: str, body: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(body).hexdigest()
        before = self._book.answered.get(message_id)
        if before is not None:
            if before["body"] != digest:
                raise Refusal(422, "malformed", "That webhook-id was used for another message.")
            return dict(before["answer"])
        order = _read_order(body)
        held = self._book.rows.get((order["switch"], order["target"]))
        if held is None:
            raise Refusal(404, "unmapped", "No such switch is kept here.")
        if parse_utc(order["expires"]) <= datetime.now(UTC):
            raise Refusal(410, "expired", "The time of the order is over.")
        if order["generation"] < held["generation"]:
            raise Refusal(409, "stale", "A later order is held.", {"generation": held["generation"]})
        answer = {"state": order["want"], "generation": order["generation"], "durable": True}
        if self._misbehaviour != "lie":
            held.update(state=order["want"], generation=order["generation"], command_id=order["command_id"])
        self._book.answered[message_id] = {"body": digest, "answer": answer}
        self._book.keep()
        return answer


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refusal(422, "malformed", "The body is not a JSON object.")
    return value


def _read_order(body: bytes) -> dict[str, Any]:
    value = _object(body)
    for name in ("switch", "target", "command_id", "expires"):
        text_field(value, name, 100)
    int_field(value, "generation", 1, 2**53 - 1)
    if value.get("want") not in WANTS:
        raise Refusal(422, "malformed", f"The field 'want' must be one of {', '.join(WANTS)}.")
    try:
        parse_utc(value["expires"])
    except InputError as error:
        raise Refusal(422, "malformed", error.sentence) from error
    return value


def missing() -> str:
    """Nothing is missing: it is a part of the range."""
    return ""


class ReceiverStand:
    """The receiver as a child process, for these pairs of switch and target."""

    name = "webhook"

    def __init__(
        self,
        folder: Path,
        pairs: Sequence[tuple[str, str]] = (("FF_EGRESS_BLOCK", "environment.stand"),),
        misbehaviour: str = "",
    ) -> None:
        self.folder, self.misbehaviour = folder, misbehaviour
        self._pairs = tuple(pairs)
        self._key = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self._port = 0
        self._child: Child | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The plane's settings table for it."""
        base = f"http://{HOST}:{self._port}"
        return {"url": f"{base}/hook", "state_url": f"{base}/state", "probe_url": f"{base}/probe"}

    @property
    def secrets(self) -> Mapping[str, str]:
        """The plane's secrets for it."""
        return {"signing_key": self._key}

    def start(self) -> None:
        """Write key and first state (unless there is one) and start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._port = self._port or free_port()
        key_file, state = self.folder / "signing.key", self.folder / "switches.json"
        with contextlib.suppress(FileExistsError):
            os.close(os.open(key_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        key_file.write_text(self._key, encoding="ascii")
        if not state.exists():
            rows = [row(*pair, RUNNING, 0, "") for pair in self._pairs]
            state.write_text(json.dumps({"switches": rows, "answered": {}}), encoding="utf-8")
        words = ["-m", "console.simulator.stand.receiver", "--port", str(self._port), "--folder", str(self.folder)]
        words += [word for pair in self._pairs for word in ("--pair", ":".join(pair))]
        words += ["--misbehave", self.misbehaviour] if self.misbehaviour else []
        self._child = Child([sys.executable, *words], self.folder, self.folder / "receiver.log")
        try:
            self._child.wait_until(partial(takes_calls, self._port), READY_WITHIN_S, "The webhook's receiver")
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL."""
        if self._child is not None:
            child, self._child = self._child, None
            child.kill()

    def restart(self) -> None:
        """Start again on the state as it lies there."""
        self.kill()
        self.start()

    def close(self) -> None:
        """End it."""
        self.kill()


def main() -> None:
    """Read the arguments and serve; the key comes from its file."""
    parser = argparse.ArgumentParser(description="A receiver of signed webhooks.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--pair", action="append", default=[])
    parser.add_argument("--misbehave", choices=MISBEHAVIOURS, default="")
    given = parser.parse_args()
    if not all(_PAIR.fullmatch(text) for text in given.pair):
        parser.error("--pair must be SWITCH:TARGET")
    pairs = [(text.partition(":")[0], text.partition(":")[2]) for text in given.pair]
    key = base64.b64decode((given.folder / "signing.key").read_text(encoding="ascii").removeprefix("whsec_"))
    app = make_app(given.port)
    Receiver(Book(given.folder / "switches.json", pairs), key, given.misbehave).add_to(app)
    web.run_app(app, host=HOST, port=given.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
