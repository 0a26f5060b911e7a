"""Drives Redis: a tenant's semantic cache is passed by and purged, its budget is nothing, its sessions end.

The function library `onboarding/budget.lua` compares and sets; an answer comes after the append-only file is on the
disk. A switch that Redis has lost counts as stopped, there and here. The order is marker, user, live sessions: whatever
fails in between, gateways are refused already.
"""

from __future__ import annotations

import asyncio
import secrets as random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from console.domain.inventory import Inventory, InventoryItem
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import parse_utc, to_epoch_us
from console.plane.back_end_settings import RedisSettings
from console.plane.backends import (
    NO_ANSWER,
    Applied,
    Assertion,
    BackEndFault,
    BackEndRefusal,
    Capability,
    Held,
    ProbeReply,
    ProbeStream,
    ReadBack,
)
from console.plane.settings import PlaneSettings, Secrets
from console.plane.wires.redis_answers import applied, held, probe_reply, refused, text_of
from console.plane.wires.redis_session import Session

NAME = "redis"

ASK_S = 2.0
"""Seconds that a question may take when the caller sets no time."""
CACHE, BUDGET = "FF_CACHE_BYPASS", "FF_TOKEN_BUDGET"
_KINDS = {CACHE: ("tenant", "environment"), BUDGET: ("tenant",)}
_RESERVATION_S = "5"


def connect(settings: PlaneSettings, secrets: Secrets, inventory: Inventory) -> RedisBackEnd | None:
    """The Redis the settings name, None when they name none."""
    return RedisBackEnd(settings.redis, secrets, inventory) if settings.redis is not None else None


