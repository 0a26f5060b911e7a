"""Drives the gateway of the range: switches over its control API, proof through its data path, samples and evidence.

What the gateway says of itself is kept apart from what a probe meets. Nothing it answers selects a target or becomes
text in an event without having been checked for its form.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import aiohttp

from console.domain.inventory import Inventory, InventoryItem
from console.plane.backends import (
    Applied,
    Assertion,
    BackEndFault,
    BackEndRefusal,
    Batch,
    Capability,
    Counts,
    Measured,
    ProbeReply,
    ProbeStream,
    ReadBack,
)
from console.plane.settings import PlaneSettings, Secrets
from console.plane.wires import gateway_answers
from console.plane.wires.gateway_path import DataPath

NAME = "simulator"

CONTROL_S = 3.0
"""Seconds that a question to the control API may take."""
VALIDATE_S = 60.0
SILENCE_S = 5.0
"""Seconds without a byte of telemetry (a batch is due every 250 ms) after which the connection counts as dead."""

_MAX_ANSWER = 64 * 1024 * 1024
_MAX_BATCH = 8 * 1024 * 1024
_REFUSAL_KINDS = {"unmapped": "unmapped", "unsupported": "unmapped", "stale": "stale", "expired": "expired"}


def connect(settings: PlaneSettings, secrets: Secrets, inventory: Inventory) -> Gateway | None:
    """The gateway the settings name, None when they name none."""
    if not settings.gateway_url:
        return None
    return Gateway(settings.gateway_url.rstrip("/"), secrets, inventory)


class Gateway:
    """The gateway at `url`; connections are opened on first use, on the event loop that uses it."""

    name = NAME

    def __init__(self, url: str, secrets: Secrets, inventory: Inventory) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {secrets.control_token}"}
        self._session: aiohttp.ClientSession | None = None
        self._data_path = DataPath(url, secrets.probe_token, inventory, self._connections)

    async def capabilities(self) -> Mapping[str, Capability]:
        """What it declares, by switch."""
        return gateway_answers.capabilities(await self._ask("GET", "/control/capabilities"))

    async def apply(self, assertion: Assertion, seconds: float) -> Applied:
        """Set one switch; its answer comes after the state is on the gateway's disk."""
        body = {
            "want": assertion.want,
            "generation": assertion.generation,
            "command_id": assertion.assertion_id,
            "expires": assertion.expires,
        }
        path = f"/control/switches/{assertion.switch}/{assertion.target}"
        return gateway_answers.applied(await self._ask("PUT", path, body=body, seconds=seconds))

    async def read_back(self) -> ReadBack:
        """Switches in force and on disk, and the process that gateway_answers."""
        return gateway_answers.read_back(await self._ask("GET", "/control/state"))

    def can_probe(self, switch: str, item: InventoryItem) -> bool:
        """Whether a request can need what the switch takes away; of those the gateway enforces each has one."""
        return bool(self._data_path.requests_for(switch, item))

    async def probe(self, switch: str, item: InventoryItem, seconds: float) -> ProbeReply:
        """One short request that `switch` on `item` would refuse."""
        return await self._data_path.probe(switch, item, seconds)

    async def notice(self, item: InventoryItem, seconds: float) -> ProbeReply:
        """What users of `item` are told just now (SWI-10)."""
        return await self._data_path.notice(item, seconds)

    async def open_stream(
        self, switch: str, item: InventoryItem, seconds: float
    ) -> tuple[ProbeReply, ProbeStream | None]:
        """One that the gateway keeps open until it is cut, at most 60 s."""
        return await self._data_path.open_stream(switch, item, seconds)

    async def counts(self) -> Counts:
        """Sessions, open streams, requests and money by inventory id."""
        return gateway_answers.counts(await self._ask("GET", "/control/counts"))

    async def validate(self, target: str, cases: int, seed: int) -> Measured:
        """Run cases; the answers themselves are dropped here, they are delivered to nobody."""
        body = {"target": target, "cases": cases, "seed": seed}
        return gateway_answers.measured(await self._ask("POST", "/control/validate", body=body, seconds=VALIDATE_S))

    async def capture(self, target: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Evidence of the seven dimensions on `target`."""
        query = {"target": target, "limit": str(limit)}
        return gateway_answers.items(await self._ask("GET", "/control/capture", query=query, seconds=VALIDATE_S))

    async def telemetry(self, after: int) -> AsyncIterator[Batch]:
        """Batches as they come; ends in BackEndFault."""
        session = self._connections()
        timeout = aiohttp.ClientTimeout(total=None, connect=CONTROL_S, sock_read=SILENCE_S)
        try:
            async with session.get(
                f"{self._url}/telemetry/stream",
                params={"after": str(after)},
                headers=self._headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    raise BackEndFault(
                        f"The gateway answers {response.status} to the request for telemetry; check the control token."
                    )
                pending = b""
                async for chunk in response.content.iter_any():
                    *whole, pending = (pending + chunk).split(b"\n\n")
                    if len(pending) > _MAX_BATCH:
                        raise BackEndFault("The gateway sends a batch of telemetry without an end; it is dropped.")
                    for block in whole:
                        batch = gateway_answers.batch(block)
                        if batch is not None:
                            yield batch
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BackEndFault(f"The gateway's telemetry broke off ({type(error).__name__}).") from error
        raise BackEndFault("The gateway ended its telemetry.")

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=64, keepalive_timeout=60)
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False)
        return self._session

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        seconds: float = CONTROL_S,
    ) -> Mapping[str, Any]:
        session = self._connections()
        try:
            async with session.request(
                method,
                self._url + path,
                json=body,
                params=query,
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as response:
                value = _object(await _bounded(response))
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BackEndFault(
                f"The gateway did not answer {method} {path} ({type(error).__name__}); what it did is unknown."
            ) from error
        if status == 200 and value is not None:
            return value
        if status in (401, 403):
            raise BackEndFault(
                "The gateway refuses the plane's control token; give the plane the one the gateway was started with."
            )
        if status >= 500:
            raise BackEndFault(f"The gateway failed on {method} {path} ({status}); what it did is unknown.")
        problem = value or {}
        generation = problem.get("generation")
        raise BackEndRefusal(
            _REFUSAL_KINDS.get(str(problem.get("kind")), "failed"),
            f"The gateway refused {method} {path} with {status}.",
            generation if isinstance(generation, int) else 0,
        )


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > _MAX_ANSWER:
            raise aiohttp.ClientPayloadError("the answer is too large")
        parts.append(chunk)
    return b"".join(parts)


def _object(data: bytes) -> Mapping[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
