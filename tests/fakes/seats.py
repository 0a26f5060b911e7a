"""A door of a shared desk for tests and pictures: people with passphrases, nothing written and nothing asked."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from console.domain.errors import RefusedError
from console.proof.keys import SigningKey
from console.runtime.joining import Meeting
from tests.fakes.record_kit import COMMANDER, PERSON, key_of
from tests.fakes.story import OWNER

MET = Meeting("https://plane.example.org", "org.example", True, "ab" * 32, "cd" * 32, "ef" * 32, "epoch")
PASSPHRASE = "correct horse"
CODE = "good-code-good"
OTHER_KEY = key_of(41)


@dataclass(frozen=True)
class Seat:
    """One of the people of the desk."""

    person: str
    display_name: str
    roles: tuple[str, ...]


ADA = Seat(COMMANDER.person, "Commander", ("incident_commander",))
BEN = Seat(OWNER.person, "Ben Other", ("security_lead",))


class SharedDoor:
    """Lets in whoever knows PASSPHRASE; `people` can be changed. Adds whoever has CODE."""

    can_unlock = True

    def __init__(self, *seats: Seat) -> None:
        self.seats = list(seats or (ADA, BEN))
        self.keys: dict[str, SigningKey] = {ADA.person: PERSON, BEN.person: OTHER_KEY}

    def people(self) -> tuple[Seat, ...]:
        return tuple(self.seats)

    def unlock(self, person: str, passphrase: str) -> SigningKey:
        if passphrase != PASSPHRASE:
            raise RefusedError("The passphrase does not open this key.")
        return self.keys[person]

    def meet(self, url: str) -> Meeting:
        return MET

    def join(self, met: Meeting, code: str, passphrase: str) -> Any:
        raise NotImplementedError

    def add(self, met: Meeting, code: str, passphrase: str) -> Any:
        if code != CODE:
            raise RefusedError("No open invitation has this code.")
        member = SimpleNamespace(person="cy@example.org", roles=("scribe",), plane=met)
        return SimpleNamespace(member=member, key=OTHER_KEY, identity=SimpleNamespace(kept="in a file"))
