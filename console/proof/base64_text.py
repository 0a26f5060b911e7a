"""Base64 with one spelling a value: text that decodes but would be written differently is refused.

Standard decoders pass over spare bits, line ends and missing padding, so a changed character could leave the value, and
with it every signature, intact; nothing read through here can be altered unseen.
"""

from __future__ import annotations

import base64
import binascii


def encode_base64(value: bytes) -> str:
    """Standard base64 with padding, on one line."""
    return base64.b64encode(value).decode("ascii")


def decode_base64(text: str) -> bytes | None:
    """The bytes that `encode_base64` writes as exactly `text`, or None when there are none."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if encode_base64(value) == text else None
