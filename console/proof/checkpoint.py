"""C2SP checkpoints: the size and root of one Merkle tree as a signed note, exact to the byte.

A note is what stock tools cut apart by line: origin, size, base64 root, an empty line, then a signature line
`— NAME BASE64(4-byte key id || 64-byte Ed25519 signature)`. What is signed is the text before the empty line, its last
newline included (c2sp.org/signed-note, c2sp.org/tlog-checkpoint). Extension lines are not written and not accepted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from console.domain.errors import InputError
from console.proof.base64_text import decode_base64, encode_base64
from console.proof.keys import SigningKey, verify_bytes
from console.proof.merkle import DIGEST_BYTES
from console.proof.names import check_key_name, check_origin

MAX_NOTE_BYTES = 16 * 1024
MAX_SIGNATURES = 16
_ED25519 = b"\x01"
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_SIGNATURE_BYTES = 64
_KEY_ID_BYTES = 4
_DASH = "\u2014"


class CheckpointError(InputError):
    """A checkpoint is malformed, or none of the keys that are trusted here signed it."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key under the name that it signs notes with; `public_hex` is 32 raw bytes."""

    name: str
    public_hex: str

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name || newline || 0x01 || key), as the signature line carries them."""
        raw = bytes.fromhex(self.public_hex)
        return hashlib.sha256(self.name.encode("utf-8") + b"\n" + _ED25519 + raw).digest()[:_KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's head: its `origin`, `size` in leaves and 32-byte `root`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The three signed lines."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the key's name, its 4-byte id, the 64-byte signature. Nothing of it is proven by parsing."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note cut apart: `text` is what was signed, its last newline included."""

    text: str
    signatures: tuple[NoteSignature, ...]


def sign_note(text: str, key: SigningKey, name: str) -> str:
    """The whole note: `text` (which ends in a newline), an empty line, one signature line under `name`.

    Raises InputError when the name may not sign or the text cannot be a note.
    """
    check_key_name(name)
    if not text.endswith("\n") or "\n\n" in text or text.startswith("\n"):
        raise InputError("A note must end in a newline and hold no empty line; nothing was signed.")
    blob = NoteKey(name, key.public_hex).id + key.sign(text.encode("utf-8"))
    return f"{text}\n{_DASH} {name} {encode_base64(blob)}\n"


def sign_checkpoint(origin: str, size: int, root: bytes, key: SigningKey, name: str) -> str:
    """The signed checkpoint of a tree; equal arguments give equal bytes (Ed25519 draws no randomness).

    Raises InputError for an origin or name that cannot be written, a negative size, a root that is not 32 bytes.
    """
    check_origin(origin)
    if not 0 <= size < 10**16 or len(root) != DIGEST_BYTES:
        raise InputError("A checkpoint needs the count of leaves and a root of 32 bytes; nothing was signed.")
    return sign_note(Checkpoint(origin, size, root).text(), key, name)


def parse_note(note: str) -> Note:
    """`note` cut into its text and signature lines; raises CheckpointError when it is not of that shape."""
    if len(note.encode("utf-8", "replace")) > MAX_NOTE_BYTES:
        raise CheckpointError(f"A signed note is larger than {MAX_NOTE_BYTES} bytes; it is refused.")
    text, gap, tail = note.partition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise CheckpointError("A signed note lacks the empty line before its signatures, or its last newline.")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise CheckpointError(f"A signed note carries {len(lines)} signatures; at most {MAX_SIGNATURES} are read.")
    return Note(text + "\n", tuple(_parse_signature(line) for line in lines))


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text: three lines and nothing else; raises CheckpointError saying what is wrong."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise CheckpointError("A checkpoint has three lines (origin, size, root); this one has others.")
    origin, size, encoded, _ = lines
    try:
        check_origin(origin)
    except InputError as error:
        raise CheckpointError(error.sentence) from error
    root = decode_base64(encoded)
    if not _SIZE.fullmatch(size) or root is None or len(root) != DIGEST_BYTES:
        raise CheckpointError("The size or the root of the checkpoint is not written as it must be; it is refused.")
    return Checkpoint(origin, int(size), root)


def verify_checkpoint(note: str, keys: Iterable[NoteKey]) -> tuple[Checkpoint, NoteKey]:
    """The checkpoint in `note` and the first of `keys` that signed it.

    Lines of keys not given are passed over, as the format demands, but a line that claims a given key and does not
    hold refuses the note. Raises CheckpointError when it is malformed or no given key signed it.
    """
    parsed = parse_note(note)
    known = {(key.name, key.id): key for key in keys}
    signer: NoteKey | None = None
    for line in parsed.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        if not verify_bytes(key.public_hex, parsed.text.encode("utf-8"), line.signature):
            raise CheckpointError(f"The signature of {key.name} on the checkpoint does not hold; the text was changed.")
        signer = signer or key
    if signer is None:
        names = ", ".join(line.name for line in parsed.signatures[:3])
        raise CheckpointError(f"The checkpoint is signed by {names}, none of whose keys are trusted here.")
    return parse_checkpoint(parsed.text), signer


def _parse_signature(line: str) -> NoteSignature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != _DASH:
        raise CheckpointError("A signature line of a note is not a dash, a name and a signature; it is refused.")
    blob = decode_base64(parts[2])
    if blob is None or len(blob) != _KEY_ID_BYTES + _SIGNATURE_BYTES:
        raise CheckpointError("A signature line of a note does not hold an Ed25519 signature; it is refused.")
    try:
        check_key_name(parts[1])
    except InputError as error:
        raise CheckpointError(error.sentence) from error
    return NoteSignature(parts[1], blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:])
