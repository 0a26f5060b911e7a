"""Joining from the page: two steps, nothing by a reflex, and the counts that lead to it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt

from console.domain.errors import RefusedError
from console.runtime.joining import Meeting
from console.ui.frame import Frame
from console.ui.main_window import MainWindow
from console.ui.sync import SyncPanel
from console.ui.sync.sheets import JoinSheet
from tests.fakes.desk_frame import Outside
from tests.fakes.record_kit import PERSON
from tests.ui.accessible import unnamed, unreachable

MET = Meeting("https://plane.example.org", "org.example", True, "ab" * 32, "cd" * 32, "ef" * 32, "epoch")


class Door:
    """A door that lets in whoever has the code "good-code-good"."""

    can_unlock = True

    def meet(self, url: str) -> Meeting:
        return MET

    def join(self, met: Meeting, code: str, passphrase: str) -> Any:
        if code != "good-code-good":
            raise RefusedError("No open invitation has this code.")
        member = SimpleNamespace(person="ada@example.org", roles=("scribe",), plane=met)
        return SimpleNamespace(member=member, key=PERSON, identity=SimpleNamespace(kept="in a file"))


@pytest.fixture
def panel(frame: Frame, qtbot: Any) -> SyncPanel:
    frame.session.door = Door()
    made = SyncPanel(frame)
    qtbot.addWidget(made)
    made.resize(900, 600)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    qtbot.waitUntil(lambda: made.found is not None)
    return made


def test_joining_is_two_steps_and_a_refusal_stays_on_the_sheet(panel: SyncPanel, frame: Frame, qtbot: Any) -> None:
    assert panel.action_state("sync.join") == ""
    panel.on_action("sync.join")
    sheet = panel.stack.currentWidget()
    assert isinstance(sheet, JoinSheet)
    qtbot.waitUntil(sheet.plane.hasFocus)
    assert unnamed(sheet) == []
    assert unreachable(sheet) == []
    sheet.plane.setText(MET.url)
    sheet.code.setText("bad-code-bad")
    sheet.passphrase.setText("correct horse")
    sheet.again.setText("correct horsf")
    sheet.button.click()
    assert "differ" in sheet.trouble.text()
    sheet.again.setText("correct horse")
    sheet.button.click()
    qtbot.waitUntil(lambda: sheet.met is not None)
    sheet.button.click()
    assert "Compare the eight words" in sheet.trouble.text()
    sheet.root_words.same.setChecked(True)
    sheet.button.click()
    qtbot.waitUntil(lambda: "No open invitation" in sheet.trouble.text() and sheet.isEnabled())
    assert frame.session.person == "ic@example.org"
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert sheet.met is None
    sheet.code.setText("good-code-good")
    sheet.button.click()
    qtbot.waitUntil(lambda: sheet.met is not None)
    assert not sheet.root_words.same.isChecked()  # compared again, not remembered
    sheet.root_words.same.setChecked(True)
    with qtbot.waitSignal(frame.bridge.person_changed):
        sheet.button.click()
    assert (frame.session.person, frame.session.roles) == ("ada@example.org", ("scribe",))
    assert panel.stack.currentWidget() is panel.area


def test_the_counts_in_the_status_line_lead_to_the_page(frame: Frame, outside: Outside, qtbot: Any) -> None:
    def alarm(record: Any) -> Any:
        with record.transaction() as tx:
            tx.raise_alarm("shrunk", "The journal became shorter.")
        return tx.changes

    outside.desk.act(alarm).result(10)
    window = MainWindow(frame.theme, frame.notices, True, None)
    qtbot.addWidget(window)
    window.resize(1366, 768)
    window.show()
    with qtbot.waitSignal(window.panels_ready, timeout=20_000):
        window.attach(frame)
    qtbot.waitUntil(window.status.asks.isVisible)
    assert window.status.asks.text() == "1 sync alarm"
    window.status.asks.click()
    assert window.panel("sync").isVisible()
    window.close()
