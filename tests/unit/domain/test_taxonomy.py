"""The taxonomy finds classes, causes and what other documents call differently."""

from __future__ import annotations

import pytest

from console.domain.errors import InputError
from console.domain.taxonomy import FAMILIES, NATURES
from console.policy import default_path, load

TAXONOMY = load(default_path()).taxonomy


def test_other_documents_layers_lead_to_a_class() -> None:
    for layer in TAXONOMY.other_layers.values():
        assert TAXONOMY.incident_class(layer.id).id == layer.incident_class
        assert layer.why
    assert TAXONOMY.incident_class("package_integrity").id == "governance"


def test_a_class_is_found_by_its_own_name() -> None:
    assert all(TAXONOMY.incident_class(name).id == name for name in TAXONOMY.classes)


@pytest.mark.parametrize("name", ["", "weather", "Semantic", "x" * 500])
def test_unknown_names_are_short_sentences(name: str) -> None:
    for find in (TAXONOMY.incident_class, TAXONOMY.cause):
        with pytest.raises(InputError) as caught:
            find(name)
        assert len(caught.value.sentence) < 500


def test_every_cause_has_a_nature_in_the_end() -> None:
    for name in TAXONOMY.causes:
        assert TAXONOMY.cause(name).nature in NATURES
    assert TAXONOMY.cause("instruction_decay").id == "prompt_conflict"


def test_families_of_several_classes_come_in_one_order() -> None:
    assert TAXONOMY.families_of(["privacy", "citation"]) == FAMILIES
    assert TAXONOMY.families_of(["cost", "routing"]) == ("functional",)
    assert TAXONOMY.families_of([]) == ()


def test_every_family_has_a_class_and_a_playbook() -> None:
    assert set(TAXONOMY.families_of(list(TAXONOMY.classes))) == set(FAMILIES) == set(TAXONOMY.playbooks)
