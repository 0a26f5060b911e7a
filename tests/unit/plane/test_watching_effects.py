"""What was seen once is looked at again before it is believed, and the time stays that of the first sight."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.domain.sighting import Aim
from console.plane import probes
from console.plane.backends import NO_ANSWER, SERVED, SWITCHED_OFF, BackEndFault, ProbeReply, Refuser
from console.plane.probes import watch_effect
from tests.fakes.planes import BOREALIS, POLICY

AT = datetime(2026, 1, 1, tzinfo=UTC)
AIM = Aim("FF_X", BOREALIS, "stopped", 3, "c-3")
OFF, ON, NONE = SWITCHED_OFF, SERVED, NO_ANSWER


class Scripted:
    """A data path that answers as it was told, and goes on with the last two answers in turn."""

    def __init__(self, outcomes: Sequence[str]) -> None:
        self.outcomes, self.asked = list(outcomes), 0

    async def probe(self, switch: str, item: Any, seconds: float) -> ProbeReply:
        last = len(self.outcomes)
        at = self.asked if self.asked < last else last - 2 + (self.asked - last) % 2
        self.asked += 1
        by = (Refuser("FF_X", BOREALIS, 3, "c-3"),) if self.outcomes[at] == OFF else ()
        return ProbeReply(self.outcomes[at], AT + timedelta(seconds=self.asked), by)

    async def read_back(self) -> Any:
        raise BackEndFault("It does not say.")


def watched(outcomes: Sequence[str], seconds: float | None = None) -> tuple[probes.Effect, int]:
    told = 0

    async def not_at_once() -> None:
        nonlocal told
        told += 1

    back_end: Any = Scripted(outcomes)
    item = POLICY.inventory.item(BOREALIS)
    return asyncio.run(watch_effect(back_end, item, AIM, seconds, not_at_once=not_at_once)), told


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "CONFIRM_S", 0.001)
    monkeypatch.setattr(probes, "DEADLINE_S", 0.2)


def test_the_first_sight_is_the_time_and_the_second_the_proof() -> None:
    effect, told = watched([OFF, OFF])
    assert (effect.seen, effect.at, effect.probes, told) == ("in_effect", AT + timedelta(seconds=1), 2, 0)
    assert not effect.wavers


def test_what_comes_late_is_confirmed_too() -> None:
    effect, told = watched([NONE, ON, OFF, OFF])
    assert (effect.seen, effect.at, effect.probes, told) == ("in_effect", AT + timedelta(seconds=3), 4, 1)


@pytest.mark.parametrize("seconds", [None, 0.0])
@pytest.mark.parametrize("outcomes", [[OFF, ON], [ON, OFF, ON, OFF]])
def test_what_flaps_is_never_believed(outcomes: list[str], seconds: float | None) -> None:
    effect, _ = watched(outcomes, seconds)
    assert effect.seen == "not_in_effect"


def test_what_flapped_is_said() -> None:
    effect, _ = watched([OFF, ON])
    assert effect.wavers


@pytest.mark.parametrize(("outcomes", "asked"), [([ON, OFF], 1), ([OFF, OFF], 2), ([OFF, ON], 2)])
def test_one_look_is_one_probe_and_one_to_confirm(outcomes: list[str], asked: int) -> None:
    effect, told = watched(outcomes, 0)
    assert (effect.probes, told) == (asked, 0)
