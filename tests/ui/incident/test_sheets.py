"""The sheets: grading live with its reasons, handing roles, validating, exporting, closing; never by a reflex."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QMimeData, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from console.actions.evidence import Copied, capture_item, seal_evidence
from console.domain.errors import RefusedError
from console.proof.actor import Actor
from console.runtime.capture import encrypt_to
from console.ui.frame import Frame
from console.ui.incident import IncidentPanel
from console.ui.incident.close_sheet import CloseSheet
from console.ui.incident.evidence_sheet import ExportSheet, offered_folder
from console.ui.incident.grade_sheet import GradeSheet
from console.ui.incident.people_sheets import AssignSheet, ReviewSheet
from console.ui.incident.validate_sheet import ValidateSheet
from console.ui.text_box import MOST_TEXT
from tests.fakes.desk_frame import Outside
from tests.fakes.record_kit import COMMANDER
from tests.fakes.story import INVESTIGATOR, OWNER, Story


def newest(outside: Outside, story: Story) -> Any:
    return outside.desk.query(lambda reader: reader.events(story.incident))[-1].envelope


def opened(panel: IncidentPanel, kind: type, action: str, qtbot: Any) -> Any:
    panel.on_action(action)
    qtbot.waitUntil(lambda: isinstance(panel.sheet, kind))
    qtbot.waitUntil(lambda: panel.sheet.isAncestorOf(QApplication.focusWidget() or panel))
    return panel.sheet


# -- grading


def test_the_grade_is_preselected_from_the_policy_and_confirmed_by_enter(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    sheet: GradeSheet = opened(panel, GradeSheet, "incident.grade", qtbot)
    answers = sheet.answers()
    assert (answers.scope, answers.urgency, answers.escalators) == ("tenant", "active", ("high_impact_workflow",))
    assert sheet.chip.level == "SEV-1"
    assert "harm is being done" in sheet.reasons.text()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is sheet.button)
    QTest.keyClick(sheet.button, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.sheet is None)
    body = newest(outside, story).body
    assert (body["level"], body["scope"], body["urgency"]) == ("SEV-1", "tenant", "active")
    assert body["saw"] == story.ids["incident.opened"]
    assert len(body["reasons"]) >= 2


def test_level_and_reasons_follow_every_answer(panel: IncidentPanel, qtbot: Any) -> None:
    sheet: GradeSheet = opened(panel, GradeSheet, "incident.grade", qtbot)
    sheet.urgency.setCurrentIndex(sheet.urgency.findData("irreversible"))
    assert sheet.chip.level == "SEV-0"
    assert "Record SEV-0" in sheet.button.text()
    assert "it stands at SEV-1" in sheet.result.text()
    before = sheet.reasons.text()
    QTest.keyClick(sheet.escalators["security_boundary"], Qt.Key.Key_Space)
    assert sheet.reasons.text() != before
    assert "security boundary" in sheet.reasons.text()


def test_lowering_a_grave_level_says_that_it_takes_two_and_holds(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    sheet: GradeSheet = opened(panel, GradeSheet, "incident.grade", qtbot)
    sheet.scope.setCurrentIndex(sheet.scope.findData("internal"))
    sheet.urgency.setCurrentIndex(sheet.urgency.findData("latent"))
    for box in sheet.escalators.values():
        box.setChecked(False)
    assert sheet.chip.level == "SEV-1"
    assert "takes a second person" in sheet.reasons.text()
    sheet.button.click()
    qtbot.waitUntil(lambda: panel.sheet is None)
    assert newest(outside, story).body["level"] == "SEV-1"


def test_the_signals_floor_holds_it_up(panel: IncidentPanel, frame: Frame, story: Story, qtbot: Any) -> None:
    mild = story.beside("019c145c-7a00-7000-8000-00000000abcd")
    mild.opened(severity="SEV-4", target="")
    frame.selection.choose_incident(mild.incident)
    qtbot.waitUntil(lambda: panel.standing is not None and panel.standing.page.row.incident == mild.incident)
    sheet: GradeSheet = opened(panel, GradeSheet, "incident.grade", qtbot)
    sheet.scope.setCurrentIndex(sheet.scope.findData("internal"))
    sheet.urgency.setCurrentIndex(sheet.urgency.findData("latent"))
    assert sheet.chip.level == "SEV-2"
    assert "SEV-2 at least" in sheet.reasons.text()


def test_a_grade_by_somebody_else_meanwhile_is_said(panel: IncidentPanel, story: Story, qtbot: Any) -> None:
    sheet: GradeSheet = opened(panel, GradeSheet, "incident.grade", qtbot)
    story.graded("SEV-0")
    qtbot.waitUntil(lambda: "SEV-0 by ic@example.org meanwhile" in sheet.trouble.text())
    assert panel.sheet is sheet


# -- never by a reflex


def test_the_key_that_opened_a_sheet_cannot_confirm_it(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    button = panel.page.deeds.buttons["incident.grade"]
    button.setFocus()
    QTest.keyPress(button, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.sheet is not None and QApplication.focusWidget() is panel.sheet.button)
    for auto in (True, False):  # X11 says of some repeats that they are real
        again = QKeyEvent(
            QEvent.Type.KeyPress, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", autorep=auto, count=1
        )
        QApplication.sendEvent(panel.sheet.button, again)
    assert panel.sheet is not None
    assert newest(outside, story).type == "incident.opened"
    QTest.keyRelease(panel.sheet.button, Qt.Key.Key_Return)


def test_enter_in_a_field_goes_to_the_button_and_esc_leaves(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    sheet: GradeSheet = opened(panel, GradeSheet, "incident.grade", qtbot)
    sheet.scope.setFocus()
    QTest.keyClick(sheet.scope, Qt.Key.Key_Return)
    assert QApplication.focusWidget() is sheet.button
    assert panel.sheet is sheet
    QTest.keyClick(sheet.button, Qt.Key.Key_Escape)
    assert panel.sheet is None
    assert newest(outside, story).type == "incident.opened"
    assert QApplication.focusWidget() is panel.page.next.button


def test_tab_goes_through_the_fields_in_order(panel: IncidentPanel, qtbot: Any) -> None:
    sheet: GradeSheet = opened(panel, GradeSheet, "incident.grade", qtbot)
    sheet.scope.setFocus()
    for expected in (sheet.urgency, *sheet.escalators.values(), sheet.button, sheet.cancel):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert QApplication.focusWidget() is expected


# -- people


def test_a_role_is_given_to_a_certified_person(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    sheet: AssignSheet = opened(panel, AssignSheet, "incident.assign_role", qtbot)
    assert sheet.role.currentData() == "incident_commander"
    sheet.role.setCurrentIndex(sheet.role.findData("security_lead"))
    sheet.person.setCurrentIndex(sheet.person.findData(OWNER.person))
    sheet.button.click()
    qtbot.waitUntil(lambda: panel.sheet is None)
    assert newest(outside, story).body == {
        "role": "security_lead", "person": OWNER.person, "saw": story.ids["incident.opened"],
    }  # fmt: skip


def test_a_role_is_given_to_somebody_typed_and_refused_without_a_name(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    sheet: AssignSheet = opened(panel, AssignSheet, "incident.assign_role", qtbot)
    sheet.person.setEditText("  ")
    sheet.button.click()
    qtbot.waitUntil(lambda: "Name the person" in sheet.trouble.text())
    sheet.person.setEditText("po@example.org")
    sheet.button.click()
    qtbot.waitUntil(lambda: panel.sheet is None)
    assert newest(outside, story).body["person"] == "po@example.org"


def test_command_is_taken_over_only_on_purpose(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    story.from_desk("role.taken", role="incident_commander", person=OWNER.person)
    qtbot.waitUntil(lambda: panel.standing.page.facts.commander == OWNER.person)
    panel.on_action("incident.take_command")
    qtbot.waitUntil(lambda: panel.sheet is not None)
    assert OWNER.person in panel.sheet.title.text()
    panel.sheet.button.click()
    qtbot.waitUntil(lambda: panel.standing.page.facts.commander == COMMANDER.person)


def test_only_who_did_not_respond_can_be_asked_for_the_review(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    story.up_to("exported")
    qtbot.waitUntil(lambda: panel.standing.step.action_id == "incident.request_review")
    sheet: ReviewSheet = opened(panel, ReviewSheet, "incident.request_review", qtbot)
    names = [sheet.person.itemData(n) for n in range(sheet.person.count())]
    assert names[0] == INVESTIGATOR.person
    assert COMMANDER.person not in names
    assert OWNER.person not in names
    sheet.button.click()
    qtbot.waitUntil(lambda: panel.sheet is None)
    assert newest(outside, story).body == {"seal": 1, "of": INVESTIGATOR.person}


# -- the plane


class Plane:
    """A client that answers a validation, once it is let."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []
        self.fails = False

    def validate(self, incident: str, target: str, cases: int) -> Any:
        self.asked.append((incident, target, cases))
        if self.fails:
            raise RefusedError("The range is not there; look at its log.")
        measures = {"grounding_score": "0.4100", "<b>x</b>": "\u202e1"}
        return SimpleNamespace(answer=SimpleNamespace(cases=cases, passed=41, measures=measures))


