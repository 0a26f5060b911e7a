"""Who may talk: short access tokens for devices that prove they hold a certified key.

A token says who may talk; what an event or an order is worth is decided by its own signatures. Tokens live in memory as
hashes and are gone when the plane restarts; a desk then asks once more. Used nonces are in the database, so that a
restart opens no window for a replay.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select

from console.domain.errors import InputError
from console.domain.times import format_utc, parse_utc
from console.plane.db import Transaction
from console.plane.identities import Identities
from console.plane.tables import NONCE
from console.proof.journal import token_subject, verify_token_request
from console.protocol.limits import DEFAULT_LIMITS
from console.protocol.messages import TokenRequest
from console.protocol.problems import Problem

_MAX_TOKENS = 10_000
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Grant:
    """A fresh token and its end."""

    token: str
    expires: datetime


class Tokens:
    """The tokens in use: `grant` one, ask `device_of`."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, datetime]] = {}

    def grant(self, device: str, now: datetime) -> Grant:
        """A new token for `device`; when there are too many, the oldest goes."""
        for digest in [digest for digest, (_, end) in self._held.items() if end <= now]:
            del self._held[digest]
        while len(self._held) >= _MAX_TOKENS:
            del self._held[next(iter(self._held))]
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        expires = now + timedelta(seconds=DEFAULT_LIMITS.token_ttl_s)
        self._held[_digest(token)] = (device, expires)
        return Grant(token, expires)

    def device_of(self, token: str, now: datetime) -> str:
        """The device a token was given to, "" when it is unknown or over."""
        device, end = self._held.get(_digest(token), ("", now))
        return device if end > now else ""

    def turn_away(self, is_revoked: Callable[[str], object]) -> None:
        """Forget the tokens of every device that `is_revoked`."""
        for digest in [digest for digest, (device, _) in self._held.items() if is_revoked(device)]:
            del self._held[digest]


def token_problem(request: TokenRequest, identities: Identities, origin: str, now: datetime) -> Problem | None:
    """Why a token request is refused, replay aside; the answer does not tell an unknown device from a wrong key."""
    skew = DEFAULT_LIMITS.clock_skew_s
    try:
        distance = abs((parse_utc(request.time) - now).total_seconds())
    except InputError as error:
        return Problem("malformed", error.sentence)
    if request.origin != origin:
        return Problem("wrong_world", f"This request is meant for {request.origin[:80]}; this plane is {origin}.")
    subject = token_subject(request.device, request.nonce, request.time, request.origin)
    if not verify_token_request(identities.device_key(request.device), subject, request.sig):
        return Problem("unauthenticated", "No certified device signed this request; have the device certified first.")
    revoked = identities.revocation(request.device)
    if revoked:
        return Problem("forbidden", revoked)
    if distance > skew:
        return Problem(
            "unauthenticated", f"The request's time is {distance:.0f} s off, more than {skew} s; set the desk's clock."
        )
    return None


def use_nonce(tx: Transaction, nonce: str, now: datetime) -> bool:
    """Mark a nonce as used; False when it was used before."""
    tx.connection.execute(delete(NONCE).where(NONCE.c.expires < format_utc(now)))
    if tx.connection.execute(select(NONCE.c.nonce).where(NONCE.c.nonce == nonce)).first() is not None:
        return False
    end = now + timedelta(seconds=2 * DEFAULT_LIMITS.clock_skew_s)
    tx.connection.execute(insert(NONCE).values(nonce=nonce, expires=format_utc(end)))
    return True


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
