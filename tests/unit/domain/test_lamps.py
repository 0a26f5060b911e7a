"""The two lamps: service beside behaviour, each from evidence of its own."""

from __future__ import annotations

import pytest

from console.domain.judge import (
    ABNORMAL,
    NORMAL,
    SILENT,
    UNKNOWN,
    WARNING,
    Breach,
    Judgement,
    behaviour_lamp,
    service_lamp,
)
from console.domain.thresholds import BEHAVIOUR, INFRASTRUCTURE
from tests.fakes.series import breached


def a_judgement(
    state: str, kind: str = BEHAVIOUR, series: str = "score{}", *, breach: Breach | None = None
) -> Judgement:
    return Judgement(
        metric="score", kind=kind, series=series, state=state, value=None, samples=0, last_sample_us=0, breach=breach
    )


def test_lamps_look_only_at_their_own_kind() -> None:
    breach = breached().breach
    judgements = [a_judgement(NORMAL, INFRASTRUCTURE), a_judgement(ABNORMAL, breach=breach)]
    assert service_lamp(judgements).state == NORMAL  # the green dashboard
    assert behaviour_lamp(judgements).state == ABNORMAL
    assert behaviour_lamp(judgements).because == ("score{}",)


def test_an_uncleared_breach_keeps_the_lamp_through_silence() -> None:
    judgements = [a_judgement(SILENT, breach=breached().breach), a_judgement(NORMAL, series="other{}")]
    lamp = behaviour_lamp(judgements)
    assert (lamp.state, lamp.judged, lamp.silent) == (ABNORMAL, 1, 1)


@pytest.mark.parametrize(
    ("states", "lamp"),
    [
        ([], UNKNOWN),
        ([UNKNOWN], UNKNOWN),
        ([SILENT, UNKNOWN], SILENT),
        ([SILENT, NORMAL], NORMAL),
        ([UNKNOWN, NORMAL], NORMAL),
        ([NORMAL, WARNING, SILENT], WARNING),
    ],
)
def test_the_lamp_of_several_series(states: list[str], lamp: str) -> None:
    assert behaviour_lamp([a_judgement(state) for state in states]).state == lamp


def test_a_lamp_is_never_normal_without_a_judgement() -> None:
    for states in ([UNKNOWN] * 3, [SILENT] * 3, []):
        assert service_lamp([a_judgement(state, INFRASTRUCTURE) for state in states]).state != NORMAL
