"""Drives tool credentials in OpenBao: shuts a tool's token role, ends every token it gave out and their logins.

One write of the role carries both the stop (every policy is disallowed) and whose it is (a disallowed policy that
nobody has, named after generation and id), so neither is ever there without the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
import ssl
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from console.domain.errors import InputError
from console.domain.inventory import Inventory, InventoryItem
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import parse_utc
from console.plane.back_end_settings import OpenBaoSettings
from console.plane.backends import (
    NO_ANSWER,
    OVERLOADED,
    SERVED,
    SWITCHED_OFF,
    Applied,
    Assertion,
    BackEndFault,
    BackEndRefusal,
    Capability,
    Held,
    ProbeReply,
    ProbeStream,
    ReadBack,
    Refuser,
)
from console.plane.settings import PlaneSettings, Secrets
from console.plane.wires.openbao_token import LiveToken

NAME = "openbao"
SWITCH = "FF_TOOL_REVOKE"
CONTROL_S = 3.0
"""Seconds that a question may take."""
PROBE_TTL_S = 30
STREAM_TTL_S = 120

RENEW_EVERY_S = 3600.0
"""How often the two tokens are renewed: they are periodic, and end when nobody does."""

_EVERY_POLICY = "*"
_MARK = "console-switch."
_MARKED = re.compile(r"console-switch\.(running|stopped)\.([0-9]{1,15})\.((?:[0-9a-f]{2}){0,1000})")
_REFUSED_BY_ROLE = "is disallowed by this role"
_MAX_ANSWER = 4 * 1024 * 1024
_ROUNDS = 3
"""How often to end what was given out: a token that was being made while the role was shut comes after the first."""


def connect(settings: PlaneSettings, secrets: Secrets, inventory: Inventory) -> OpenBao | None:
    """The OpenBao the settings name, None when they name none; raises InputError for one reached in the clear."""
    if settings.openbao is None:
        return None
    url = urlsplit(settings.openbao.url)
    if url.scheme != "https" and url.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise InputError("openbao.url must begin with https://: tokens never travel in the clear to another machine.")
    return OpenBao(settings.openbao, secrets, inventory)


class OpenBao:
    """The one OpenBao of `settings`; secrets "token" (the plane's) and "probe_token" (an agent's, for probes)."""

    name = NAME

    def __init__(self, settings: OpenBaoSettings, secrets: Secrets, inventory: Inventory) -> None:
        self._settings, self._inventory = settings, inventory
        self._token, self._probe_token = secrets.of(NAME, "token"), secrets.of(NAME, "probe_token")
        self._session: aiohttp.ClientSession | None = None
        self._streams: set[LiveToken] = set()
        self._one_at_a_time = asyncio.Lock()
        self._renewed_at = -math.inf

    async def capabilities(self) -> Mapping[str, Capability]:
        """What is true of the roles as they are: batch tokens cannot be ended, storage in memory survives nothing."""
        roles = await asyncio.gather(*(self._role(tool) for tool in self._tools()))
        return {
            SWITCH: Capability(
                ("tool",),
                refuses_new=True,
                cuts_streams=all(role.get("token_type") == "service" for role in roles if role),
                durable=await self._is_durable(),
                read_back=True,
                ends_sessions=bool(self._settings.database),
            )
        }

    async def apply(self, assertion: Assertion, seconds: float) -> Applied:
        """Set one tool's role, and when it is shut end every token and login that it gave out."""
        if assertion.switch != SWITCH or assertion.target not in self._tools():
            raise BackEndRefusal("unmapped", f"OpenBao does not enforce {assertion.switch} on that target.")
        try:
            async with asyncio.timeout(seconds), self._one_at_a_time:
                return await self._set(assertion)
        except TimeoutError as error:
            raise BackEndFault("OpenBao did not answer in time; what it did is unknown.") from error

    async def read_back(self) -> ReadBack:
        """Every tool's role as it is stored; the boot id is the moment at which this process became active."""
        await self._renew()
        tools = self._tools()
        roles = await asyncio.gather(*(self._role(tool) for tool in tools))
        switches = {(SWITCH, tool): _held(role or {}) for tool, role in zip(tools, roles, strict=True)}
        leader = await self._ask("GET", "sys/leader")
        boot_id = str(leader.get("active_time") or "not known")
        return ReadBack(boot_id, switches, switches if await self._is_durable() else None)

    def can_probe(self, switch: str, item: InventoryItem) -> bool:
        """Every tool it enforces can be probed."""
        return switch == SWITCH and item.id in self._tools()

    async def probe(self, switch: str, item: InventoryItem, seconds: float) -> ProbeReply:
        """Ask for a token of the tool as an agent does, and end it at once when it is given."""
        reply, accessor = await self._mint(item.id, PROBE_TTL_S, seconds)
        if accessor:
            await self._forget(accessor)
        return reply

    async def open_stream(
        self, switch: str, item: InventoryItem, seconds: float
    ) -> tuple[ProbeReply, ProbeStream | None]:
        """A token that lives until the tool is revoked, at most two minutes."""
        reply, accessor = await self._mint(item.id, STREAM_TTL_S, seconds)
        if not accessor:
            return reply, None

        async def is_alive() -> bool:
            return await self._is_alive(accessor)

        async def stopped_by() -> str:
            held = _held(await self._role(item.id) or {})
            return held.assertion_id if held.state == STOPPED else ""

        async def let_go(stream: LiveToken) -> None:
            self._streams.discard(stream)
            if stream.end is None:
                await self._forget(accessor)

        stream = LiveToken(reply.at, STREAM_TTL_S, is_alive, stopped_by, let_go)
        self._streams.add(stream)
        return reply, stream

    async def close(self) -> None:
        """End every open token and connection."""
        for stream in list(self._streams):
            await stream.close()
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _tools(self) -> list[str]:
        return [e.target for e in self._inventory.enforcements if (e.switch, e.adapter) == (SWITCH, NAME)]

    def _role_name(self, tool: str) -> str:
        return self._settings.role + tool.removeprefix("tool.")

    async def _role(self, tool: str) -> Mapping[str, Any] | None:
        """The token role of a tool as it is stored, None when there is none."""
        try:
            return _object((await self._ask("GET", f"auth/token/roles/{self._role_name(tool)}")).get("data"))
        except BackEndRefusal as refusal:
            if refusal.kind == "unmapped":
                return None
            raise

    async def _renew(self) -> None:
        """Renew both tokens when it is time; one that cannot be renewed is told when it is refused."""
        now = asyncio.get_running_loop().time()
        if now - self._renewed_at >= RENEW_EVERY_S:
            for token in (self._token, self._probe_token):
                await self._call("POST", "auth/token/renew-self", {}, token)
            self._renewed_at = now

    async def _is_durable(self) -> bool:
        return (await self._ask("GET", "sys/seal-status")).get("storage_type") not in (None, "inmem")

    async def _set(self, assertion: Assertion) -> Applied:
        role = await self._role(assertion.target)
        if role is None:
            raise BackEndRefusal("unmapped", "That tool has no token role in OpenBao; see onboarding/openbao.md.")
        held, asked = _held(role), Held(assertion.want, assertion.generation, assertion.assertion_id)
        if held != asked:
            if held.generation >= assertion.generation:
                raise BackEndRefusal("stale", "OpenBao holds a newer state of this switch already.", held.generation)
            if parse_utc(assertion.expires) <= datetime.now(UTC):
                raise BackEndRefusal("expired", "The command's time was over; nothing was changed.", held.generation)
            path = f"auth/token/roles/{self._role_name(assertion.target)}"
            await self._ask("POST", path, _changed(role, asked))
        ended = await self._end_all(assertion.target) if assertion.want == STOPPED else 0
        now = _held(await self._role(assertion.target) or {})
        if now != asked:
            raise BackEndFault("OpenBao does not hold what it was told a moment ago; somebody else writes that role.")
        return Applied(now.state, now.generation, ended, durable=await self._is_durable())

    async def _end_all(self, tool: str) -> int:
        """End all that the tool's role gave out, tokens first and then logins; how many tokens there were."""
        role = self._role_name(tool)
        prefixes = [f"auth/token/create/{role}"]
        if self._settings.database:
            prefixes.append(f"{self._settings.database}/creds/{role}")
        ended = 0
        for number, prefix in enumerate(prefixes):
            for _ in range(_ROUNDS):
                leases = await self._leases(prefix)
                if leases == 0:
                    break
                await self._ask("PUT", f"sys/leases/revoke-prefix/{prefix}", {"sync": True})
                ended += leases if number == 0 else 0
            else:
                raise BackEndFault(f"OpenBao still holds leases under {prefix} after they were ended; look at its log.")
        return ended

    async def _leases(self, prefix: str) -> int:
        try:
            data = _object((await self._ask("GET", f"sys/leases/lookup/{prefix}/?list=true")).get("data"))
        except BackEndRefusal as refusal:
            if refusal.kind == "unmapped":
                return 0
            raise
        keys = data.get("keys")
        return len(keys) if isinstance(keys, list) else 0

    async def _mint(self, tool: str, ttl: int, seconds: float) -> tuple[ProbeReply, str]:
        """What asking for a token met, and the accessor of one that was given; never raises."""
        path = f"auth/token/create/{self._role_name(tool)}"
        body = {"ttl": f"{ttl}s", "explicit_max_ttl": f"{ttl}s", "display_name": "console-probe"}
        try:
            async with asyncio.timeout(seconds):
                status, answer = await self._call("POST", path, body, self._probe_token)
                at = datetime.now(UTC)
                if status == 200:
                    accessor = _object(answer.get("auth")).get("accessor")
                    return ProbeReply(SERVED, at), accessor if isinstance(accessor, str) else ""
                return await self._refused(tool, at, status, answer), ""
        except (BackEndFault, BackEndRefusal, TimeoutError):
            return ProbeReply(NO_ANSWER, datetime.now(UTC)), ""

    async def _refused(self, tool: str, at: datetime, status: int, answer: Mapping[str, Any]) -> ProbeReply:
        """A role that disallows says so, but not for whom: that is read from the same role."""
        if status == 429:
            return ProbeReply(OVERLOADED, at)
        if status != 400 or _REFUSED_BY_ROLE not in str(answer.get("errors")):
            return ProbeReply(NO_ANSWER, at)
        held = _held(await self._role(tool) or {})
        by = (Refuser(SWITCH, tool, held.generation, held.assertion_id),) if held.state == STOPPED else ()
        return ProbeReply(SWITCHED_OFF, at, by)

    async def _is_alive(self, accessor: str) -> bool:
        """Whether a token lives; raises BackEndFault when nobody says."""
        status, _ = await self._call("POST", "auth/token/lookup-accessor", {"accessor": accessor}, self._probe_token)
        if status >= 500 or status == 429:
            raise BackEndFault(f"OpenBao failed to look a token up ({status}).")
        return status == 200

    async def _forget(self, accessor: str) -> None:
        """End a token of the probe's own; one that cannot be ended now ends by itself in two minutes at most."""
        try:
            await self._call("POST", "auth/token/revoke-accessor", {"accessor": accessor}, self._probe_token)
        except BackEndFault:
            return

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """A question with the plane's own token that must be answered; not found is BackEndRefusal "unmapped"."""
        status, answer = await self._call(method, path, body, self._token)
        if status in (200, 204):
            return answer
        if status == 404:
            raise BackEndRefusal("unmapped", f"OpenBao has no {path}.")
        if status == 403:
            raise BackEndFault(
                "OpenBao refuses the plane's token; renew it, with the policy in onboarding/openbao.hcl."
            )
        if status == 503:
            raise BackEndFault("OpenBao is sealed or not active; unseal it. What it did is unknown.")
        raise BackEndFault(f"OpenBao answered {status} to {method} {path}; what it did is unknown.")

    async def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None, token: str
    ) -> tuple[int, Mapping[str, Any]]:
        try:
            async with self._connections().request(
                method, f"{self._settings.url.rstrip('/')}/v1/{path}", json=body, headers={"X-Vault-Token": token},
                timeout=aiohttp.ClientTimeout(total=CONTROL_S), allow_redirects=False,
            ) as response:  # fmt: skip
                data = b""
                async for chunk in response.content.iter_any():
                    data += chunk
                    if len(data) > _MAX_ANSWER:
                        raise aiohttp.ClientPayloadError("the answer is too large")
                return response.status, _object(json.loads(data)) if data else {}
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            raise BackEndFault(
                f"OpenBao did not answer {method} {path} ({type(error).__name__}); what it did is unknown."
            ) from error

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            trust = ssl.create_default_context(cafile=self._settings.tls_ca)
            connector = aiohttp.TCPConnector(limit=16, ssl=trust)
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        return self._session


