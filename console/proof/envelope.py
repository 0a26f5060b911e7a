"""The event envelope: the one shape of everything that happens, signed once and stored as signed for ever.

The bytes that were signed are the bytes that are kept, sent and shown; nothing here re-serialises a received event.
The field list is design.md's and does not change; a new kind of event is a new `type` with its own `schema_v`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from console.domain.errors import InputError
from console.proof.canonical import canonical, parse_canonical
from console.proof.keys import SigningKey, leaf_digest, verify_text

ENVELOPE_VERSION = 1
MAX_EVENT_BYTES = 64 * 1024
FIRST_PREV_HASH = "0" * 64
SYSTEM = "system"

_HEX64 = re.compile(r"[0-9a-f]{64}")
_HLC = re.compile(r"[0-9a-f]{16}")
_TYPE = re.compile(r"[a-z][a-z_]{0,31}\.[a-z][a-z_]{0,31}")
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MAX_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One event before it is signed; field meanings are design.md's *Event envelope*.

    `incident` is a UUIDv7 or "system"; `device` the SHA-256 of the device key; `seq` counts from 1 in the chain
    (device, incident, incarnation); `prev_hash` is 64 zeros at first; `hlc` 16 hex digits; `seen_gpos` the server
    position the author had seen (0: none); absent text is "".
    """

    type: str
    schema_v: int = 1
    event_id: str
    incident: str
    device: str
    incarnation: int
    seq: int
    prev_hash: str
    actor: str
    role: str
    policy_hash: str
    hlc: str
    seen_gpos: int
    exercise: bool
    body: Mapping[str, Any]
    v: int = ENVELOPE_VERSION

    def canon(self) -> bytes:
        """The canonical bytes to sign; raises InputError when a field is malformed or the event exceeds 64 KiB."""
        _check_fields(self)
        data = canonical({name: getattr(self, name) for name in FIELD_NAMES})
        if len(data) > MAX_EVENT_BYTES:
            raise InputError(
                f"The event '{self.type}' is {len(data)} bytes; at most {MAX_EVENT_BYTES} fit, move text into an item."
            )
        return data

    @property
    def chain(self) -> tuple[str, str, int]:
        """(device, incident, incarnation), the chain this event belongs to."""
        return (self.device, self.incident, self.incarnation)


FIELD_NAMES = tuple(field.name for field in fields(Envelope))
_KINDS: dict[str, type] = {
    "v": int, "type": str, "schema_v": int, "event_id": str, "incident": str, "device": str, "incarnation": int,
    "seq": int, "prev_hash": str, "actor": str, "role": str, "policy_hash": str, "hlc": str, "seen_gpos": int,
    "exercise": bool, "body": Mapping,
}  # fmt: skip


_NAMES = frozenset(FIELD_NAMES)
_PARSED_KINDS = tuple((name, dict if kind is Mapping else kind) for name, kind in _KINDS.items())


@dataclass(frozen=True)
class SignedEvent:
    """An event as it is stored and sent: the signed text and its signatures (base64); `person_sig` "" when absent."""

    canon: str
    sig: str
    person_sig: str = ""

    @cached_property
    def hash(self) -> str:
        """The link value of this event: hex of SHA-256(0x00 || canon)."""
        return leaf_digest(self.canon.encode("utf-8")).hex()

    @cached_property
    def envelope(self) -> Envelope:
        """The parsed event; raises InputError when the text is malformed."""
        return parse_envelope(self.canon.encode("utf-8"))

    @cached_property
    def proven_by(self) -> str:
        """The public key (hex) with which its device's signature was found to hold, "" when it was not judged."""
        return ""

    def signed_by(self, public_hex: str) -> bool:
        """Whether the device's signature is that of this key."""
        return self.proven_by == public_hex != "" or verify_text(public_hex, self.canon.encode("utf-8"), self.sig)

    def wire(self) -> dict[str, str]:
        """The object on the wire and in exports; `person_sig` only when there is one."""
        out = {"canon": self.canon, "sig": self.sig}
        return out | {"person_sig": self.person_sig} if self.person_sig else out

    def verify(self, device_public: str, person_public: str = "") -> bool:
        """Whether the device signature holds, and the person's too when either a key or a signature is present."""
        text = self.canon.encode("utf-8")
        if not verify_text(device_public, text, self.sig):
            return False
        if not self.person_sig and not person_public:
            return True
        return bool(person_public) and verify_text(person_public, text, self.person_sig)


