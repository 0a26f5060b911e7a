"""The rules and the people of a conformance run: the organisation's own data with the stand's systems laid over it.

Nothing on the stand measures behaviour, so every restoration criterion there is a signed statement of the switch's
owner; and nobody reads along, so the numbers need to be visible for a millisecond only. Gates are otherwise the same.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from console.commands.house import Papers
from console.policy import default_path
from console.proof.actor import Actor
from console.proof.keys import SEED_BYTES, SigningKey
from console.simulator import stand

KEEPER, SECOND = "keeper@example.org", "second@example.org"
SECOND_ROLE = "sre_on_call"


def stand_policy(folder: Path) -> Path:
    """Writes the policy of the run into `folder`, which must not exist, and returns it."""
    shutil.copytree(default_path(), folder)
    shutil.copyfile(Path(stand.__file__).with_name("systems.yml"), folder / "systems" / "stand.yml")
    path = folder / "switches.yml"
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    tree["times"]["dwell_ms"] = 1
    for switch in tree["switches"].values():
        for criterion in switch["criteria"].values():
            criterion |= {"evidence": "statement", "signed_by": switch["owner_role"]}
    path.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return folder


@dataclass(frozen=True, slots=True)
class Crew:
    """The two people of the run: the keeper holds every owner's role, the second approves what is wide."""

    keys: Mapping[str, SigningKey]

    @classmethod
    def assemble(cls) -> Crew:
        """Draws fresh keys."""
        return cls({person: SigningKey(secrets.token_bytes(SEED_BYTES)) for person in (KEEPER, SECOND)})

    def keeper(self, role: str) -> Actor:
        """The keeper in one of the owners' roles."""
        return Actor(KEEPER, role, self.keys[KEEPER])

    @property
    def second(self) -> Actor:
        """Who approves."""
        return Actor(SECOND, SECOND_ROLE, self.keys[SECOND])

    def papers(self, desk: SigningKey, roles: Iterable[str]) -> Papers:
        """What the root key must sign so that both and the desk are known."""
        papers: list[tuple[str, dict[str, object]]] = [
            ("device.certified", {"device": desk.id, "public_key": desk.public_hex, "label": "Conformance desk"})
        ]
        for person, key in self.keys.items():
            named = person.partition("@")[0]
            papers.append(("person.certified", {"person": person, "public_key": key.public_hex, "display_name": named}))
        papers += [("role.granted", {"person": KEEPER, "role": role}) for role in sorted(set(roles))]
        return [*papers, ("role.granted", {"person": SECOND, "role": SECOND_ROLE})]
