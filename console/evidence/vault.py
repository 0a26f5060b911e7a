"""Evidence at rest on the desk: encrypted while it is copied in, decrypted only into memory.

A blob store that uses these two functions never holds plaintext, not even for a moment (design.md, *Sealed when*);
where files lie, fsync and rename are the store's business. Nothing here opens a path.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from console.evidence.age import Copied, Identity, PlaintextReader, Reader, Writer, encrypt


def encrypt_while_copying(source: Reader, sink: Writer, recipient: str) -> Copied:
    """Streams the plaintext `source` as age ciphertext for `recipient` (age1...) into `sink`.

    Returns SHA-256 and size of both; the ciphertext is complete only when this returns. Raises KeyFileError for a
    recipient that is none, EnvironmentFault when reading or writing fails.
    """
    return encrypt(source, sink, [[recipient]])


def open_plaintext(ciphertext: BinaryIO, identity: Identity) -> BinaryIO:
    """The plaintext of a blob as a stream, decrypted as it is read; closing it closes `ciphertext` too.

    Reading raises DecryptionError when the blob is damaged: what was read before is authentic, but not all of it.
    """
    return io.BufferedReader(PlaintextReader(ciphertext, [identity]))
