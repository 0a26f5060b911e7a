"""age encryption as a stream with counted and hashed ends; the one importer of pyrage.

Plaintext never touches a disk here: nested layers and readers are joined by pipes. A `PlaintextReader` runs a thread
until it is closed, so use it in a `with`. Bytes that came out before a fault are authentic, but only an end without a
fault says that they were all.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyrage

from console.domain.errors import EnvironmentFault, InputError

MAX_IDENTITY_FILE_BYTES = 64 * 1024
_PIPE_BUFFER = 256 * 1024
_NO_KEY = "No matching keys"


class KeyFileError(InputError):
    """A recipient or an identity cannot be read; exit code 2 of `verify`."""


class DecryptionError(InputError):
    """Ciphertext is damaged or cut short."""


class NotARecipientError(DecryptionError):
    """None of the identities given opens this ciphertext."""


class Reader(Protocol):
    """What a stream is read from."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Writer(Protocol):
    """What a stream is written to."""

    def write(self, data: bytes, /) -> object:
        """Takes all of `data`."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What went in and what came out: sizes in bytes, SHA-256 in hex, of the plaintext and of the ciphertext."""

    plain_sha256: str
    plain_bytes: int
    cipher_sha256: str
    cipher_bytes: int


@dataclass(frozen=True, slots=True)
class Identity:
    """An age X25519 identity; `recipient` is its public half, `repr` never shows the secret."""

    secret: str = field(repr=False)
    recipient: str = field(init=False)
    _native: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises KeyFileError when `secret` is not an X25519 identity; the secret is not repeated in the sentence."""
        try:
            native = pyrage.x25519.Identity.from_str(self.secret)
        except pyrage.IdentityError:
            raise KeyFileError("An identity is not an age X25519 secret key (AGE-SECRET-KEY-1...); check it.") from None
        object.__setattr__(self, "_native", native)
        object.__setattr__(self, "recipient", str(native.to_public()))


def new_identity() -> Identity:
    """A fresh identity from the operating system's randomness."""
    return Identity(str(pyrage.x25519.Identity.generate()))


def identity_file_text(identity: Identity) -> str:
    """The identity as the `age` program keeps it in a file."""
    return f"# public key: {identity.recipient}\n{identity.secret}\n"


