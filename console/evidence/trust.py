"""Trust anchors of a package: who may seal, which devices and persons may write custody, whose plane it is from.

They come from outside the package, always; nothing in a package can add a key to them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.domain.errors import InputError
from console.proof.checkpoint import NoteKey
from console.proof.keys import key_id
from console.proof.names import check_key_name, check_origin

TRUST_VERSION = 1
MAX_TRUST_BYTES = 8 * 1024 * 1024
_HEX64 = re.compile(r"[0-9a-f]{64}")
_MAX_TEXT = 200


class TrustError(InputError):
    """A trust file is missing, unreadable or malformed; exit code 2 of `verify`."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Someone who may seal: the name they sign under (a principal such as ic@example.org), key in hex, roles held."""

    name: str
    public_key: str
    roles: tuple[str, ...] = ()

    @property
    def note_key(self) -> NoteKey:
        """The key as checkpoints name it."""
        return NoteKey(self.name, self.public_key)


@dataclass(frozen=True, slots=True)
class Trust:
    """The anchors: plane's `origin`, organisation root key ("" when there is none), signers, devices and persons.

    `devices` maps a device id to its public key, `persons` a person's name in the record to theirs; keys are hex.
    """

    origin: str
    root_public_key: str
    signers: tuple[Signer, ...]
    devices: Mapping[str, str]
    persons: Mapping[str, str]

    @classmethod
    def from_file(cls, path: Path) -> Trust:
        """The anchors in `path`; raises TrustError saying what is wrong with the file and where."""
        try:
            with path.open("rb") as file:
                data = file.read(MAX_TRUST_BYTES + 1)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise TrustError(f"The trust file {path} cannot be read ({reason}); check the path.") from error
        if len(data) > MAX_TRUST_BYTES:
            raise TrustError(f"The trust file {path} is larger than {MAX_TRUST_BYTES} bytes; it is not one.")
        try:
            value = json.loads(data.decode("utf-8"))
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise TrustError(f"The trust file {path} is not JSON; get it again from whom you trust.") from error
        try:
            return cls.from_object(value)
        except InputError as error:
            raise TrustError(f"The trust file {path} is not usable: {error.sentence}") from error

    @classmethod
    def from_object(cls, value: object) -> Trust:
        """The inverse of `trust_object`; raises TrustError naming the member that is wrong."""
        if not isinstance(value, dict) or value.get("v") != TRUST_VERSION:
            raise TrustError(f"it is not a trust object of version {TRUST_VERSION}.")
        root = _text(value, "root_public_key")
        if root:
            _check_key(root, "root_public_key")
        signers = tuple(_signer(row) for row in _rows(value, "signers"))
        devices = {_device(row): _text(row, "public_key") for row in _rows(value, "devices")}
        persons: dict[str, str] = {}
        for row in _rows(value, "persons"):
            person, key = _text(row, "person"), _check_key(_text(row, "public_key"), "persons")
            if not person or persons.setdefault(person, key) != key:
                raise TrustError("a person has no name or two keys; keep the one in force.")
        return cls(check_origin(_text(value, "origin")), root, signers, devices, persons)

    def device_key(self, device: str) -> str:
        """The public key of a device id, the organisation root's included, or "" when it is not trusted."""
        if self.root_public_key and device == key_id(self.root_public_key):
            return self.root_public_key
        return self.devices.get(device, "")


def trust_object(
    *,
    origin: str,
    root_public_key: str,
    signers: Iterable[Signer],
    devices: Iterable[str],
    persons: Mapping[str, str],
) -> dict[str, Any]:
    """The object to write as trust.json; `devices` are public keys in hex, `persons` maps a name to a public key.

    Raises TrustError or InputError when a member could not be read back.
    """
    value = {
        "v": TRUST_VERSION,
        "origin": origin,
        "root_public_key": root_public_key,
        "signers": [{"name": s.name, "public_key": s.public_key, "roles": list(s.roles)} for s in signers],
        "devices": [{"device": key_id(_check_key(key, "devices")), "public_key": key} for key in devices],
        "persons": [{"person": person, "public_key": key} for person, key in persons.items()],
    }
    Trust.from_object(value)
    return value


def _signer(row: Mapping[str, Any]) -> Signer:
    roles = row.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) and len(role) <= _MAX_TEXT for role in roles):
        raise TrustError("the roles of a signer are not a list of names.")
    return Signer(check_key_name(_text(row, "name")), _check_key(_text(row, "public_key"), "signers"), tuple(roles))


def _device(row: Mapping[str, Any]) -> str:
    device, key = _text(row, "device"), _check_key(_text(row, "public_key"), "devices")
    if device != key_id(key):
        raise TrustError(f"the device {device[:16]!a} is not the hash of its public key.")
    return device


def _rows(value: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    rows = value.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TrustError(f"'{name}' is not a list of objects.")
    return rows


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        raise TrustError(f"'{name}' is missing or not a text of at most {_MAX_TEXT} characters.")
    return text


def _check_key(key: str, where: str) -> str:
    if not _HEX64.fullmatch(key):
        raise TrustError(f"a public key under '{where}' is not 64 lower-case hex digits.")
    return key
