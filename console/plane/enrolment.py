"""Letting a device in by an invitation of the root: one code, one device, both keys proven, each wrong code counted.

The root has decided beforehand whom it lets in; the plane only finds that somebody holds the code. The same device
with the same code gets the same answer again, so a lost answer costs nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from console.domain.errors import InputError
from console.domain.times import parse_utc
from console.plane.db import Transaction
from console.plane.identities import Identities, Invite
from console.plane.record import Record
from console.proof.canonical import canonical, nfc
from console.proof.envelope import SYSTEM
from console.proof.journal import enrol_subject
from console.proof.keys import key_id, verify_text
from console.proof.points import is_sound_key
from console.protocol.limits import DEFAULT_LIMITS
from console.protocol.messages import EnrolRequest
from console.protocol.problems import Problem

WRONG_CODES = 10
"""Wrong codes from one address within WINDOW_S before it has to wait."""
WINDOW_S = 60.0
_ADDRESSES = 1000

WRONG = "No open invitation has this code; check it, or ask whoever holds the root key for another."


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Who a device is from now on: its id, the person it belongs to, and the roles the invitation named."""

    device: str
    person: str
    roles: tuple[str, ...]


class WrongCodes:
    """Counts wrong codes by peer address, in memory; `seconds` of a clock that only goes forward."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {}

    def must_wait(self, address: str, seconds: float) -> bool:
        """Whether this address tried too many wrong codes within the last minute."""
        tries = self._seen.get(address, deque())
        while tries and tries[0] <= seconds - WINDOW_S:
            tries.popleft()
        return len(tries) >= WRONG_CODES

    def count(self, address: str, seconds: float) -> None:
        """One more wrong code from there; the address heard of longest ago makes room."""
        tries = self._seen.pop(address, deque(maxlen=WRONG_CODES))
        tries.append(seconds)
        self._seen[address] = tries
        while len(self._seen) > _ADDRESSES:
            del self._seen[next(iter(self._seen))]


def wrong_code(request: EnrolRequest, identities: Identities) -> bool:
    """Whether no invitation was ever signed for this code: what `WrongCodes` counts."""
    return identities.invite_for(request.code) is None


def enrol(tx: Transaction, record: Record, request: EnrolRequest, now: datetime) -> Enrolled | Problem:
    """Write who came by the invitation that the code opens, or say why nobody does."""
    known, device = record.known(tx), key_id(request.device_public_key)
    invite = known.invite_for(request.code)
    problem = _proof_problem(request, device, now) or _invite_problem(request, device, invite, known, now)
    if problem is not None or invite is None:
        return problem or Problem("forbidden", WRONG)
    if not invite.device:
        _write(tx, record, request, device, invite)
    return Enrolled(device, invite.person, invite.roles)


def _proof_problem(request: EnrolRequest, device: str, now: datetime) -> Problem | None:
    try:
        distance = abs((parse_utc(request.time) - now).total_seconds())
    except InputError as error:
        return Problem("malformed", error.sentence)
    keys = (request.device_public_key, request.person_public_key)
    if not all(is_sound_key(key) for key in keys if key):
        return Problem("malformed", "A key in this request proves nothing (no proper point of Ed25519); make another.")
    subject = canonical(enrol_subject(request.code, device, request.person_public_key, request.time))
    if not verify_text(request.device_public_key, subject, request.sig):
        return Problem("forbidden", "The device did not sign this request; sign it with the key that is enrolled.")
    if request.person_public_key and not verify_text(request.person_public_key, subject, request.person_sig):
        return Problem("forbidden", "The person did not sign this request; sign it with the key that is enrolled.")
    skew = DEFAULT_LIMITS.clock_skew_s
    if distance > skew:
        return Problem(
            "forbidden", f"The request's time is {distance:.0f} s off, more than {skew} s; set the desk's clock."
        )
    return None


def _invite_problem(
    request: EnrolRequest, device: str, invite: Invite | None, known: Identities, now: datetime
) -> Problem | None:
    if invite is None:
        return Problem("forbidden", WRONG)
    if device in known.revoked_devices or device in (known.plane_device, known.root_device):
        return Problem("forbidden", "This device can not be enrolled; make another device key and use another code.")
    if invite.void or (invite.device and invite.person in known.revoked_persons):
        return Problem("forbidden", "The invitation was taken back with the person it was for; ask for another.")
    if invite.device:
        same = (device, request.person_public_key) == (invite.device, invite.person_key)
        same = same or (device == invite.device and not request.person_public_key)
        return None if same else Problem("forbidden", "This code was used before, and works once; ask for another.")
    if parse_utc(invite.expires) <= now:
        return Problem("forbidden", f"The invitation ended at {invite.expires}; ask for another.")
    return None


def _write(tx: Transaction, record: Record, request: EnrolRequest, device: str, invite: Invite) -> None:
    body = {
        "device": device,
        "public_key": request.device_public_key,
        "label": nfc(request.label) or invite.label,
        "person": invite.person,
        "invite": invite.event_id,
        "code": request.code,
    }
    record.write(tx, "device.enrolled", SYSTEM, body)
    if request.person_public_key:
        body = {
            "person": invite.person,
            "public_key": request.person_public_key,
            "display_name": invite.display_name,
            "invite": invite.event_id,
        }
        record.write(tx, "person.enrolled", SYSTEM, body)