def read_identity_file(path: Path) -> tuple[Identity, ...]:
    """The identities in an age identity file; raises KeyFileError when it is missing, unreadable or holds none."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_IDENTITY_FILE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise KeyFileError(f"The identity file {path} cannot be read ({reason}); check the path.") from error
    lines = [line.strip() for line in data.decode("ascii", "replace").splitlines()]
    secrets = [line for line in lines if line and not line.startswith("#")]
    if len(data) > MAX_IDENTITY_FILE_BYTES or not secrets:
        raise KeyFileError(f"The file {path} is not an age identity file; give the one that age-keygen wrote.")
    try:
        return tuple(Identity(secret) for secret in secrets)
    except KeyFileError as error:
        raise KeyFileError(f"The file {path} cannot be used: {error.sentence}") from None


def check_recipient(recipient: str) -> str:
    """`recipient` when it is an age X25519 public key (age1...); raises KeyFileError otherwise."""
    _native_recipient(recipient)
    return recipient


def encrypt(source: Reader, sink: Writer, layers: Sequence[Sequence[str]]) -> Copied:
    """Streams `source` through age into `sink`; `layers` hold recipients, innermost first, and one of each opens it.

    Raises KeyFileError for a recipient that is none, EnvironmentFault when `source` or `sink` fails.
    """
    natives = [[_native_recipient(recipient) for recipient in layer] for layer in layers]
    plain, cipher = _Counted(source), _CountedSink(sink)
    with ExitStack() as stack:
        reader: Reader = plain
        for native in natives[:-1]:
            reader = stack.enter_context(_Pipe(partial(_encrypt_layer, reader, recipients=native)))
        _encrypt_layer(reader, cipher, natives[-1])
    return Copied(plain.sha256, plain.count, cipher.sha256, cipher.count)


def decrypt(source: Reader, sink: Writer, identities: Sequence[Identity], layers: int = 1) -> Copied:
    """Streams the plaintext under `layers` layers of age into `sink`; any of `identities` may open each layer.

    Raises NotARecipientError when none of them does, DecryptionError when the ciphertext is damaged or cut short,
    EnvironmentFault when `source` or `sink` fails.
    """
    cipher, plain = _Counted(source), _CountedSink(sink)
    with ExitStack() as stack:
        reader: Reader = cipher
        for _ in range(layers - 1):
            reader = stack.enter_context(_Pipe(partial(_decrypt_layer, reader, identities=identities)))
        _decrypt_layer(reader, plain, identities)
    return Copied(plain.sha256, plain.count, cipher.sha256, cipher.count)


class PlaintextReader(io.RawIOBase):
    """The plaintext of `source` as a readable stream, decrypted as it is read; close it to end its thread.

    Reading raises what `decrypt` raises; `source` is taken over and closed with this.
    """

    def __init__(self, source: BinaryIO, identities: Sequence[Identity], layers: int = 1) -> None:
        super().__init__()
        self._source = source
        self._pipe = _Pipe(partial(decrypt, source, identities=identities, layers=layers))

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fills a part of `buffer`; 0 at the end of a plaintext that was complete."""
        view = memoryview(buffer).cast("B")
        data = self._pipe.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Ends the thread, whether or not all was read."""
        if not self.closed:
            self._pipe.close()
            self._source.close()
        super().close()


class _Pipe:
    """What `work` writes, to be read here; a fault of `work` is raised at the end of what it wrote, never swallowed."""

    def __init__(self, work: Callable[[Writer], object]) -> None:
        read_end, write_end = os.pipe()
        self._read_end = os.fdopen(read_end, "rb", _PIPE_BUFFER)
        self._fault: BaseException | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run, args=(write_end,), name="age-layer")
        self._thread.start()

    def __enter__(self) -> _Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, size: int = -1, /) -> bytes:
        data = self._read_end.read(size)
        if not data and size:
            self._thread.join()
            if self._fault is not None:
                raise self._fault
        return data

    def close(self) -> None:
        self._read_end.close()
        self._thread.join()

    def _run(self, write_end: int) -> None:
        try:
            with os.fdopen(write_end, "wb", _PIPE_BUFFER) as file:
                self._work(file)
        except BaseException as error:  # noqa: BLE001 - carried to the reader's thread and raised there
            self._fault = error


class _Counted:
    """A reader that counts and hashes what passes, and remembers why it failed: pyrage keeps only the words."""

    def __init__(self, source: Reader) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self.count = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        self.count += len(data)
        return data


class _CountedSink:
    """A writer that counts and hashes what passes."""

    def __init__(self, sink: Writer) -> None:
        self._sink = sink
        self._hash = hashlib.sha256()
        self.count = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes, /) -> int:
        self._sink.write(data)
        self._hash.update(data)
        self.count += len(data)
        return len(data)


class _Remembering:
    """Keeps the exception of a foreign end, which pyrage turns into its own error with nothing but the text."""

    def __init__(self, end: Any) -> None:
        self._end = end
        self.fault: BaseException | None = None

    def read(self, size: int = -1, /) -> bytes:
        return bytes(self._kept(self._end.read, size))

    def write(self, data: bytes, /) -> int:
        self._kept(self._end.write, data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here; pyrage asks at the end."""

    def _kept(self, act: Callable[[Any], Any], argument: object) -> Any:
        try:
            return act(argument)
        except BaseException as error:
            self.fault = error
            raise


def _encrypt_layer(source: Reader, sink: Writer, recipients: Sequence[Any]) -> None:
    ends = _Remembering(source), _Remembering(sink)
    try:
        pyrage.encrypt_io(*ends, list(recipients))
    except (pyrage.EncryptError, OSError) as error:
        _raise_foreign(ends)
        raise EnvironmentFault(f"age could not encrypt ({_short(error)}); nothing of it is kept, try again.") from error
    _raise_foreign(ends)  # what pyrage still had in its buffer is written at the very end, where it drops errors


def _decrypt_layer(source: Reader, sink: Writer, identities: Sequence[Identity]) -> None:
    ends = _Remembering(source), _Remembering(sink)
    try:
        pyrage.decrypt_io(*ends, [identity._native for identity in identities])
    except (pyrage.DecryptError, OSError) as error:
        _raise_foreign(ends)
        if _NO_KEY in str(error):
            raise NotARecipientError("None of the identities given opens the ciphertext.") from error
        raise DecryptionError(f"The ciphertext is damaged or cut short ({_short(error)}).") from error
    _raise_foreign(ends)


def _raise_foreign(ends: Sequence[_Remembering]) -> None:
    for end in ends:
        if isinstance(end.fault, OSError):
            full = end.fault.errno in (errno.ENOSPC, errno.EDQUOT)
            advice = "free some space and try again" if full else "check the disk and try again"
            raise EnvironmentFault(f"Reading or writing failed ({end.fault.strerror}); {advice}.") from end.fault
        if end.fault is not None:
            raise end.fault


def _native_recipient(recipient: str) -> Any:
    with suppress(pyrage.RecipientError):
        return pyrage.x25519.Recipient.from_str(recipient)
    raise KeyFileError(f"{recipient[:80]!a} is not an age recipient (age1...); give the public key of the holder.")


def _short(error: BaseException) -> str:
    return str(error)[:120]
