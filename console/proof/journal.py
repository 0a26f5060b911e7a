"""The server's order as a chain of its own, and the two small documents signed around it: receipts and token requests.

Plane and desk call the same functions, so one of them cannot mean something else by a position than the other. Nothing
here is ever signed twice differently: the receipt of an event is the same bytes for ever (Ed25519 is deterministic).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from console.domain.errors import InputError
from console.proof.canonical import canonical
from console.proof.keys import SigningKey, leaf_digest, verify_text

EMPTY_JOURNAL_HASH = "0" * 64
"""The hash of a journal that holds nothing: position 0."""

ACCEPTED, REJECTED = "accepted", "rejected"
_STATUS_BYTE = {True: b"\x01", False: b"\x00"}
_PREFIX = b"\x02"
_DIGEST_BYTES = 32


def journal_hash(previous_hex: str, event_hash_hex: str, accepted: bool) -> str:
    """The journal's hash after one more entry: hex of SHA-256(0x02 || previous || event hash || status byte).

    The status byte is 0x01 for accepted and 0x00 for rejected, so that neither can be turned into the other later.
    Raises InputError when a hash is not 64 lower-case hex digits.
    """
    return hashlib.sha256(_PREFIX + _raw(previous_hex) + _raw(event_hash_hex) + _STATUS_BYTE[accepted]).hexdigest()


def journal_leaf(event_hash_hex: str, accepted: bool) -> bytes:
    """The leaf digest of one journal entry in the plane's RFC 6962 tree: position n of the journal is leaf n - 1.

    The leaf is the event hash and the status byte of `journal_hash`, so a checkpoint binds verdicts too. Raises
    InputError when the hash is not 64 lower-case hex digits.
    """
    return leaf_digest(_raw(event_hash_hex) + _STATUS_BYTE[accepted])


def journal_hashes(previous_hex: str, entries: Iterable[tuple[str, bool]]) -> list[str]:
    """As `journal_hash` after each of `entries` (event hash, accepted) in a row, at a third of the time."""
    found, at = list[str](), _raw(previous_hex)
    for text_hash, accepted in entries:
        at = hashlib.sha256(_PREFIX + at + _raw(text_hash) + _STATUS_BYTE[accepted]).digest()
        found.append(at.hex())
    return found


def enrol_subject(code: str, device: str, person_key: str, time: str) -> dict[str, object]:
    """What a device signs to be enrolled: the one-time code, its own id, the person's public key ("" for none), UTC.

    The person's key signs the same text where there is one, so that nobody enrols a key they do not hold.
    """
    return {"kind": "enrol", "code": code, "device": device, "person_key": person_key, "time": time}


def receipt_object(event_id: str, event_hash: str, status: str, gpos: int, epoch: str) -> dict[str, object]:
    """What the plane signs about one event: `status` "accepted" or "rejected", `gpos` its journal position from 1.

    Raises InputError for another status.
    """
    if status not in (ACCEPTED, REJECTED):
        raise InputError(f"A receipt says accepted or rejected, not '{status[:40]}'.")
    return {"kind": "receipt", "event_id": event_id, "hash": event_hash, "status": status, "gpos": gpos, "epoch": epoch}


def sign_receipt(plane_key: SigningKey, receipt: dict[str, object]) -> str:
    """The plane's base64 signature over the canonical receipt."""
    return plane_key.sign_text(canonical(receipt))


def verify_receipt(plane_public_hex: str, receipt: dict[str, object], server_sig: str) -> bool:
    """Whether `server_sig` is the plane's over exactly this receipt; malformed keys and signatures are False."""
    return verify_text(plane_public_hex, canonical(receipt), server_sig)


def token_subject(device: str, nonce: str, time: str, origin: str) -> dict[str, object]:
    """What a device signs to be given an access token: its id, a fresh 64-digit nonce, its UTC time, the origin.

    The origin is inside, so that one plane cannot use a request at another.
    """
    return {"kind": "token", "device": device, "nonce": nonce, "time": time, "origin": origin}


def sign_token_request(device_key: SigningKey, nonce: str, time: str, origin: str) -> str:
    """The device's base64 signature over the canonical `token_subject` of its own id."""
    return device_key.sign_text(canonical(token_subject(device_key.id, nonce, time, origin)))


def verify_token_request(device_public_hex: str, subject: dict[str, object], sig: str) -> bool:
    """Whether `sig` is the device's over this `token_subject`; freshness and replay are the caller's to judge."""
    return verify_text(device_public_hex, canonical(subject), sig)


def _raw(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError as error:
        raise InputError(f"'{text[:80]}' is not a SHA-256 in lower-case hex.") from error
    if len(raw) != _DIGEST_BYTES or raw.hex() != text:
        raise InputError(f"'{text[:80]}' is not a SHA-256 in lower-case hex.")
    return raw
