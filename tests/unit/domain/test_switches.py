"""The switch catalogue finds what it has and names what there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.errors import InputError
from console.domain.switches import RUNNING, STOPPED, WANTS, GateTimes, Switch, SwitchCatalogue

SWITCH = Switch("FF_A", "t", "c", "m", ("tenant",), "r", ("r",), "local", True, (), "h", "s")
CATALOGUE = SwitchCatalogue({"FF_A": SWITCH}, {}, GateTimes(1, 1, 1, 1, 1, 1, 1, 1, 1))


@given(st.text(max_size=300))
def test_only_what_is_in_it_is_found(name: str) -> None:
    if name == "FF_A":
        assert CATALOGUE.switch(name) is SWITCH
        return
    with pytest.raises(InputError, match="FF_A") as caught:
        CATALOGUE.switch(name)
    assert len(caught.value.sentence) < 200


def test_a_switch_knows_two_states_and_no_toggle() -> None:
    assert WANTS == (STOPPED, RUNNING)
