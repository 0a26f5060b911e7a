"""Signed calls to a system of somebody else: where they may go, how they are signed, and how much answer is read.

The signature follows the public scheme "Standard Webhooks" (v1, HMAC-SHA256 over `id.timestamp.body`). Plain http goes
to this machine alone; a name that leads to a private address is refused unless the settings allow that address.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from console.domain.errors import InputError
from console.plane.backends import BackEndFault

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PREFIX = "whsec_"
LEAST_KEY, MOST_KEY = 24, 64
"""Bytes of a signing key, as the scheme wants them."""
MAX_ANSWER = 1024 * 1024
_AROUND_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON object that came with it, None when there was none."""

    status: int
    value: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The secret that both sides share; it never appears in `repr`."""

    secret: bytes = field(repr=False)

    @classmethod
    def read(cls, text: str) -> SigningKey:
        """From `whsec_` and base64; raises InputError without ever quoting it."""
        try:
            secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if not text.startswith(PREFIX) or not LEAST_KEY <= len(secret) <= MOST_KEY:
            raise InputError(
                f"The secret webhook.signing_key must be '{PREFIX}' and the base64 of {LEAST_KEY} to {MOST_KEY} random "
                "bytes; give the plane the one that the receiver has."
            )
        return cls(secret)

    def headers(self, message_id: str, at_s: int, body: bytes) -> dict[str, str]:
        """The three headers of one message sent at `at_s` (epoch seconds)."""
        signed = b".".join((message_id.encode("ascii"), str(at_s).encode("ascii"), body))
        signature = base64.b64encode(hmac.new(self.secret, signed, hashlib.sha256).digest()).decode("ascii")
        return {"webhook-id": message_id, "webhook-timestamp": str(at_s), "webhook-signature": f"v1,{signature}"}


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The allowed private networks; raises InputError naming the one that is none."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            raise InputError(
                f"webhook.allow: {ascii(text)[1:61]} is no address or network; write it like 10.1.2.3 or 10.1.2.0/24."
            ) from None
    return tuple(found)


def check_url(url: str, what: str, allowed: Sequence[Network]) -> None:
    """Raises InputError unless calls may go to `url`; names are looked up only when they are called."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InputError(f"webhook.{what} is not an address; write it like https://switches.example.org/v1.") from None
    if parts.username or parts.password or parts.fragment or not host:
        raise InputError(f"webhook.{what} must name a host and hold neither a password nor a fragment.")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK_NAMES):
        raise InputError(f"webhook.{what} must begin with https:// (http:// is for this machine alone).")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return
    if not may_go_to(literal, allowed, loopback=True):
        raise InputError(
            f"webhook.{what} leads to the private address {literal}; list it in webhook.allow if it should."
        )


def may_go_to(address: Address, allowed: Sequence[Network], *, loopback: bool) -> bool:
    """Whether a call may go to that address; `loopback` when the settings name this machine themselves."""
    if isinstance(address, ipaddress.IPv6Address):
        address = _inner(address)
    if any(address in network for network in allowed) or (loopback and address.is_loopback):
        return True
    old = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not address.is_multicast and not old


def _inner(address: ipaddress.IPv6Address) -> Address:
    """The IPv4 address that an address of version 6 stands for (mapped, 6to4, NAT64, compatible), else itself."""
    if any(address in network for network in _AROUND_IPV4) and int(address) > 1:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class CheckedResolver(AbstractResolver):
    """Looks names up and keeps only the addresses that calls may go to, so that a name cannot be turned inwards."""

    def __init__(self, allowed: Sequence[Network], inner: AbstractResolver | None = None) -> None:
        self._allowed = allowed
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The allowed addresses; OSError when there is none."""
        found = await self._inner.resolve(host, port, family)
        kept = [one for one in found if self._may(host, one["host"])]
        if not kept:
            raise OSError("the name leads to addresses that are not allowed")
        return kept

    async def close(self) -> None:
        """Let go of what the look-ups needed."""
        await self._inner.close()

    def _may(self, host: str, text: str) -> bool:
        return may_go_to(ipaddress.ip_address(text.partition("%")[0]), self._allowed, loopback=host == "localhost")


class Wire:
    """Connections to the receiver, opened on first use on the event loop that uses them."""

    def __init__(self, key: SigningKey, allowed: Sequence[Network]) -> None:
        self._key, self._allowed = key, allowed
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, url: str, message_id: str, at_s: int, body: bytes = b"") -> Answer:
        """Send one signed message, never follow a redirect, and read at most 1 MiB.

        Whoever calls sets the time limit. Raises BackEndFault when there is no answer.
        """
        headers = {"content-type": "application/json"} | self._key.headers(message_id, at_s, body)
        try:
            async with self._connections().request(
                method,
                url,
                data=body or None,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=None),
                allow_redirects=False,
            ) as response:
                return Answer(response.status, _object(await _bounded(response)))
        except (aiohttp.ClientError, OSError) as error:
            raise BackEndFault(
                f"The webhook's receiver did not answer ({type(error).__name__}); what it did is unknown."
            ) from error

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(resolver=CheckedResolver(self._allowed), force_close=True)
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False)
        return self._session


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for part in response.content.iter_any():
        data += part
        if len(data) > MAX_ANSWER:
            raise aiohttp.ClientPayloadError("the answer is too large")
    return bytes(data)


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