def _held(role: Mapping[str, Any]) -> Held:
    """The switch as a role carries it. A role that was opened by hand is running, whatever its mark says."""
    held = Held(RUNNING, 0, "")
    for name in _words(role, "disallowed_policies"):
        if found := _MARKED.fullmatch(name):
            with contextlib.suppress(UnicodeDecodeError):
                held = Held(found[1], int(found[2]), bytes.fromhex(found[3]).decode("utf-8"))
    is_shut = _EVERY_POLICY in _words(role, "disallowed_policies_glob")
    if (held.state == STOPPED) != is_shut:
        return replace(held, state=STOPPED if is_shut else RUNNING, assertion_id="")
    return held


def _changed(role: Mapping[str, Any], asked: Held) -> Mapping[str, list[str]]:
    """The two lists of a role with the switch in them; what the organisation disallows itself stays."""
    mark = f"{_MARK}{asked.state}.{asked.generation}.{asked.assertion_id.encode('utf-8').hex()}"
    names = [name for name in _words(role, "disallowed_policies") if not name.startswith(_MARK)]
    globs = [name for name in _words(role, "disallowed_policies_glob") if name != _EVERY_POLICY]
    return {
        "disallowed_policies": [*names, mark],
        "disallowed_policies_glob": [*globs, _EVERY_POLICY] if asked.state == STOPPED else globs,
    }


def _words(role: Mapping[str, Any], field: str) -> list[str]:
    value = role.get(field)
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