def test_a_validation_runs_once_a_press_and_shows_what_it_found(
    panel: IncidentPanel, frame: Frame, story: Story, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = Plane()
    desk = frame.bridge.desk
    monkeypatch.setattr(desk, "errand", lambda request: desk.ask(lambda _: request(plane)))
    monkeypatch.setattr(type(panel.loading), "offline", False)
    story.up_to("sealed")
    qtbot.waitUntil(lambda: panel.standing.step.action_id == "incident.validate")
    sheet: ValidateSheet = opened(panel, ValidateSheet, "incident.validate", qtbot)
    assert sheet.target.currentData() == "tenant.borealis"
    sheet.button.click()
    sheet.button.click()
    qtbot.waitUntil(lambda: "41 of 100 cases passed" in sheet.result.text())
    assert plane.asked == [(story.incident, "tenant.borealis", 100)]
    assert "\u202e" not in sheet.result.text()
    story.validated(value="0.41", beyond=("grounding_score",))
    qtbot.waitUntil(lambda: "OUT OF BOUNDS" in sheet.result.text())
    plane.fails = True
    sheet.button.click()
    qtbot.waitUntil(lambda: "not there" in sheet.trouble.text())
    assert panel.sheet is sheet


# -- evidence


def sealed(frame: Frame, outside: Outside, story: Story) -> None:
    """One real item, encrypted to the desk, under a real seal."""
    desk, identity = outside.desk, frame.session.evidence_identity
    assert identity is not None
    encrypt, now = encrypt_to(identity.recipient), frame.bridge.now()
    blob = desk.blobs.put(BytesIO(b"the prompt"), encrypt)
    copied = Copied(
        name="prompt.txt", dimension="payloads", source="plane:x", captured_at=now, salt=b"s" * 32, blob=blob
    )
    desk.act(capture_item, story.incident, desk.blobs, encrypt, copied, COMMANDER, now).result(10)
    desk.act(seal_evidence, story.incident, frame.session.origin, COMMANDER, now).result(10)


def test_a_package_is_written_and_the_export_recorded(
    panel: IncidentPanel, frame: Frame, outside: Outside, story: Story, qtbot: Any, tmp_path: Path
) -> None:
    sealed(frame, outside, story)
    qtbot.waitUntil(lambda: panel.standing.seal == 1)
    sheet: ExportSheet = opened(panel, ExportSheet, "incident.export", qtbot)
    folder = Path(sheet.folder.text())
    assert folder == tmp_path / "packages" / f"{story.incident}-seal-1"
    sheet.button.click()
    qtbot.waitUntil(lambda: panel.sheet is None)
    assert (folder / "manifest-sha256.txt").is_file()
    assert newest(outside, story).type == "evidence.exported"
    assert panel.standing is not None
    assert offered_folder(frame, panel.standing).name.endswith("seal-1-2")


def test_an_export_to_where_something_is_stays_open_and_says_so(
    panel: IncidentPanel, frame: Frame, outside: Outside, story: Story, qtbot: Any, tmp_path: Path
) -> None:
    sealed(frame, outside, story)
    qtbot.waitUntil(lambda: panel.standing.seal == 1)
    sheet: ExportSheet = opened(panel, ExportSheet, "incident.export", qtbot)
    for typed, word in (("", "whole path"), ("packages", "whole path"), (str(tmp_path), "exist")):
        sheet.folder.setText(typed)
        sheet.button.click()
        qtbot.waitUntil(lambda word=word: word in sheet.trouble.text())
    assert newest(outside, story).type == "evidence.sealed"


def test_a_seal_of_somebody_else_cannot_be_exported_here(panel: IncidentPanel, story: Story, qtbot: Any) -> None:
    story.captured()
    story.from_desk("evidence.sealed", seal=1, sealer=OWNER.person)
    qtbot.waitUntil(lambda: panel.standing.seal == 1)
    assert OWNER.person in panel.action_state("incident.export")


def test_without_a_key_nothing_is_sealed_exported_or_closed(
    panel: IncidentPanel, frame: Frame, story: Story, qtbot: Any
) -> None:
    frame.session.key = None
    story.captured()
    qtbot.waitUntil(lambda: panel.standing.progress.captured == 7)
    assert "signature" in panel.action_state("incident.seal")
    assert isinstance(frame.session.actor(), Actor)


# -- closing


def test_closing_takes_words_and_nothing_else_confirms_it(
    panel: IncidentPanel, outside: Outside, story: Story, qtbot: Any
) -> None:
    story.up_to("reviewed")
    qtbot.waitUntil(lambda: panel.standing.step.action_id == "incident.close")
    sheet: CloseSheet = opened(panel, CloseSheet, "incident.close", qtbot)
    sheet.button.click()
    assert "Write in words" in sheet.trouble.text()
    assert panel.sheet is sheet
    pasted = QMimeData()
    pasted.setText("<img src=x>" + "A" * 1_000_000)
    sheet.words.insertFromMimeData(pasted)
    assert len(sheet.words.toPlainText()) == MOST_TEXT
    assert "too many" in sheet.trouble.text()
    sheet.words.setPlainText("Mended.")
    sheet.button.click()
    qtbot.waitUntil(lambda: panel.sheet is None)
    qtbot.waitUntil(lambda: panel.standing.page.row.state == "closed")


def test_what_goes_missing_meanwhile_blocks_the_close(panel: IncidentPanel, story: Story, qtbot: Any) -> None:
    story.up_to("reviewed")
    qtbot.waitUntil(lambda: panel.standing.step.action_id == "incident.close")
    sheet: CloseSheet = opened(panel, CloseSheet, "incident.close", qtbot)
    sheet.words.setPlainText("Mended.")
    story.captured("payloads", seal=2)
    qtbot.waitUntil(lambda: "not sealed" in sheet.trouble.text())
    sheet.button.click()
    assert panel.sheet is sheet
