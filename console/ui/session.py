"""Who works at this desk and in which world; made by whoever composes the program, read by every panel.

A key in here lives only as long as the person is signed in. Nothing of it is ever stored by the window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from console.proof.actor import Actor
from console.proof.keys import SigningKey

if TYPE_CHECKING:
    from console.runtime.joining import Joined, Meeting


class Door(Protocol):
    """Meeting a plane, joining it, unlocking one's own key: every call blocks and belongs on a worker."""

    @property
    def can_unlock(self) -> bool: ...  # noqa: D102
    def meet(self, url: str) -> Meeting: ...  # noqa: D102
    def join(self, met: Meeting, code: str, passphrase: str) -> Joined: ...  # noqa: D102
    def unlock(self, passphrase: str) -> SigningKey: ...  # noqa: D102


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

    `person` is `ic@example.org`, or `local:NAME` on a desk that never enrolled. `origin` is the plane's, `origin_host`
    what names the world to a person ("" alone). `key` is the person's, None while locked or without one. `kept` says
    where the desk's own keys are. `evidence_identity` is an `age.Identity`, None without one.
    """

    person: str
    display_name: str = ""
    exercise: bool = True
    roles: tuple[str, ...] = ()
    key: SigningKey | None = field(default=None, repr=False)
    evidence_identity: EvidenceIdentity | None = field(default=None, repr=False)
    openers: Openers | None = None
    origin: str = ""
    kept: str = ""
    export_to: Path | None = None
    """The new folder that a package is offered to be written to; None: one beside the store, named after it."""

    door: Door | None = field(default=None, repr=False)
    """How this desk joins a plane and how its person signs in again; None where whoever brought the desk decides."""

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
        self.origin, self.kept = found.member.plane.origin, found.identity.kept

    def actor(self, role: str = "") -> Actor:
        """The person acting in `role` (their first role unless named), with their key while they are signed in."""
        return Actor(self.person, role or next(iter(self.roles), ""), self.key)
