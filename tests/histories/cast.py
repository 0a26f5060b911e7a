"""Who takes part in every run: keys, people, their certificates, the rules of the organisation and its incidents.

The same in each run, made once a process: only what happens to them is seeded.
"""

from __future__ import annotations

import hashlib
from functools import cache

from console.domain.times import from_epoch_us
from console.plane.founding import sign_as_root
from console.plane.orders import Rules
from console.policy import Policy, default_path, load
from console.proof.actor import Actor
from console.proof.chain import ChainHead
from console.proof.envelope import SignedEvent
from console.proof.ids import uuid7
from console.proof.keys import SigningKey
from tests.histories.world import T0_US

MOST_DESKS = 4
DAY_US = 86_400_000_000
"""Everybody was certified two days before, so that a production plane counts their approvals."""
ORIGIN = "{world}/0190a000-0000-4000-8000-000000000001"
ROLES = ("incident_commander", "tool_owner", "sre_on_call")
NARROW = (("FF_TENANT_BLOCK", "tenant.borealis"),)
WIDE = (("FF_TOOL_REVOKE", "tool.mail"),)
TWICE = frozenset(NARROW)
"""What a second back-end enforces as well, in the richer histories."""


@cache
def key_of(name: str) -> SigningKey:
    """The key of that name, the same for ever."""
    return SigningKey(hashlib.sha256(f"histories {name}".encode()).digest())


def root_key() -> SigningKey:
    return key_of("root")


def plane_key() -> SigningKey:
    return key_of("plane")


def desk_key(number: int) -> SigningKey:
    return key_of(f"desk {number}")


def person_name(number: int) -> str:
    return f"person{number}@example.org"


def actor_of(number: int) -> Actor:
    """The person at that desk, who acts as commander."""
    return Actor(person_name(number), "incident_commander", key_of(f"person {number}"))


def guest() -> Actor:
    """Somebody certified who holds no role but what is lent to them."""
    return Actor("guest@example.org", "incident_commander", key_of("guest"))


def incident_id(number: int) -> str:
    return uuid7(T0_US // 1000 + number, hashlib.sha256(f"incident {number}".encode()).digest())


@cache
def policy() -> Policy:
    return load(default_path())


@cache
def rules() -> Rules:
    read = policy()
    return Rules(read.inventory, read.switches, read.hash)


@cache
def founding(*, exercise: bool, with_guest: bool) -> tuple[SignedEvent, ...]:
    """The root's first events: the organisation, its plane, everybody who takes part and their roles."""
    root, plane = root_key(), plane_key()
    origin = origin_of(exercise=exercise)
    entries: list[tuple[str, dict[str, object]]] = [
        (
            "organisation.founded",
            {"name": "Range", "origin": origin, "root_public_key": root.public_hex, "exercise": exercise},
        ),
        ("plane.certified", {"device": plane.id, "public_key": plane.public_hex, "origin": origin}),
    ]
    for number in range(MOST_DESKS):
        desk, person = desk_key(number), actor_of(number).key
        assert person is not None
        entries += [
            ("device.certified", {"device": desk.id, "public_key": desk.public_hex, "label": f"desk {number}"}),
            (
                "person.certified",
                {"person": person_name(number), "public_key": person.public_hex, "display_name": f"Person {number}"},
            ),
        ]
        entries += [("role.granted", {"person": person_name(number), "role": role}) for role in ROLES]
    borrower = guest()
    assert borrower.key is not None
    if with_guest:
        named = {"person": borrower.person, "public_key": borrower.key.public_hex, "display_name": "Guest"}
        entries.append(("person.certified", dict(named)))
    seeds = iter(range(1 << 20))
    return tuple(
        sign_as_root(
            root, ChainHead(), entries, exercise=exercise, now=from_epoch_us(T0_US - 2 * DAY_US),
            random=lambda size: hashlib.sha256(str(next(seeds)).encode()).digest()[:size],
        )
    )  # fmt: skip


def origin_of(*, exercise: bool) -> str:
    return ORIGIN.format(world="exercise" if exercise else "production")