def trusted_envelope(canon: str) -> Envelope:
    """The envelope in a text whose form was judged before; far quicker than judging it again."""
    return Envelope(**json.loads(canon))


def judged_event(
    canon: str, sig: str, person_sig: str, text_hash: str, members: Mapping[str, Any], proven_by: str = ""
) -> SignedEvent:
    """An event whose form and hash were judged before by this program; its place was not.

    `members` are those of its envelope. `proven_by` is the public key (hex) with which its signature was found to hold,
    "" when that was not looked at; whether it is the key of its device was not judged.
    """
    signed = SignedEvent(canon, sig, person_sig)
    signed.__dict__.update(hash=text_hash, envelope=Envelope(**members), proven_by=proven_by)
    return signed


def sign(envelope: Envelope, device_key: SigningKey, person_key: SigningKey | None = None) -> SignedEvent:
    """Signs `envelope`; raises InputError when it is malformed or names another device than the key's."""
    if envelope.device != device_key.id:
        raise InputError("The event names another device than the key that would sign it; it is refused.")
    text = envelope.canon()
    return SignedEvent(
        text.decode("utf-8"), device_key.sign_text(text), person_key.sign_text(text) if person_key else ""
    )


def parse_envelope(data: bytes) -> Envelope:
    """The envelope written in canonical `data`; raises InputError saying which field is wrong."""
    if len(data) > MAX_EVENT_BYTES:
        raise InputError(f"The event is {len(data)} bytes; at most {MAX_EVENT_BYTES} are accepted.")
    value = parse_canonical(data)
    if value.keys() != _NAMES:
        missing, unknown = set(FIELD_NAMES) - set(value), set(value) - set(FIELD_NAMES)
        raise InputError(
            f"The event envelope lacks {sorted(missing)} and has unknown {sorted(unknown)}; it is refused."[:300]
        )
    for name, kind in _PARSED_KINDS:
        if type(value[name]) is not kind:  # a bool is no number here, and JSON has no other kinds
            raise InputError(f"The event's field '{name}' is not of the designed kind; it is refused.")
    envelope = Envelope(**value)
    _check_fields(envelope)
    return envelope


def _is_well_formed(event: Envelope) -> bool:
    """What `_check_fields` looks at, without saying which field it is."""
    return (
        event.v == ENVELOPE_VERSION
        and event.schema_v >= 1 <= event.incarnation
        and event.seq >= 1
        and event.seen_gpos >= 0
        and 0 < len(event.actor) <= _MAX_NAME >= len(event.role)
        and (event.seq == 1) == (event.prev_hash == FIRST_PREV_HASH)
        and _HEX64.fullmatch(event.device) is not None
        and _HEX64.fullmatch(event.prev_hash) is not None
        and _HLC.fullmatch(event.hlc) is not None
        and _UUID7.fullmatch(event.event_id) is not None
        and (event.incident == SYSTEM or _UUID7.fullmatch(event.incident) is not None)
        and (event.policy_hash == "" or _HEX64.fullmatch(event.policy_hash) is not None)
        and _TYPE.fullmatch(event.type) is not None
    )


def _check_fields(event: Envelope) -> None:
    if _is_well_formed(event):
        return
    checks = {
        "v": event.v == ENVELOPE_VERSION,
        "type": _TYPE.fullmatch(event.type) is not None,
        "schema_v": event.schema_v >= 1,
        "event_id": _UUID7.fullmatch(event.event_id) is not None,
        "incident": event.incident == SYSTEM or _UUID7.fullmatch(event.incident) is not None,
        "device": _HEX64.fullmatch(event.device) is not None,
        "incarnation": event.incarnation >= 1,
        "seq": event.seq >= 1,
        "prev_hash": _HEX64.fullmatch(event.prev_hash) is not None
        and (event.seq == 1) == (event.prev_hash == FIRST_PREV_HASH),
        "actor": 0 < len(event.actor) <= _MAX_NAME,
        "role": len(event.role) <= _MAX_NAME,
        "policy_hash": event.policy_hash == "" or _HEX64.fullmatch(event.policy_hash) is not None,
        "hlc": _HLC.fullmatch(event.hlc) is not None,
        "seen_gpos": event.seen_gpos >= 0,
    }
    for name, good in checks.items():
        if not good:
            raise InputError(f"The event's field '{name}' is malformed; the event is refused.")
