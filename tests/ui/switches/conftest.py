"""The stand of the switches panel: a real desk and a plane that answers looks as the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from console.policy import Policy
from console.ui.switches import SwitchesPanel
from console.ui.switches.sheet import ConfirmSheet
from console.ui.theme import Theme
from tests.fakes.switch_stand import SwitchStand, build_stand, end_stand


@pytest.fixture
def stand(qapp: QApplication, dressed: Theme, policy: Policy, tmp_path: Path) -> Iterator[SwitchStand]:
    parent = QObject()
    made = build_stand(tmp_path / "store", policy, parent, dressed)
    yield made
    end_stand(made)
    parent.deleteLater()


@pytest.fixture
def panel(stand: SwitchStand, qtbot: Any) -> SwitchesPanel:
    made = SwitchesPanel(stand.frame)
    qtbot.addWidget(made)
    made.resize(900, 700)
    with qtbot.waitExposed(made):
        made.show()
    made.activateWindow()
    qtbot.waitUntil(lambda: made._board is not None)
    return made


@pytest.fixture
def sheet(panel: SwitchesPanel, qtbot: Any) -> Callable[..., ConfirmSheet]:
    """Opens the sheet of a switch and waits until its gates are the person's alone."""

    def open_it(switch: str = "FF_TENANT_BLOCK", want: str = "stopped") -> ConfirmSheet:
        card = next(card for card in panel._cards if card.reach.switch == switch)
        panel.open_sheet(card.reach, want)
        made = panel.sheet
        assert isinstance(made, ConfirmSheet)
        qtbot.waitUntil(lambda: made._look is not None and made._facts is not None and made.form.numbers.visible_ms > 0)
        return made

    return open_it
