"""Who works at this desk and in which world; made by whoever composes the program, read by every panel.

A key in here lives only as long as the person is signed in. Nothing of it is ever stored by the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from console.proof.actor import Actor
from console.proof.keys import SigningKey

if TYPE_CHECKING:
    from console.runtime.joining import Joined, Meeting


class Sitter(Protocol):
    """One of the people whose key is kept on this desk: `person` is the id, `roles` those of their invitation."""

    @property
    def person(self) -> str: ...  # noqa: D102
    @property
    def display_name(self) -> str: ...  # noqa: D102
    @property
    def roles(self) -> tuple[str, ...]: ...  # noqa: D102


class Door(Protocol):
    """Meeting a plane, joining it, unlocking a person's key: every call blocks and belongs on a worker."""

    @property
    def can_unlock(self) -> bool: ...  # noqa: D102
    def meet(self, url: str) -> Meeting: ...  # noqa: D102
    def join(self, met: Meeting, code: str, passphrase: str) -> Joined: ...  # noqa: D102
    def people(self) -> tuple[Sitter, ...]: ...  # noqa: D102
    def unlock(self, person: str, passphrase: str) -> SigningKey: ...  # noqa: D102
    def add(self, met: Meeting, code: str, passphrase: str) -> Joined: ...  # noqa: D102


class EvidenceIdentity(Protocol):
    """The desk's own age identity: what captured evidence is encrypted to."""

    @property
    def recipient(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Openers:
    """Who can open a sealed package besides this desk: age recipients (age1...) of custodian and escrow."""

    custodian: str
    escrow: str


@dataclass
class Session:
    """One sitting at the desk.

    `person` is who sits here, signed in or not: `ic@example.org`, or `local:NAME` on a desk that never enrolled.
    `roles` are those of the invitation until the record says which are held now; `lent` which of them until when.
    `origin` is the plane's, what names the world to a person ("" alone). `key` is the person's, None while locked or
    without one. `kept` says where the desk's own keys are. `evidence_identity` is an `age.Identity`, None without one.
    """

    person: str
    display_name: str = ""
    exercise: bool = True
    roles: tuple[str, ...] = ()
    lent: Mapping[str, str] = field(default_factory=dict)
    key: SigningKey | None = field(default=None, repr=False)
    evidence_identity: EvidenceIdentity | None = field(default=None, repr=False)
    openers: Openers | None = None
    origin: str = ""
    kept: str = ""
    export_to: Path | None = None
    """The new folder that a package is offered to be written to; None: one beside the store, named after it."""

    door: Door | None = field(default=None, repr=False)
    """How this desk joins a plane and how people sign in; None where whoever brought the desk decides."""

    locked: str = ""
    """Why the person's key was put away, "" when it was not: a sentence that says what to do."""

    idle_lock_s: int = 0
    """After how many idle seconds this person wants the desk locked; 0: as the policy says. It never lengthens that."""

    @property
    def signed_in(self) -> bool:
        """Whether the person's own key is at hand, as commands, closing and disclosure ask for."""
        return self.key is not None

    @property
    def enrolled(self) -> bool:
        """Whether an organisation knows this person; a `local:NAME` may do everything but commands and approvals."""
        return not self.person.startswith("local:")

    @property
    def name(self) -> str:
        """What to call the person."""
        return self.display_name or self.person.removeprefix("local:")

    def joined(self, found: Joined) -> None:
        """From now on this is the desk of the person that the plane named."""
        self.person, self.roles, self.key = found.member.person, found.member.roles, found.key
        self.lent = {}
        self.origin, self.kept, self.locked = found.member.plane.origin, found.identity.kept, ""

    def sign_in(self, sitter: Sitter, key: SigningKey) -> None:
        """From now on this person sits here, with their key."""
        self.person, self.display_name, self.roles = sitter.person, sitter.display_name, sitter.roles
        self.key, self.locked, self.lent = key, "", {}

    def lock(self, why: str) -> None:
        """Puts the key away; the person still sits here, but nothing can be signed until somebody signs in.

        The last reference held by the window goes; a job that was begun before keeps its own until it ends. Nothing is
        overwritten: Python and the library hold the bytes where nobody can, so that memory read by somebody with the
        rights of this account is not defended against.
        """
        self.key, self.locked = None, why

    def actor(self, role: str = "") -> Actor:
        """The person acting in `role` (their first role unless named), with their key while they are signed in."""
        return Actor(self.person, role or next(iter(self.roles), ""), self.key)
