"""The newest event of a desk, kept in the system's keyring: what shows that its store is an older copy put back.

Best effort: without a keyring nothing is kept and nothing is compared, and no call lasts longer than its deadline.
"""

from __future__ import annotations

from pathlib import Path

from console.remote.identity_store import NAME_FILE, Keychain, SystemKeychain
from console.remote.keychain import KeychainSilent, KeychainUnavailable


class KeyringHead:
    """Kept beside the identity of the desk whose store lies in `folder`, under the same name."""

    def __init__(self, folder: Path, keychain: Keychain | None = None) -> None:
        self._file, self._keychain = folder / NAME_FILE, keychain or SystemKeychain()

    def load(self) -> str:
        """What was kept last, "" when nothing was or the keyring does not answer."""
        name = self._name()
        try:
            return (name and self._keychain.load(name)) or ""
        except (KeychainUnavailable, KeychainSilent):
            return ""

    def keep(self, text: str) -> None:
        """Keeps `text` in place of what was kept; does nothing when the keyring does not answer."""
        name = self._name()
        try:
            if name:
                self._keychain.store(name, text)
        except (KeychainUnavailable, KeychainSilent):
            return

    def _name(self) -> str:
        try:
            held = self._file.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""
        return f"{held}-head" if held.startswith("desk-") and held.isascii() and len(held) <= 64 else ""
