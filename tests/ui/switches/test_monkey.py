"""No random input ever fires a kill switch: thousands of keys and clicks over the panel and every kind of sheet.

100,000 by `MONKEY_ROUNDS=13 pytest -s tests/ui/switches/test_monkey.py`, which prints the figures: each round has a
panel and a record of its own.
"""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from console.ui.switches import SwitchesPanel
from console.ui.switches.hold_button import HoldButton
from tests.fakes.hands import keys_at_rest
from tests.fakes.switch_stand import SwitchStand
from tests.ui.switches.monkey import Monkey, ask_for_approval, play, written

INPUTS, ROUNDS = 4_000, int(os.environ.get("MONKEY_ROUNDS", "1"))
SPEEDS = {"inhuman speed": 0.0, "like a cat": 0.4}
"""How long it rests between bursts, in seconds at most."""
KINDS = {"narrow stopped", "narrow running", "wide stopped", "wide running", "approve"}


def played(
    panel: SwitchesPanel,
    stand: SwitchStand,
    qtbot: Any,
    patch: pytest.MonkeyPatch,
    seed: int,
    rest_s: float,
    inputs: int = INPUTS,
    really: bool = True,
) -> Monkey:
    stand.stopped()
    ask_for_approval(stand)
    qtbot.waitUntil(panel.alarms.isVisible)
    began = time.monotonic()
    with patch.context() as patched:
        monkey = play(
            panel, stand, inputs, seed, lambda name, new: patched.setattr(HoldButton, name, new), rest_s, really=really
        )
        keys_at_rest(qtbot)
        stand.desk.act(lambda _: None).result(10)  # everything that was begun is done
    print(f"seed {seed}: {monkey.inputs} inputs in {time.monotonic() - began:.1f} s, sheets {dict(monkey.sheets)}, "
          f"lawful gestures {dict(monkey.witness.fired)}, written {written(stand)}")  # fmt: skip
    return monkey


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("number", range(1, 2 * ROUNDS, 2))
def test_no_random_input_ever_fires_a_kill_switch(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any, monkeypatch: pytest.MonkeyPatch, number: int, speed: str
) -> None:
    seed = number + list(SPEEDS).index(speed)
    monkey = played(panel, stand, qtbot, monkeypatch, seed, SPEEDS[speed])
    lawful, found = monkey.witness.fired.total(), written(stand)
    assert set(monkey.sheets) >= KINDS, f"seed {seed}: {monkey.sheets}"
    assert not monkey.witness.unlawful, f"seed {seed}: {monkey.witness.unlawful}"
    assert found["wide or restore"] == 0, f"seed {seed}: {found}"
    assert sum(found[name] for name in ("orders", "approval.given")) <= lawful, f"seed {seed}: {found}"
    assert found["switch.confirmed"] == found["orders"]
    assert found["break_glass.reviewed"] == found["breaker.taken_over"] == 0


def test_the_witness_sees_a_button_that_fires_at_a_click(
    panel: SwitchesPanel, stand: SwitchStand, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the second press the monkey does get through: so it would be seen if a rule of the button went."""
    monkeypatch.setattr(HoldButton, "_on_clicked", lambda button: button._fire("second_press"))
    monkey = played(panel, stand, qtbot, monkeypatch, seed=1, rest_s=0.05, inputs=2_500, really=False)
    assert monkey.witness.unlawful
