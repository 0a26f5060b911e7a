"""The access token, kept in memory only and shared by all connections of one desk; `repr` never shows it.

A token is asked for by the device's signature; asking twice at once gives both askers the same answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from console.proof.keys import SigningKey


class TokenKeeper:
    """Holds the token of one device; `nonce` gives 64 fresh hex digits each time."""

    def __init__(self, device_key: SigningKey, nonce: Callable[[], str]) -> None:
        self.device_key, self.nonce = device_key, nonce
        self._token = ""
        self._renewing = threading.Lock()

    def __repr__(self) -> str:
        return f"TokenKeeper(device={self.device_key.id[:12]}, held={bool(self._token)})"

    @property
    def token(self) -> str:
        """The token as last given, "" before the first."""
        return self._token

    def drop(self, refused: str) -> None:
        """Forgets a token that the plane refused, unless another one is held already."""
        if self._token == refused:
            self._token = ""

    def renew(self, ask: Callable[[], str]) -> str:
        """The token that is held, which may be one that another thread has just fetched, or what `ask` brings.

        Raises what `ask` raises; then none is held.
        """
        with self._renewing:
            if not self._token:
                self._token = ask()
            return self._token
