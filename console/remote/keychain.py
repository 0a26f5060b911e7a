"""The system's own secret store, for short secrets such as a device key: one pinned back-end a system, or none.

The class is named in `_pinned_class` and nowhere else: neither the environment nor a configuration file can put another
in its place, so plaintext, null and alternative key stores cannot be reached. Every call runs on a thread of its own
with a deadline, because a locked keyring with a display asks its user and waits for ever. Nothing that is raised or
returned in error carries the secret.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from console.domain.errors import EnvironmentFault

T = TypeVar("T")

SERVICE = "incident-console"
DEADLINE_S = 3.0
MAX_CHARACTERS = 1280  # what Windows keeps
WITHOUT = "without one, keys live in memory for this session only, or in a file under a passphrase"

_turn = threading.Lock()  # a call that never returns keeps it: later ones give up instead of piling up threads


class KeychainUnavailable(EnvironmentFault):
    """There is no keyring here that can be trusted with a secret."""


class KeychainSilent(EnvironmentFault):
    """The keyring did not answer in time; it is probably locked. Whether the call took effect is unknown."""


class Backend(Protocol):
    """What is used of a back-end of the `keyring` library."""

    @property
    def priority(self) -> float: ...  # noqa: D102 - the names are the library's
    def get_password(self, service: str, username: str) -> str | None: ...  # noqa: D102
    def set_password(self, service: str, username: str, password: str) -> None: ...  # noqa: D102
    def delete_password(self, service: str, username: str) -> None: ...  # noqa: D102


def pinned_backend() -> Backend:
    """Open the back-end pinned for this system; talks to it, so only a worker may call this.

    Raises `KeychainUnavailable` when there is none or it is not recommended by its own priority.
    """
    try:
        kind = _pinned_class()
        if kind.priority >= 1:
            backend: Backend = kind()
            return backend
    except (ImportError, RuntimeError, OSError) as error:  # the library's ways to say that it cannot work here
        raise KeychainUnavailable(f"No keyring answers here ({error}); {WITHOUT}.") from error
    raise KeychainUnavailable(f"This system's keyring advises against itself; {WITHOUT}.")


def _pinned_class() -> Any:
    if sys.platform == "linux":  # GNOME Keyring, KeePassXC, KWallet (KDE Frameworks 5.97): all speak Secret Service
        from keyring.backends.SecretService import Keyring

        return Keyring
    if sys.platform == "darwin":
        from keyring.backends import macOS

        return macOS.Keyring
    if sys.platform == "win32":
        from keyring.backends.Windows import WinVaultKeyring

        return WinVaultKeyring
    raise KeychainUnavailable(f"No keyring is known for this system ({sys.platform}); {WITHOUT}.")


def describe_backend(
    deadline_s: float = DEADLINE_S, open_backend: Callable[[], Backend] = pinned_backend
) -> tuple[bool, str]:
    """Say whether secrets can be kept here, and in what, or why not; reads no secret and does not raise."""
    try:
        backend = _within(deadline_s, open_backend)
    except (KeychainUnavailable, KeychainSilent) as error:
        return False, error.sentence
    return True, f"{type(backend).__module__}.{type(backend).__qualname__}"


def store_secret(
    name: str, value: str, *, deadline_s: float = DEADLINE_S, open_backend: Callable[[], Backend] = pinned_backend
) -> None:
    """Keep `value` under `name` and read it back before returning.

    Raises `ValueError` for an empty value or one over 1,280 characters, `KeychainUnavailable` when it cannot be kept or
    comes back different, `KeychainSilent` after `deadline_s` seconds.
    """
    if not 0 < len(value) <= MAX_CHARACTERS:
        raise ValueError(f"a secret for the keyring has 1 to {MAX_CHARACTERS} characters, this one {len(value)}")

    def write_and_read_back() -> str | None:
        backend = open_backend()
        backend.set_password(SERVICE, name, value)
        return backend.get_password(SERVICE, name)

    if _within(deadline_s, write_and_read_back) != value:
        raise KeychainUnavailable(f"The keyring took the secret {name} but did not give it back; {WITHOUT}.")


def load_secret(
    name: str, *, deadline_s: float = DEADLINE_S, open_backend: Callable[[], Backend] = pinned_backend
) -> str | None:
    """Return the secret kept under `name`, None when there is none; raises as `store_secret` does."""
    return _within(deadline_s, lambda: open_backend().get_password(SERVICE, name))


def delete_secret(
    name: str, *, deadline_s: float = DEADLINE_S, open_backend: Callable[[], Backend] = pinned_backend
) -> None:
    """Forget the secret kept under `name`, if there is one; raises as `store_secret` does."""

    def delete() -> None:
        backend = open_backend()
        if backend.get_password(SERVICE, name) is not None:
            backend.delete_password(SERVICE, name)

    _within(deadline_s, delete)


def _within(deadline_s: float, call: Callable[[], T]) -> T:
    """Run `call` on a thread of its own; raise `KeychainSilent` when it has not answered after `deadline_s` seconds."""
    silent = KeychainSilent(f"The keyring did not answer within {deadline_s:g} s; unlock it and try again ({WITHOUT}).")
    until = time.monotonic() + deadline_s
    if not _turn.acquire(timeout=deadline_s):
        raise silent
    answers: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answer: tuple[T | None, Exception | None] = (call(), None)
        except Exception as error:  # noqa: BLE001 - raised again by the caller, on its own thread
            answer = (None, error)
        finally:
            _turn.release()
        answers.put(answer)

    threading.Thread(target=work, name="keychain", daemon=True).start()
    try:
        value, error = answers.get(timeout=max(0.0, until - time.monotonic()))
    except queue.Empty:
        raise silent from None
    if isinstance(error, EnvironmentFault):
        raise error
    if error is not None:  # what the libraries below raise is theirs and differs a system; its text holds no secret
        raise KeychainUnavailable(f"The keyring refused ({type(error).__name__}); {WITHOUT}.") from error
    return value  # type: ignore[return-value]
