"""Layouts: kept and found again, the default when a screen is gone or the file is none, both sizes of window."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from console.ui import kept_layout, layouts
from console.ui.main_window import MainWindow
from console.ui.notices import Notices
from console.ui.theme import Theme


@pytest.fixture
def theme(qapp: QApplication, dressed: Theme) -> Iterator[Theme]:
    yield dressed
    dressed.use("dark")


def opened(theme: Theme, folder: Path | None, qtbot: Any, notices: Notices | None = None) -> MainWindow:
    window = MainWindow(theme, notices or Notices(), True, folder)
    qtbot.addWidget(window)
    window.show()
    window.furnish()
    QApplication.processEvents()
    return window


def test_a_layout_and_a_theme_are_found_again(theme: Theme, tmp_path: Path, qtbot: Any) -> None:
    first = opened(theme, tmp_path, qtbot)
    first.docks["evidence"].hide()
    first.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, first.docks["timeline"])
    theme.use("light")
    first.close()
    theme.use("dark")
    again = opened(theme, tmp_path, qtbot)
    assert theme.name == "light"
    assert again.docks["evidence"].isHidden()
    assert not again.docks["board"].isHidden()
    assert not again.tabifiedDockWidgets(again.docks["timeline"])
    assert (tmp_path / "layout.json").stat().st_size < kept_layout.MAX_BYTES


def test_a_screen_that_is_gone_brings_the_default(theme: Theme, tmp_path: Path, qtbot: Any) -> None:
    first = opened(theme, tmp_path, qtbot)
    first.docks["evidence"].hide()
    first.close()
    value = json.loads((tmp_path / "layout.json").read_text())
    value["screens"].append([1920, 0, 2560, 1440])
    (tmp_path / "layout.json").write_text(json.dumps(value))
    notices = Notices()
    again = opened(theme, tmp_path, qtbot, notices)
    assert not again.docks["evidence"].isHidden()
    assert "does not fit the screens" in again.notice_bars.bars[0].notice.sentence
    assert QApplication.primaryScreen().availableGeometry().contains(again.geometry().topLeft())


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", '{"v": 2}', '{"v": 1}', '{"v": 1, "docks": "%%%", "geometry": 7}', "[" * 100_000],
)
def test_a_file_that_is_no_layout_brings_the_default(theme: Theme, tmp_path: Path, qtbot: Any, text: str) -> None:
    (tmp_path / "layout.json").write_text(text)
    window = opened(theme, tmp_path, qtbot)
    assert not any(dock.isHidden() for dock in window.docks.values())


def test_a_folder_that_cannot_be_written_is_no_reason_to_stay(theme: Theme, tmp_path: Path, qtbot: Any) -> None:
    (tmp_path / "file").write_text("")
    window = opened(theme, tmp_path / "file", qtbot)
    assert window.close()


def test_without_a_folder_nothing_is_kept(theme: Theme, tmp_path: Path, qtbot: Any) -> None:
    opened(theme, None, qtbot).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("width", "apart"), [(1366, False), (1920, True)])
def test_wide_windows_give_switches_a_column_of_their_own(theme: Theme, qtbot: Any, width: int, apart: bool) -> None:
    window = opened(theme, None, qtbot)
    window.resize(width, 768)
    window.dispatcher.run("view.default_layout")
    tabbed = window.tabifiedDockWidgets(window.docks["triage"])
    assert (window.docks["switches"] not in tabbed) == apart
    assert len(tabbed) == (5 if apart else 6)
    assert window.docks["board"] not in tabbed


def test_a_page_stands_in_place_of_the_docks_and_goes(theme: Theme, tmp_path: Path, qtbot: Any) -> None:
    from PySide6.QtWidgets import QWidget

    window = opened(theme, tmp_path, qtbot)
    window.docks["evidence"].hide()
    window.show_page(QWidget())
    assert all(dock.isHidden() for dock in window.docks.values())
    window.hide_page()
    assert window.docks["evidence"].isHidden()
    assert not window.docks["board"].isHidden()
    window.show_page(QWidget())
    window.close()
    assert not (tmp_path / "layout.json").exists()  # a page is no layout


def test_version_and_screens_are_part_of_what_is_kept() -> None:
    assert layouts.VERSION == kept_layout.VERSION
    assert all(len(one) == 4 for one in kept_layout.screens())
