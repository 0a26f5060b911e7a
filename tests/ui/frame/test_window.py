"""The whole window: panels that come one by one, actions that reach them, names for everything, the keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QWidget

from console.ui import panels
from console.ui.actions_table import ACTIONS, MENUS
from console.ui.command_palette import SPEC, CommandPalette, FoundActions
from console.ui.frame import Frame
from console.ui.main_window import MainWindow
from console.ui.shortcut_sheet import ShortcutSheet
from tests.fakes.desk_frame import Outside, populate
from tests.ui.accessible import unnamed, unreachable


def test_every_panel_comes_and_has_its_id_and_title(window: MainWindow) -> None:
    for spec in panels.PANELS:
        panel = window.panel(spec.id)
        assert panel is not None, window.docks[spec.id].findChildren(QWidget)[0]
        assert panel.panel_id == spec.id
        assert panel.panel_title


def test_everything_fits_the_smallest_screen(window: MainWindow) -> None:
    assert window.size() == QSize(1366, 768)
    assert window.minimumSizeHint().width() <= 1366
    assert window.minimumSizeHint().height() <= 768


def test_every_control_of_every_view_has_a_name_and_a_key(
    window: MainWindow, frame: Frame, outside: Outside, qtbot: Any
) -> None:
    populate(outside, 3)
    frame.selection.choose_incident(outside.open_incident(), "tenant.borealis")
    qtbot.waitUntil(lambda: bool(window.bar.incident))
    for spec in panels.PANELS:
        window.go_to(spec.id)
        QApplication.processEvents()
        assert unnamed(window) == []
        assert unreachable(window.docks[spec.id]) == []


def test_ctrl_and_a_digit_goes_to_each_panel(window: MainWindow, qtbot: Any) -> None:
    for number, spec in enumerate(panels.PANELS, start=1):
        qtbot.keyClick(window, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        assert window.docks[spec.id].isAncestorOf(QApplication.focusWidget()), spec.id


def test_a_panel_that_cannot_be_opened_is_a_sentence_and_the_others_come(
    bare: MainWindow, frame: Frame, qtbot: Any, monkeypatch: pytest.MonkeyPatch, expected_log: Any
) -> None:
    expected_log("the panel triage could not be opened")
    broken = panels.PanelSpec("triage", "Triage", "binary-tree", _broken)
    monkeypatch.setattr(bare.docks["triage"], "spec", broken)
    with qtbot.waitSignal(bare.panels_ready, timeout=20_000):
        bare.attach(frame)
    texts = [label.text() for label in bare.docks["triage"].findChildren(QWidget) if hasattr(label, "text")]
    assert any("could not be opened: ImportError: no tree today" in text for text in texts)
    assert bare.panel("board") is not None


def _broken() -> Any:
    raise ImportError("no tree today")


# --- one table of actions


def test_ids_and_shortcuts_are_unique_and_menus_known() -> None:
    ids = [spec.id for spec in ACTIONS]
    keys = [spec.shortcut for spec in ACTIONS if spec.shortcut]
    assert len(set(ids)) == len(ids)
    assert len(set(keys)) == len(keys)
    known = {spec.id for spec in panels.PANELS}
    for spec in ACTIONS:
        assert spec.menu in MENUS
        assert spec.panel in known | {""}
        assert not spec.panel or spec.id.split(".")[0] == spec.panel


def test_the_table_feeds_menus_palette_and_sheet(bare: MainWindow, qtbot: Any) -> None:
    in_menus = {action.objectName() for menu in bare.menuWidget().findChildren(QWidget) for action in menu.actions()}
    assert {spec.id for spec in ACTIONS} <= in_menus
    assert FoundActions().rowCount() == len(ACTIONS)
    sheet = ShortcutSheet(bare._theme, True, bare)
    qtbot.addWidget(sheet)
    shown = {label.text() for label in sheet.findChildren(QWidget) if hasattr(label, "text")}
    assert {spec.text for spec in ACTIONS if spec.shortcut} <= shown


def test_the_window_knows_every_action_that_names_no_panel(bare: MainWindow) -> None:
    own = bare._own_actions()
    assert {spec.id for spec in ACTIONS if not spec.panel} <= set(own)


def test_no_action_repeats_while_its_key_is_held(bare: MainWindow) -> None:
    assert not [action for action in bare.dispatcher.actions.values() if action.autoRepeat()]


def test_a_blocked_action_says_why(window: MainWindow) -> None:
    window.dispatcher.run("incident.close")  # no incident is chosen
    assert [bar.notice.level for bar in window.notice_bars.bars] == ["warning"]


def test_the_palette_finds_runs_and_gives_the_focus_back(bare: MainWindow, qtbot: Any) -> None:
    bare.go_to("board")
    before = QApplication.focusWidget()
    bare.dispatcher.run("desk.palette")
    palette = bare.findChild(CommandPalette)
    assert palette.line.hasFocus()
    qtbot.keyClicks(palette.line, "go evid")
    qtbot.keyClick(palette.line, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert QApplication.focusWidget() is before
    bare.dispatcher.run("desk.palette")
    qtbot.keyClicks(palette.line, "go evid")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert not palette.isVisible()
    assert bare.docks["evidence"].isAncestorOf(QApplication.focusWidget())


def test_the_palette_opened_by_its_key_does_not_fire_while_enter_is_held(bare: MainWindow, qtbot: Any) -> None:
    bare.dispatcher.run("desk.palette")
    palette = bare.findChild(CommandPalette)
    chosen: list[str] = []
    palette.chosen.connect(chosen.append)
    held = _held_key(Qt.Key.Key_Return)
    QApplication.sendEvent(palette.line, held)
    assert chosen == []
    palette.close_again()


def test_the_palette_s_model_keeps_the_rules_of_models(qtbot: Any) -> None:
    model = FoundActions()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    for typed in ("", "go", "go to the t", "nothing has this", "F8"):
        model.seek(typed)
    assert model.data(model.index(0)) == "Incident: Do the next step"


def test_the_palette_begins_with_the_next_step_in_words(qtbot: Any) -> None:
    model = FoundActions()
    model.set_next("Next: throw FF_TENANT_BLOCK on tenant.borealis")
    model.seek("")
    assert model.data(model.index(0)) == "Next: throw FF_TENANT_BLOCK on tenant.borealis"
    model.seek("tenant_block")
    assert [model.data(model.index(row), SPEC).id for row in range(model.rowCount())] == ["incident.next_step"]
    model.seek("quit")
    assert model.data(model.index(0)) == "Desk: Quit"


def test_a_page_in_place_of_the_desk_shows_no_lamps_and_no_keys_of_it(bare: MainWindow) -> None:
    bare.resize(1366, 768)
    shown = (bare.bar.service, bare.bar.behaviour, bare.status.hints)
    assert all(part.isVisible() for part in shown)
    bare.show_page(QWidget(bare), "First start")
    assert not any(part.isVisible() for part in shown)
    bare.resize(1300, 768)
    assert not bare.status.hints.isVisible()
    bare.hide_page()
    assert all(part.isVisible() for part in shown)


# --- freezing, floating


def test_freezing_reaches_every_panel_and_is_shown(window: MainWindow, qtbot: Any) -> None:
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert window.field.frozen
    assert window.status.frozen.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert not window.status.frozen.isVisible()


def test_a_floating_panel_says_its_world_and_comes_back(bare: MainWindow, qtbot: Any) -> None:
    bare.go_to("timeline")
    bare.dispatcher.run("view.float")
    dock = bare.docks["timeline"]
    assert dock.isFloating()
    assert dock.windowTitle().startswith("EXERCISE")
    assert dock._band is not None
    assert dock._band.isVisible()
    dock.setFloating(False)
    assert not dock._band.isVisible()
    bare.dispatcher.run("view.default_layout")


def test_a_tab_s_dock_is_named_once(bare: MainWindow, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: bare.docks["telemetry"].titleBarWidget() is not None)
    assert bare.docks["board"].titleBarWidget() is None


def _held_key(key: Qt.Key) -> Any:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent

    return QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, "\r", True)
