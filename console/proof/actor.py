"""Who does something: the name in the event, the role they act in, and their key where they must sign.

A key in here lives only as long as the person is signed in; it is never stored and `repr` never shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from console.domain.errors import RefusedError
from console.proof.keys import SigningKey


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (`ic@example.org`, or `local:NAME` on a desk that never enrolled) acting in `role` ("" for none)."""

    person: str
    role: str = ""
    key: SigningKey | None = field(default=None, repr=False, compare=False)

    def signing_key(self, what: str) -> SigningKey:
        """The person's key; raises RefusedError when they are not signed in, naming `what` needed it."""
        if self.key is None:
            raise RefusedError(f"{what} needs the signature of {self.person}; sign in with your passphrase first.")
        return self.key
