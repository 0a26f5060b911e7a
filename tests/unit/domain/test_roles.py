"""Roles resolve by id and by alias, and a room knows who is missing."""

from __future__ import annotations

import pytest

from console.domain.errors import InputError
from console.policy import default_path, load

ROLES = load(default_path()).roles


def test_ids_and_aliases_resolve() -> None:
    assert all(ROLES.role(role).id == role for role in ROLES.roles)
    assert all(ROLES.role(alias).id == role for alias, role in ROLES.aliases.items())


@pytest.mark.parametrize("name", ["", "Incident commander", "nobody", "x" * 500])
def test_anything_else_is_an_error(name: str) -> None:
    with pytest.raises(InputError) as caught:
        ROLES.role(name)
    assert len(caught.value.sentence) < 600


def test_who_is_missing_from_the_room() -> None:
    everybody = list(ROLES.room_roles)
    assert ROLES.missing_from_room("SEV-1", everybody) == ()
    assert ROLES.missing_from_room("SEV-0", everybody[1:]) == (everybody[0],)
    assert ROLES.missing_from_room("SEV-2", []) == ()
    assert "safety_lead" in ROLES.missing_from_room("SEV-0", ["incident_commander"])


def test_an_alias_fills_its_seat() -> None:
    with_alias = ["ml_engineer", *(role for role in ROLES.room_roles if role != "model_owner")]
    assert ROLES.missing_from_room("SEV-1", with_alias) == ()


def test_no_role_is_without_words() -> None:
    for role in ROLES.roles.values():
        for field in ("title", "responsibility", "authority", "escalation", "audit", "source"):
            assert getattr(role, field).strip()
