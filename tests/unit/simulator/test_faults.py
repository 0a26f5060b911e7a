"""Faults: whom one reaches, where it sits, and what is refused."""

from __future__ import annotations

import pytest

from console.domain.errors import InputError
from console.simulator.effects import CAPABILITIES
from console.simulator.faults import FAULTS, STRAIGHT, Bend, Fault, bend, fault_from_object

IDS = ("tenant.borealis", "model.orion-2", "tool.payments")


def fault(kind: str, target: str = "tenant.borealis", intensity: float = 1.0) -> Fault:
    return Fault("f", kind, target, intensity)


def test_a_fault_reaches_only_what_passes_through_its_target() -> None:
    faults = [fault("grounding_fall", intensity=0.5)]
    assert bend(faults, {"tenant.borealis"}, serving=True, autonomous=False) == Bend(grounding_fall=0.5)
    assert bend(faults, {"tenant.cascade"}, serving=True, autonomous=False) == STRAIGHT


def test_it_is_gone_with_the_part_it_sits_in() -> None:
    reached = {"tenant.borealis"}
    assert bend([fault("refusal_collapse")], reached, serving=False, autonomous=True) == STRAIGHT
    assert bend([fault("runaway_loop")], reached, serving=True, autonomous=False) == STRAIGHT
    assert bend([fault("runaway_loop")], reached, serving=False, autonomous=True) == Bend(runaway_loop=1.0)


def test_two_of_one_kind_do_not_add_up_and_kinds_compose() -> None:
    faults = [fault("grounding_fall", intensity=0.3), fault("grounding_fall", intensity=0.8), fault("runaway_loop")]
    bent = bend(faults, {"tenant.borealis"}, serving=True, autonomous=True)
    assert bent == Bend(grounding_fall=0.8, runaway_loop=1.0)


def test_each_fault_is_stopped_by_switches_that_exist() -> None:
    for kind in FAULTS.values():
        assert set(kind.stopped_by) <= set(CAPABILITIES)


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"fault": "meteor", "target": "tenant.borealis"}, "meteor"),
        ({"fault": ["grounding_fall"], "target": "tenant.borealis"}, "no fault"),
        ({"fault": "grounding_fall", "target": "tenant.nobody"}, "tenant.nobody"),
        ({"fault": "grounding_fall", "target": "tenant.borealis", "intensity": 1.5}, "intensity"),
        ({"fault": "grounding_fall", "target": "tenant.borealis", "intensity": float("nan")}, "intensity"),
        ({"fault": "grounding_fall", "target": "tenant.borealis", "intensity": True}, "intensity"),
        ({"fault": "grounding_fall", "target": "tenant.borealis", "level": 1}, "level"),
    ],
)
def test_a_senseless_fault_is_refused(asked: dict[str, object], word: str) -> None:
    with pytest.raises(InputError, match=word):
        fault_from_object(asked, "f", IDS)


def test_a_good_one_is_taken_with_full_intensity_by_default() -> None:
    assert fault_from_object({"fault": "grounding_fall", "target": "tenant.borealis"}, "f", IDS) == fault(
        "grounding_fall"
    )
