"""Where the token comes from that marks this desk's own probes: a file named in the settings, else the keyring.

It is read when it is needed and never written to a record, a log or a command line.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from console.domain.errors import InputError
from console.remote.keychain import KeychainSilent, KeychainUnavailable, load_secret

MAX_BYTES = 1024
_HERE = "this desk looks nowhere for itself until it has one"


def keyring_name(environment: str) -> str:
    """The name under which the keyring keeps the token of an environment."""
    return f"probe-token:{environment}"


def probe_token(environment: str, file: Path | None) -> str:
    """The token for `environment`; raises InputError with one sentence when there is none that may be used."""
    token = _from_file(file) if file is not None else _from_keyring(environment)
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"The probe token of {environment} is not one word of plain characters; {_HERE}.")
    return token


def _from_file(file: Path) -> str:
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe must not hold this thread
        with os.fdopen(handle, "rb") as opened:
            kind = os.fstat(handle)
            if not stat.S_ISREG(kind.st_mode):
                raise InputError(f"{file} is not a plain file, so no probe token is read from it; {_HERE}.")
            if os.name == "posix" and kind.st_mode & 0o077:
                raise InputError(f"{file} can be read by others; take that away (chmod 600), {_HERE}.")
            return opened.read(MAX_BYTES + 1)[:MAX_BYTES].decode("ascii", "replace").strip()
    except OSError as error:
        raise InputError(f"The probe token in {file} cannot be read: {error.strerror or error}; {_HERE}.") from error


def _from_keyring(environment: str) -> str:
    name = keyring_name(environment)
    try:
        token = load_secret(name)
    except (KeychainSilent, KeychainUnavailable) as error:
        raise InputError(f"No probe token of {environment} can be had: {error.sentence}") from error
    if token is None:
        raise InputError(f"The keyring holds no secret '{name}'; put the probe token of {environment} there, {_HERE}.")
    return token
