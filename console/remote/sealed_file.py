"""A small secret in a file under a passphrase: argon2id for the key, ChaCha20-Poly1305 for the text, mode 0600.

For desks without a keyring, and only when their owner asks for it. The cost of guessing is in the file and bound to it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from console.domain.errors import EnvironmentFault, InputError, RefusedError
from console.proof.canonical import canonical

COST = {"memory_kib": 64 * 1024, "iterations": 3, "lanes": 4}
"""RFC 9106, second recommended setting."""
_MOST = {"memory_kib": 1024 * 1024, "iterations": 32, "lanes": 16}
_MAX_FILE = 64 * 1024
MIN_PASSPHRASE = 12


class WrongPassphrase(RefusedError):
    """The passphrase does not open the file; nothing was changed."""


def write_sealed(path: Path, secret: str, passphrase: str, randomness: Callable[[int], bytes]) -> None:
    """Writes `secret` to `path`, whole or not at all; `randomness(n)` gives n random bytes.

    Raises InputError for a passphrase under 12 characters, EnvironmentFault when the file cannot be written.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise InputError(f"The passphrase has {len(passphrase)} characters; use at least {MIN_PASSPHRASE}.")
    salt, nonce = randomness(16), randomness(12)
    head = {"v": 1, "kdf": "argon2id", **COST, "salt": salt.hex(), "nonce": nonce.hex()}
    box = ChaCha20Poly1305(_key(passphrase, salt, COST)).encrypt(nonce, secret.encode("utf-8"), canonical(head))
    text = json.dumps(head | {"box": base64.b64encode(box).decode("ascii")}, indent=1) + "\n"
    _replace(path, text.encode("ascii"))


def read_sealed(path: Path, passphrase: str) -> str:
    """The secret in `path`.

    Raises WrongPassphrase, InputError for a file that is not one of these, EnvironmentFault when it cannot be read.
    """
    head, box = _parse(path)
    salt, nonce = bytes.fromhex(head["salt"]), bytes.fromhex(head["nonce"])
    try:
        return ChaCha20Poly1305(_key(passphrase, salt, head)).decrypt(nonce, box, canonical(head)).decode("utf-8")
    except (InvalidTag, UnicodeDecodeError):
        raise WrongPassphrase(f"The passphrase does not open {path}, or the file was changed; try again.") from None


def _key(passphrase: str, salt: bytes, cost: dict[str, Any]) -> bytes:
    kdf = Argon2id(
        salt=salt, length=32, iterations=cost["iterations"], lanes=cost["lanes"], memory_cost=cost["memory_kib"]
    )
    return kdf.derive(passphrase.encode("utf-8"))


def _parse(path: Path) -> tuple[dict[str, Any], bytes]:
    wrong = InputError(f"{path} is not an identity file of this program; restore it from a backup or name another.")
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise EnvironmentFault(f"The identity file {path} cannot be read ({error.strerror}).") from error
    try:
        value = json.loads(data)
        box = base64.b64decode(value.pop("box"), validate=True)
        sizes = len(bytes.fromhex(value["salt"])), len(bytes.fromhex(value["nonce"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise wrong from None
    # A file from elsewhere must not make this machine spend a day, or all of its memory, on one guess.
    bounded = all(type(value.get(name)) is int and 0 < value[name] <= most for name, most in _MOST.items())
    known = set(value) == {"v", "kdf", "salt", "nonce", *_MOST} and value["v"] == 1 and value["kdf"] == "argon2id"
    if len(data) > _MAX_FILE or not bounded or not known or sizes != (16, 12):
        raise wrong
    return value, box


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise EnvironmentFault(f"The identity file {path} cannot be written ({error.strerror}).") from error
