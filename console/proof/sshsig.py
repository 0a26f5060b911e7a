"""OpenSSH file signatures (PROTOCOL.sshsig) with an Ed25519 key, for machines that have ssh-keygen and nothing else.

The armoured text has one spelling: a signature that is read back must write out to the same bytes, so that no flipped
bit in it goes unseen. The hash is always SHA-512, as ssh-keygen itself writes.
"""

from __future__ import annotations

import hashlib
import textwrap

from console.proof.base64_text import decode_base64, encode_base64
from console.proof.keys import SigningKey, verify_bytes
from console.proof.names import check_key_name

NAMESPACE = "file"
MAX_ARMOUR_BYTES = 4096
_MAGIC = b"SSHSIG"
_VERSION = (1).to_bytes(4, "big")
_KEY_TYPE = b"ssh-ed25519"
_HASH = b"sha512"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_LINE = 70
_SIGNATURE_BYTES = 64


def sign_ssh(message: bytes, key: SigningKey, namespace: str = NAMESPACE) -> str:
    """The armoured signature of `message`, to be checked with `ssh-keygen -Y verify -n NAMESPACE`."""
    return _armour(key.public_hex, namespace, key.sign(_signed_data(message, namespace)))


def verify_ssh(armoured: str, message: bytes, public_hex: str, namespace: str = NAMESPACE) -> bool:
    """Whether `armoured` is the signature of `public_hex` over `message` in `namespace`; malformed text is False."""
    lines = armoured.split("\n")
    if len(armoured) > MAX_ARMOUR_BYTES or lines[0] != _BEGIN or lines[-2:] != [_END, ""]:
        return False
    blob = decode_base64("".join(lines[1:-2]))
    if blob is None or len(blob) <= _SIGNATURE_BYTES:
        return False
    signature = blob[-_SIGNATURE_BYTES:]
    if _armour(public_hex, namespace, signature) != armoured:
        return False
    return verify_bytes(public_hex, _signed_data(message, namespace), signature)


def allowed_signers_line(name: str, public_hex: str) -> str:
    """A line of an allowed signers file that lets `name` sign files with this key; raises InputError for a bad name."""
    key = encode_base64(_wire_key(public_hex))
    return f'{check_key_name(name)} namespaces="{NAMESPACE}" {_KEY_TYPE.decode("ascii")} {key}\n'


def _signed_data(message: bytes, namespace: str) -> bytes:
    digest = hashlib.sha512(message).digest()
    return _MAGIC + b"".join(_string(part) for part in (namespace.encode("ascii"), b"", _HASH, digest))


def _armour(public_hex: str, namespace: str, signature: bytes) -> str:
    wire_signature = _string(_KEY_TYPE) + _string(signature)
    parts = (_wire_key(public_hex), namespace.encode("ascii"), b"", _HASH, wire_signature)
    blob = _MAGIC + _VERSION + b"".join(_string(part) for part in parts)
    body = textwrap.wrap(encode_base64(blob), _LINE)
    return "\n".join([_BEGIN, *body, _END, ""])


def _wire_key(public_hex: str) -> bytes:
    return _string(_KEY_TYPE) + _string(bytes.fromhex(public_hex))


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value
