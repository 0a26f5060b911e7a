"""A real plane for tests, served over real HTTP from a thread, and a desk that speaks to it with keys of its own.

`World` founds a plane in a folder, certifies one desk and four persons, and starts it; the plane is the shipped code
and the shipped `data/`. Everything is closed at the end of the `with`.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from console.domain.commands import Approval, Order, approval_subject
from console.domain.inventory import BlastRadius
from console.domain.times import format_utc
from console.plane import server
from console.plane.founding import ROOT_KEY, Founded, found_plane, read_key, sign_as_root
from console.plane.settings import PlaneSettings, Secrets
from console.policy import default_path, load
from console.proof.canonical import canonical
from console.proof.chain import ChainHead
from console.proof.envelope import Envelope, SignedEvent, sign
from console.proof.ids import hlc_next, uuid7
from console.proof.journal import sign_token_request
from console.proof.keys import SigningKey
from tests.fakes.gateway import CONTROL, PROBE
from tests.waiting import wait_until

POLICY = load(default_path())
DESK = SigningKey(b"plane desk".ljust(32, b"."))
PEOPLE = {
    name: SigningKey(name.encode().ljust(32, b"."))
    for name in ("ic@example.org", "owner@example.org", "second@example.org", "security@example.org")
}
COMMANDER, OWNER, SECOND, SECURITY = PEOPLE
ROLES = {
    COMMANDER: ("incident_commander",),
    OWNER: ("incident_commander", "platform_administrator"),
    SECOND: ("sre_on_call",),
    SECURITY: ("security_lead",),
}
BLOCK, BOREALIS = "FF_TENANT_BLOCK", "tenant.borealis"


def now() -> datetime:
    return datetime.now(UTC)


def fresh_id() -> str:
    import os

    return uuid7(time.time_ns() // 1_000_000, os.urandom(10))


class RunningPlane:
    """The plane founded in `folder`, served from a thread; `with RunningPlane(...) as plane` and `plane.url`."""

    def __init__(self, folder: Path, gateway_url: str = "") -> None:
        self.settings = PlaneSettings(database=str(folder / "plane.db"), gateway_url=gateway_url)
        self.url, self.line = "", dict[str, Any]()
        self.error: BaseException | None = None
        self._stop: Callable[[], None] = lambda: None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plane under test")

    def __enter__(self) -> Self:
        self._sock = server.listen(0)
        self._thread.start()
        assert self._ready.wait(20), "the plane did not start"
        if self.error is not None:
            self._thread.join(10)
            raise self.error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop()
        self._thread.join(20)
        assert not self._thread.is_alive(), "the plane did not stop"

    def _run(self) -> None:
        try:
            asyncio.run(server.serve(self.settings, Secrets(CONTROL, PROBE), self._sock, self._started))
        except BaseException as error:  # noqa: BLE001 - handed to the test that waits
            self.error = error
            self._ready.set()

    def _started(self, line: dict[str, Any], stop: Callable[[], None]) -> None:
        self.line, self.url, self._stop = line, line["url"], stop
        self._ready.set()


class Client:
    """A certified desk talking to a plane: raw answers, so that a test sees what is on the wire."""

    def __init__(self, url: str, key: SigningKey = DESK) -> None:
        self.url, self.key, self.token = url, key, ""
        self.session = requests.Session()
        self.session.trust_env = False
        self.config: dict[str, Any] = {}
        self._heads: dict[str, ChainHead] = {}
        self._hlc = ""

    def __enter__(self) -> Self:
        self.config = self.get("/v1/config").json()
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any, **more: Any) -> requests.Response:
        return self.ask("POST", path, json=body, **more)

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = ({"Authorization": f"Bearer {self.token}"} if self.token else {}) | more.pop("headers", {})
        return self.session.request(method, self.url + path, headers=headers, timeout=30, allow_redirects=False, **more)

    def token_request(self, **changes: Any) -> dict[str, Any]:
        """A good token request, with members replaced before (`device`, `time`, `origin`) or after signing (`sig`)."""
        made = {"device": self.key.id, "time": format_utc(now()), "nonce": fresh_id().replace("-", "") * 2}
        made |= {"origin": self.config["origin"]} | {k: v for k, v in changes.items() if k != "sig"}
        signature = sign_token_request(self.key, made["nonce"], made["time"], made["origin"])
        return made | {"sig": changes.get("sig", signature)}

    def log_in(self) -> Self:
        """Ask for a token and use it from now on."""
        answer = self.post("/v1/token", self.token_request())
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["token"]
        return self

    def event(
        self,
        kind: str,
        body: Mapping[str, Any],
        incident: str,
        *,
        actor: str = COMMANDER,
        person: bool = False,
        **changes: Any,
    ) -> SignedEvent:
        """The desk's next event in that incident; `changes` replace envelope fields before it is signed."""
        head = self._heads.get(incident, ChainHead())
        self._hlc = hlc_next(self._hlc, time.time_ns() // 1_000_000)
        fields: dict[str, Any] = {
            "type": kind, "event_id": fresh_id(), "incident": incident, "device": self.key.id, "incarnation": 1,
            "seq": head.seq + 1, "prev_hash": head.hash, "actor": actor, "role": "", "policy_hash": POLICY.hash,
            "hlc": self._hlc, "seen_gpos": 0, "exercise": self.config["exercise"], "body": body,
        }  # fmt: skip
        made = sign(Envelope(**fields | changes), self.key, PEOPLE[actor] if person else None)
        if not changes.keys() & {"seq", "prev_hash"}:
            self._heads[incident] = ChainHead(made.envelope.seq, made.hash)
        return made

    def note(self, incident: str, text: str = "a note", **changes: Any) -> SignedEvent:
        return self.event("note.added", {"text": text, "happened_at": format_utc(now())}, incident, **changes)

    def push(self, *events: SignedEvent) -> list[dict[str, Any]]:
        """The results of a push that must be answered."""
        answer = self.post("/v1/events", {"events": [event.wire() for event in events]})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["results"]
        return found

    def journal(self) -> list[dict[str, Any]]:
        """The whole journal."""
        found: list[dict[str, Any]] = self.get("/v1/journal?after=0").json()["entries"]
        return found

    def bodies(self, kind: str, incident: str = "") -> list[dict[str, Any]]:
        """The bodies of all accepted events of a type, oldest first."""
        import json

        events = [json.loads(entry["event"]["canon"]) for entry in self.journal() if entry["status"] == "accepted"]
        return [e["body"] for e in events if e["type"] == kind and incident in ("", e["incident"])]

    # -- switches --------------------------------------------------------------------------------------------------

    def select(self, incident: str, switch: str = BLOCK, target: str = BOREALIS, want: str = "stopped") -> Any:
        body = {"incident": incident, "switch": switch, "target": target, "want": want}
        return self.post("/v1/commands/select", body).json()

    def order(
        self, incident: str, shown: Any, switch: str = BLOCK, target: str = BOREALIS, want: str = "stopped"
    ) -> Order:
        """A good stop by the commander, from what select showed."""
        at = now()
        return Order(
            command_id=fresh_id(), incident=incident, switch=switch, target=target, want=want, epoch=shown["epoch"],
            generation=shown["generation"], blast_radius=BlastRadius(shown["scope"], tuple(shown["ids"])),
            policy_hash=POLICY.hash, expires=format_utc(at + timedelta(seconds=30)), authorised_at=format_utc(at),
            reason="Answers are not grounded.", typed_name=POLICY.inventory.item(target).name, dwell_ms=2000,
            gesture="hold", person=COMMANDER, role="incident_commander", for_owner="", device=self.key.id,
            exercise=self.config["exercise"], select_token=shown["select_token"], confirmation=fresh_id(), criteria={},
        )  # fmt: skip

    def send(self, order: Order, **changes: str) -> requests.Response:
        """Sign an order as its device and person would, and send it; `changes` replace members of the request."""
        text = canonical(order.as_object())
        person = PEOPLE.get(order.person, DESK)
        made = {"canon": text.decode(), "sig": self.key.sign_text(text), "person_sig": person.sign_text(text)}
        return self.post("/v1/commands", made | changes)

    def status(self, command_id: str, wait: float = 0, state: str = "verified") -> Any:
        return self.get(f"/v1/commands/{command_id}?wait={wait}&state={state}").json()

    def stop(self, incident: str, switch: str = BLOCK, target: str = BOREALIS) -> Any:
        """Select, order, and wait: the status at the end."""
        sent = self.send(self.order(incident, self.select(incident, switch, target), switch, target))
        assert sent.status_code == 202, sent.text
        return self.status(sent.json()["command_id"], wait=10)


def approved(order: Order, by: str = SECOND, *, key: SigningKey | None = None, lasts_s: float = 600) -> Order:
    """The order with a second person's approval, signed with their key (or `key`)."""
    at = now()
    order = replace(order, request_expires=format_utc(at + timedelta(seconds=lasts_s)))
    sig = (key or PEOPLE[by]).sign_text(canonical(approval_subject(order, order.request_expires)))
    return replace(order, approvals=(Approval(by, DESK.id, sig, format_utc(at), same_desk=True),))


def certificates(desk: SigningKey = DESK) -> list[tuple[str, dict[str, object]]]:
    """What the root signs so that the desk and the four persons are known."""
    made: list[tuple[str, dict[str, object]]] = [
        ("device.certified", {"device": desk.id, "public_key": desk.public_hex, "label": "test desk"})
    ]
    for person, key in PEOPLE.items():
        made.append(("person.certified", {"person": person, "public_key": key.public_hex, "display_name": person}))
        made += [("role.granted", {"person": person, "role": role}) for role in ROLES[person]]
    return made


class World:
    """A founded plane whose root has certified DESK and PEOPLE."""

    def __init__(self, folder: Path, *, exercise: bool = True) -> None:
        self.folder, self.root_file = folder, folder / "root.key"
        self.founded: Founded = found_plane(
            str(folder / "plane.db"), self.root_file, exercise=exercise, organisation="Test", now=now()
        )
        self.root = read_key(self.root_file, ROOT_KEY)
        self.certified = sign_as_root(self.root, self.founded.root_chain, certificates(), exercise=exercise, now=now())

    @contextlib.contextmanager
    def running(self, gateway_url: str = "", *, certify: bool = True) -> Any:
        """(plane, desk): the plane serves, the desk has a token; with a gateway, once the plane has seen it."""
        with RunningPlane(self.folder, gateway_url) as plane, Client(plane.url) as desk:
            if certify:
                results = desk.push(*self.certified)
                assert {result["status"] for result in results} == {"accepted"}, results
            desk.log_in()
            if gateway_url:
                wait_until(lambda: desk.get("/v1/health").json()["status"] == "ok", what="the gateway to be seen")
            yield plane, desk
