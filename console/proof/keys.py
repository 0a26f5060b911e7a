"""Ed25519 keys and the one way this product signs: over the 32 bytes SHA-256(0x00 || text).

The same digest, in hex, is the link of a chain and a Merkle leaf hash (RFC 6962), so a signature, a link and an
inclusion proof all speak of one value. Nothing here draws randomness: a key is made from a 32-byte seed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from console.domain.errors import InputError

SEED_BYTES = 32


def leaf_digest(text: bytes) -> bytes:
    """SHA-256(0x00 || text): what is signed, and what the next event of a chain names as its predecessor."""
    return hashlib.sha256(b"\x00" + text).digest()


def key_id(public_hex: str) -> str:
    """The identity of a device: SHA-256 of its raw public key, lower-case hex."""
    return hashlib.sha256(bytes.fromhex(public_hex)).hexdigest()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key made from a seed; `repr` never shows the secret."""

    seed: bytes = field(repr=False)
    _private: Ed25519PrivateKey = field(init=False, repr=False, compare=False)
    public_hex: str = field(init=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        """Derives the public half; raises InputError when the seed is not 32 bytes."""
        if len(self.seed) != SEED_BYTES:
            raise InputError(f"A signing key needs a seed of {SEED_BYTES} bytes, {len(self.seed)} were given.")
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        object.__setattr__(self, "_private", private)
        raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        object.__setattr__(self, "public_hex", raw.hex())
        object.__setattr__(self, "id", key_id(raw.hex()))

    def sign(self, message: bytes) -> bytes:
        """The raw 64-byte Ed25519 signature of exactly these bytes (notes, SSH signatures, DSSE)."""
        return self._private.sign(message)

    def sign_text(self, text: bytes) -> str:
        """Base64 signature over `leaf_digest(text)`: events, commands, approvals."""
        return base64.b64encode(self.sign(leaf_digest(text))).decode("ascii")


def verify_bytes(public_hex: str, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that of `public_hex` over exactly `message`; malformed keys and signatures are False."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex)).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_text(public_hex: str, text: bytes, signature_b64: str) -> bool:
    """The inverse of `SigningKey.sign_text`."""
    try:
        signature = base64.b64decode(signature_b64, validate=True)
    except (binascii.Error, ValueError):
        return False
    return verify_bytes(public_hex, leaf_digest(text), signature)


def public_pem(public_hex: str) -> str:
    """The key as a SubjectPublicKeyInfo PEM, for `openssl pkeyutl`."""
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex))
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode("ascii")