class RedisBackEnd:
    """The Redis at `settings`; connections are opened on first use, on the event loop that uses it.

    Secrets under "redis": `password` of the user that switches, `probe_password` of `console-probe`, and
    `session_password`, with which it may be any tenant's user; without that one no session is ended.
    """

    name = NAME

    def __init__(self, settings: RedisSettings, secrets: Secrets, inventory: Inventory) -> None:
        self._settings, self._inventory = settings, inventory
        self._session_password = secrets.of(NAME, "session_password")
        self._console: Any = self._client(settings.user, secrets.of(NAME, "password"))
        self._probe: Any = self._client("console-probe", secrets.of(NAME, "probe_password"))
        self._one_at_a_time = asyncio.Lock()

    async def capabilities(self) -> Mapping[str, Capability]:
        """The cache is passed by; a budget of nothing ends sessions too where the tenants have users of their own."""
        ends = bool(self._session_password)
        common = {"refuses_new": True, "durable": True, "read_back": True}
        return {
            CACHE: Capability(_KINDS[CACHE], **common),
            BUDGET: Capability(_KINDS[BUDGET], cuts_streams=ends, ends_sessions=ends, **common),
        }

    async def apply(self, assertion: Assertion, seconds: float) -> Applied:
        """Set the marker; of a budget, then also the tenant's user and its live sessions."""
        self._check_mapped(assertion.switch, assertion.target)
        words = (assertion.switch, assertion.target, assertion.want, str(assertion.generation), assertion.assertion_id)
        try:
            async with asyncio.timeout(seconds), self._one_at_a_time:
                answer = await self._console.fcall(
                    "switch_set", 0, *words, str(to_epoch_us(parse_utc(assertion.expires)))
                )
                state, generation = applied(answer)
                cut = await self._set_sessions(assertion) if assertion.switch == BUDGET else 0
                return Applied(state, generation, cut, await self._keeps())
        except ResponseError as error:
            raise BackEndRefusal("failed", f"Redis refused the switch: {text_of(error)}.") from error
        except (RedisError, OSError, TimeoutError) as error:
            raise _silent(error) from error

    async def read_back(self) -> ReadBack:
        """Markers and users as they are; the durable form is the same, where every write waits for the disk."""
        async with _asking():
            run_id = text_of((await self._console.info("server")).get("run_id"))
            found = {
                (e.switch, e.target): await self._held(e.switch, e.target)
                for e in self._inventory.enforcements
                if e.adapter == NAME
            }
            return ReadBack(run_id, found, found if await self._keeps() else None)

    def can_probe(self, switch: str, item: InventoryItem) -> bool:
        """Both switches, on a tenant, or on an environment that has one."""
        return bool(self._tenant(switch, item))

    async def probe(self, switch: str, item: InventoryItem, seconds: float) -> ProbeReply:
        """Ask what a gateway asks: a look-up in the cache, or to reserve a millionth of a dollar."""
        try:
            async with asyncio.timeout(seconds):
                return probe_reply(await self._asked(switch, self._tenant(switch, item)), datetime.now(UTC))
        except (RedisError, OSError, TimeoutError, BackEndFault):
            return ProbeReply(NO_ANSWER, datetime.now(UTC))

    async def open_stream(
        self, switch: str, item: InventoryItem, seconds: float
    ) -> tuple[ProbeReply, ProbeStream | None]:
        """A live session as the tenant's own user; none of the cache, which has no sessions."""
        reply = await self.probe(switch, item, seconds)
        tenant = self._tenant(switch, item)
        if reply.refused_by or switch != BUDGET or not tenant or not self._session_password:
            return reply, None
        client = self._client(tenant, self._session_password)
        return reply, await Session.opened_by(client, tenant, switch, seconds)

    async def close(self) -> None:
        """Close every connection."""
        await self._console.aclose()
        await self._probe.aclose()

    async def _asked(self, switch: str, tenant: str) -> Sequence[Any]:
        if switch == CACHE:
            found: Sequence[Any] = await self._probe.fcall("cache_look_up", 0, tenant, "probe")
            return found
        step = f"probe-{random.token_hex(8)}"
        cost = ("0", "0", "0", "1")
        found = await self._probe.fcall("budget_reserve", 0, tenant, "probe", "probe", step, *cost, _RESERVATION_S)
        if not refused(found):
            await self._probe.fcall("budget_release", 0, tenant, "probe", step)
        return found

    async def _set_sessions(self, assertion: Assertion) -> int:
        """Switch the tenant's user on or off for good; how many live connections of it ended."""
        tenant = assertion.target
        if not self._session_password or await self._console.acl_getuser(tenant) is None:
            return 0
        stopped = assertion.want == STOPPED
        await self._console.execute_command("ACL SETUSER", tenant, "off" if stopped else "on")
        await self._console.execute_command("ACL SAVE")
        if not stopped:
            return 0
        # in an answer of its own: what is said to a connection that is killed at once is lost
        words = (assertion.switch, tenant, str(assertion.generation), assertion.assertion_id)
        await self._console.publish(f"sessions:{tenant}", " ".join(words))
        return int(await self._console.execute_command("CLIENT KILL", "USER", tenant))

    async def _held(self, switch: str, target: str) -> Held:
        found = held(await self._console.hget(f"switch:{target}", switch))
        if switch == BUDGET and self._session_password and found.state == RUNNING:
            user = await self._console.acl_getuser(target)
            if user is not None and "on" not in user["flags"]:
                return Held(STOPPED, found.generation, found.assertion_id)
        return found

    async def _keeps(self) -> bool:
        """Whether every write is on the disk before it is answered, and will be repeated from there after a crash.

        Redis repeats its file as the user `default`: what that one may not do is dropped without a fault.
        """
        about = await self._console.info("persistence")
        policy = await self._console.config_get("appendfsync")
        repeating = await self._console.acl_getuser("default") or {}
        return bool(
            "+@all" in repeating.get("categories", ())
            and about.get("aof_enabled") == 1
            and about.get("aof_last_write_status") == "ok"
            and policy.get("appendfsync") == "always"
        )

    def _tenant(self, switch: str, item: InventoryItem) -> str:
        """Whose request that switch on that item would refuse, "" when nobody's."""
        if item.kind not in _KINDS.get(switch, ()):
            return ""
        if item.kind == "tenant":
            return item.id
        inside = (o.id for o in self._inventory.items.values() if o.kind == "tenant" and o.environment == item.id)
        return next(inside, "")

    def _check_mapped(self, switch: str, target: str) -> None:
        item = self._inventory.items.get(target)
        if item is None or not self.can_probe(switch, item) or NAME not in self._inventory.adapters_for(switch, target):
            raise BackEndRefusal("unmapped", f"Redis does not enforce {switch[:60]} on {target[:60]}.")

    def _client(self, user: str, password: str) -> Redis:
        settings = self._settings
        where: dict[str, Any] = {"host": settings.host, "port": settings.port}
        if settings.socket is not None:
            where = {"unix_socket_path": str(settings.socket)}
        return Redis(
            **where,
            username=user,
            password=password,
            socket_timeout=ASK_S,
            socket_connect_timeout=ASK_S,
            retry=Retry(NoBackoff(), 0),  # what a lost answer did is found out, not sent again
            protocol=2,
            decode_responses=True,
            encoding_errors="replace",
            driver_info=None,
            max_connections=16,
        )


@asynccontextmanager
async def _asking() -> AsyncIterator[None]:
    """Whatever Redis does not answer, in time and as it should, is a fault of the back-end."""
    try:
        async with asyncio.timeout(ASK_S):
            yield
    except (RedisError, OSError, TimeoutError) as error:
        raise _silent(error) from error


def _silent(error: Exception) -> BackEndFault:
    return BackEndFault(f"Redis did not answer ({type(error).__name__}: {text_of(error)}); what it did is unknown.")
