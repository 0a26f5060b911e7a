"""Where a desk's own secrets are kept: its device key and the key that its evidence is encrypted to.

In the system's keyring; or, when the owner asks for it, in a file under a passphrase; or in memory for this session
only, and then it is said. Nothing is ever kept in plain text on the disk.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from console.domain.errors import InputError
from console.evidence.age import Identity, KeyFileError, new_identity
from console.proof.keys import SEED_BYTES, SigningKey
from console.remote.keychain import KeychainSilent, KeychainUnavailable, load_secret, store_secret
from console.remote.sealed_file import read_sealed, write_sealed

SEALED_FILE = "identity.sealed"
NAME_FILE = "identity.name"

IN_KEYRING = "in the system's keyring"
IN_FILE = "in a file under your passphrase"
IN_MEMORY = "in memory, for this session only"


class Keychain(Protocol):
    """The part of `remote.keychain` that is used, so that a test can stand in."""

    def load(self, name: str) -> str | None: ...  # noqa: D102
    def store(self, name: str, value: str) -> None: ...  # noqa: D102


class SystemKeychain:
    """The system's own."""

    def load(self, name: str) -> str | None:
        """The secret of that name, or None."""
        return load_secret(name)

    def store(self, name: str, value: str) -> None:
        """Keeps a secret under a name and reads it back."""
        store_secret(name, value)


@dataclass(frozen=True, slots=True)
class DeskIdentity:
    """The desk's secrets; `kept` says in words where, and `why` why not in the keyring ("" when it is)."""

    device_key: SigningKey = field(repr=False)
    evidence: Identity = field(repr=False)
    kept: str
    why: str = ""

    @property
    def lasting(self) -> bool:
        """Whether the same desk will be known again after a restart."""
        return self.kept != IN_MEMORY


def desk_identity(
    folder: Path,
    *,
    passphrase: str = "",
    keychain: Keychain | None = None,
    randomness: Callable[[int], bytes] = secrets.token_bytes,
) -> DeskIdentity:
    """The identity of the desk whose store lies in `folder`, made at its first start.

    With `passphrase` it is kept in a file in the folder (opt-in); a folder that has such a file needs it. Raises
    InputError when a passphrase is needed and missing, WrongPassphrase, and InputError for a kept secret that is none.
    """
    sealed = folder / SEALED_FILE
    if sealed.is_file():
        if not passphrase:
            raise InputError(f"The keys of this desk are in {sealed} under a passphrase; give the passphrase.")
        return _from_text(read_sealed(sealed, passphrase), IN_FILE)
    if passphrase:
        made = _new(randomness)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_sealed(sealed, _to_text(made), passphrase, randomness)
        return DeskIdentity(*made, IN_FILE)
    return _in_keyring(folder, keychain or SystemKeychain(), randomness)


def seal_identity(
    folder: Path,
    identity: DeskIdentity,
    passphrase: str,
    randomness: Callable[[int], bytes] = secrets.token_bytes,
) -> DeskIdentity:
    """Keeps an identity that lived in memory only in the file under a passphrase; the same desk comes back from it.

    Raises InputError for a short passphrase, EnvironmentFault when it cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_sealed(folder / SEALED_FILE, _to_text((identity.device_key, identity.evidence)), passphrase, randomness)
    return DeskIdentity(identity.device_key, identity.evidence, IN_FILE, identity.why)


def _in_keyring(folder: Path, keychain: Keychain, randomness: Callable[[int], bytes]) -> DeskIdentity:
    try:
        name = _name(folder, randomness)
        held = keychain.load(name)
        if held is not None:
            return _from_text(held, IN_KEYRING)
        made = _new(randomness)
        keychain.store(name, _to_text(made))
    except (KeychainUnavailable, KeychainSilent) as error:
        return DeskIdentity(*_new(randomness), IN_MEMORY, error.sentence)
    return DeskIdentity(*made, IN_KEYRING)


def _name(folder: Path, randomness: Callable[[int], bytes]) -> str:
    """The name of this store's secret: kept beside the store, so that it moves with it and two stores do not mix."""
    path = folder / NAME_FILE
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.is_file():
        path.write_text(f"desk-{randomness(16).hex()}\n", encoding="ascii")
    name = path.read_text(encoding="utf-8", errors="replace").strip()
    if not name.startswith("desk-") or not name.isascii() or len(name) > 64:
        raise InputError(f"{path} does not name an identity of this program; restore it from a backup.")
    return name


def _new(randomness: Callable[[int], bytes]) -> tuple[SigningKey, Identity]:
    return SigningKey(randomness(SEED_BYTES)), new_identity()


def _to_text(made: tuple[SigningKey, Identity]) -> str:
    return json.dumps({"v": 1, "device_seed": made[0].seed.hex(), "evidence": made[1].secret})


def _from_text(text: str, kept: str) -> DeskIdentity:
    try:
        value = json.loads(text)
        key = SigningKey(bytes.fromhex(value["device_seed"]))
        return DeskIdentity(key, Identity(value["evidence"]), kept)
    except (ValueError, KeyError, TypeError, InputError, KeyFileError):
        # `from None`: the text is the secret itself and must not travel in a traceback
        raise InputError(f"What is kept {kept} is not the identity of a desk; restore it from a backup.") from None
