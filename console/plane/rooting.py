"""What whoever holds the organisation's root key does to a plane: invite, grant, revoke, whether it runs or not.

A running plane is told over HTTP, since it keeps in memory whom it knows; otherwise the events are written into its
database under its lock. The root's chain goes on from where the plane's journal ends it, never from a file.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from console.domain.errors import EnvironmentFault, InputError, RefusedError
from console.domain.times import format_utc
from console.plane import journal
from console.plane.db import Database, database_url, holder
from console.plane.founding import DEVICE_KEY, beside, read_key, sign_as_root
from console.plane.identities import Identities, hash_of_code
from console.plane.record import Clock, Record, birth_of
from console.plane.settings import HOST, PlaneSettings
from console.plane.tls import read_certificate
from console.proof.chain import ChainHead
from console.proof.envelope import SYSTEM, SignedEvent
from console.proof.journal import ACCEPTED, sign_token_request
from console.proof.keys import SigningKey
from console.protocol.problems import problem_from_object

Entries = Sequence[tuple[str, dict[str, object]]]
Plan = Callable[[Identities], Entries]
"""What the root writes, given everybody who is known; raises a ConsoleError when that makes no sense."""

TRIES = 3
"""Times the root's chain is read again when somebody else wrote on it meanwhile."""
_SECONDS = 30
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 4
_DEVICE_DIGITS = 64
_ROOT_CHAIN = 1


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation to be signed: its one-time code, which is told once and kept nowhere, and its end (RFC 3339)."""

    code: str
    expires: str
    entries: Entries


def invitation(person: str, name: str, roles: Sequence[str], label: str, hours: int, now: datetime) -> Invited:
    """A fresh code of 80 bits for that person, and what the root signs about it: the invitation, then each role."""
    code = "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    expires = format_utc(now + timedelta(hours=hours))
    body: dict[str, object] = {
        "code_hash": hash_of_code(code),
        "person": person,
        "display_name": name,
        "roles": list(roles),
        "label": label,
        "expires": expires,
    }
    granted: list[tuple[str, dict[str, object]]] = [
        ("role.granted", {"person": person, "role": role}) for role in roles
    ]
    return Invited(code, expires, [("invite.issued", body), *granted])


def grant(person: str, role: str) -> Plan:
    """Give a role to somebody who is known or invited."""

    def entries(known: Identities) -> Entries:
        invited = {invite.person for invite in known.invites.values() if not invite.void}
        if person not in known.persons and person not in invited:
            raise InputError(f"Nobody called {person} is known to this plane; invite them first.")
        return [("role.granted", {"person": person, "role": role})]

    return entries


def withdrawal(person: str, role: str, reason: str) -> Plan:
    """Take a role back from somebody who was granted it; what they lent of it ends with it."""

    def entries(known: Identities) -> Entries:
        if role not in known.roles.get(person, ()):
            raise InputError(f"{person[:80]} does not hold the role {role} by a grant; there is nothing to withdraw.")
        return [("role.withdrawn", {"person": person, "role": role, "reason": reason})]

    return entries


def revocation(subject: str, reason: str) -> Plan:
    """Turn away the device of that id (64 hex digits) or the person of that name."""

    def entries(known: Identities) -> Entries:
        if len(subject) == _DEVICE_DIGITS and all(digit in "0123456789abcdef" for digit in subject):
            if subject in (known.plane_device, known.root_device):
                raise InputError("The plane's own device and the root cannot be turned away; stop the plane instead.")
            if subject not in known.devices:
                raise InputError("No device of that id is known to this plane; check it.")
            return [("device.revoked", {"device": subject, "reason": reason})]
        invited = {invite.person for invite in known.invites.values()}
        if subject not in {*known.persons, *known.roles, *known.persons_of.values(), *invited}:
            raise InputError(
                f"Nobody called {subject[:80]} is known to this plane, nor is that a device's id; check it."
            )
        return [("person.revoked", {"person": subject, "reason": reason})]

    return entries


def write_as_root(settings: PlaneSettings, root: SigningKey, plan: Plan, clock: Clock, port: int | None = None) -> str:
    """Sign what is planned and have the plane take it; the event id of the first.

    `port` names a plane on this machine that is told over HTTP, whatever the database. Raises a ConsoleError when the
    plane is of another root, cannot be reached, or refuses.
    """
    if port is not None:
        return asyncio.run(_over_http(_address(settings, port), root, plan, clock, settings.tls_cert))
    url = database_url(settings.database)
    address = holder(url)
    if address is None:
        return _into_database(settings, root, plan, clock)
    if not address:
        raise EnvironmentFault("The plane's database is in use by something that starts or restores; try again soon.")
    return asyncio.run(_over_http(address, root, plan, clock, settings.tls_cert))


def _address(settings: PlaneSettings, port: int) -> str:
    """Where a plane with these settings is reached: under a name of its certificate, if it has one."""
    certificate = read_certificate(settings.tls_cert, settings.tls_key)
    if certificate is None:
        return f"http://{HOST}:{port}"
    return f"https://{HOST if HOST in certificate.names else certificate.names[0]}:{port}"


def _trust(own: Path | None) -> ssl.SSLContext:
    """The system's authorities, and the plane's own certificate where its settings name it."""
    context = ssl.create_default_context()
    if own is not None:
        context.load_verify_locations(own)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _into_database(settings: PlaneSettings, root: SigningKey, plan: Plan, clock: Clock) -> str:
    database = Database.opened(database_url(settings.database))
    try:
        birth = database.write_now(lambda tx: birth_of(tx.connection))
        key = read_key(settings.device_key or beside(settings.database), DEVICE_KEY)
        if birth.root_public_key != root.public_hex or birth.plane_device != key.id:
            raise InputError(_OTHER_ROOT)
        record = Record(birth, key, "", clock)
        database.write_now(lambda tx: record.load(tx.connection))
        entries = plan(record.identities)
        head = database.write_now(lambda tx: journal.chain_head(tx.connection, (root.id, SYSTEM, _ROOT_CHAIN)))
        events = sign_as_root(root, head, entries, exercise=birth.exercise, now=clock())
        receipts = database.write_now(lambda tx: record.take(tx, events))
        for receipt in receipts:
            if receipt.status != ACCEPTED:
                raise RefusedError(f"The plane refused it: {problem_from_object(receipt.problem).detail}")
        return receipts[0].event_id
    finally:
        database.close()


async def _over_http(url: str, root: SigningKey, plan: Plan, clock: Clock, own: Path | None = None) -> str:
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        connector = aiohttp.TCPConnector(ssl=_trust(own))
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False, connector=connector) as session:
            return await _Told(session, url, root, clock).write(plan)
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
        raise EnvironmentFault(
            f"No plane answers as it should at {url} ({type(error).__name__}); check that it runs, or give its --port."
        ) from error


class _Told:
    """A running plane, told by the root."""

    def __init__(self, session: aiohttp.ClientSession, url: str, root: SigningKey, clock: Clock) -> None:
        self._session, self._url, self._root, self._clock = session, url, root, clock
        self._headers: dict[str, str] = {}

    async def write(self, plan: Plan) -> str:
        config = await self._ask("GET", "/v1/config")
        if config["root_public_key"] != self._root.public_hex:
            raise InputError(_OTHER_ROOT)
        await self._log_in(str(config["origin"]))
        known = await self._known(Identities(self._root.public_hex, str(config["plane_device"])))
        for _ in range(TRIES):
            entries = plan(known)
            now = self._clock()
            events = sign_as_root(self._root, await self._head(), entries, exercise=bool(config["exercise"]), now=now)
            wire = {"events": [event.wire() for event in events]}
            results: list[dict[str, Any]] = (await self._ask("POST", "/v1/events", wire))["results"]
            bad = next((result for result in results if result["status"] != ACCEPTED), None)
            if bad is None:
                return str(results[0]["event_id"])
            if bad["problem"].get("kind") != "conflict":
                raise RefusedError(f"The plane refused it: {problem_from_object(bad['problem']).detail}")
        raise RefusedError("Somebody else writes with this root key at the same moment; wait, and try again.")

    async def _log_in(self, origin: str) -> None:
        nonce, at = secrets.token_hex(32), format_utc(self._clock())
        sig = sign_token_request(self._root, nonce, at, origin)
        asked = {"device": self._root.id, "time": at, "nonce": nonce, "origin": origin, "sig": sig}
        self._headers["Authorization"] = f"Bearer {(await self._ask('POST', '/v1/token', asked))['token']}"

    async def _known(self, known: Identities) -> Identities:
        after = 0
        while True:
            answer = await self._ask("GET", f"/v1/journal?after={after}")
            for entry in answer["entries"]:
                if entry["status"] == ACCEPTED and f'"incident":"{SYSTEM}"' in entry["event"]["canon"]:
                    known = known.after(SignedEvent(entry["event"]["canon"], "").envelope)
            if not answer["entries"]:
                return known
            after = answer["entries"][-1]["gpos"]

    async def _head(self) -> ChainHead:
        answer = await self._ask("GET", "/v1/heads")
        for end in answer["heads"]:
            if (end["incident"], end["incarnation"]) == (SYSTEM, _ROOT_CHAIN):
                return ChainHead(end["seq"], end["hash"])
        return ChainHead()

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        async with self._session.request(
            method, self._url + path, json=body, headers=self._headers, allow_redirects=False
        ) as answer:
            value: dict[str, Any] = await answer.json(content_type=None)
            if answer.status != 200:
                raise RefusedError(f"The plane at {self._url} refused: {problem_from_object(value).detail}")
            return value


_OTHER_ROOT = "This root key is not the one this plane was founded with; give the file that its `plane init` made."
