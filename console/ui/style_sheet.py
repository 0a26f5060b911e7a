"""The rules that Fusion's palette cannot say: outlines and focus rings that can be seen in every palette.

Fusion derives outlines from the window's colour, which leaves none on black; here they come from the tokens. Only plain
controls are named, so that everything painted by hand stays as it is.
"""

from __future__ import annotations

from typing import Any

from console.ui import resources

Theme = Any  # `ui.theme`, which is dressed with this; naming it here would close a circle

_RULES = """
QToolTip { color: @text; background: @raised; border: 1px solid @line; padding: 3px; }
QMainWindow::separator { background: @edge; width: 3px; height: 3px; }
QMainWindow::separator:hover { background: @accent; }
QStatusBar { background: @raised; }
QStatusBar::item { border: 0; }
QPushButton { background: @raised; border: 1px solid @outline; border-radius: 3px; padding: 4px 11px; }
QPushButton:hover { background: @hover; }
QPushButton:pressed, QPushButton:checked { background: @selection; }
QPushButton:default { border-color: @accent; }
QPushButton:disabled { color: @normal; border-color: @edge; }
QPushButton:focus { border: 2px solid @focus; padding: 3px 10px; }
QToolButton { background: @raised; border: 1px solid @outline; border-radius: 3px; padding: 3px; }
QToolButton[autoRaise="true"] { background: transparent; border-color: transparent; }
QToolButton:hover { background: @hover; }
QToolButton:focus { border: 2px solid @focus; padding: 2px; }
QLineEdit, QPlainTextEdit, QTextEdit { background: @sunken; border: 1px solid @outline; border-radius: 3px; }
QLineEdit { padding: 3px 5px; }
QLineEdit:focus { border: 2px solid @focus; padding: 2px 4px; }
QPlainTextEdit:focus, QTextEdit:focus { border: 2px solid @focus; }
QLineEdit:disabled, QPlainTextEdit:disabled { color: @normal; border-color: @edge; }
QAbstractItemView { background: @sunken; border: 1px solid @edge; }
QAbstractItemView:focus { border: 1px solid @focus; }
QComboBox { background: @raised; border: 1px solid @outline; border-radius: 3px; padding: 3px 8px; }
QComboBox:focus { border: 2px solid @focus; padding: 2px 7px; }
QComboBox:disabled { color: @normal; border-color: @edge; }
QComboBox::drop-down { border: 0; width: 22px; }
QComboBox::down-arrow { image: url("@images/mark-down-@ink.svg"); width: 14px; height: 14px; }
QAbstractSpinBox { background: @sunken; border: 1px solid @outline; border-radius: 3px; padding: 3px 5px; }
QAbstractSpinBox:focus { border: 2px solid @focus; padding: 2px 4px; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { border: 0; width: 18px; }
QAbstractSpinBox::up-arrow { image: url("@images/mark-up-@ink.svg"); width: 12px; height: 12px; }
QAbstractSpinBox::down-arrow { image: url("@images/mark-down-@ink.svg"); width: 12px; height: 12px; }
QCheckBox, QRadioButton { spacing: 7px; padding: 2px; border: 1px solid transparent; border-radius: 3px; }
QCheckBox:focus, QRadioButton:focus { border: 1px solid @focus; }
QCheckBox::indicator, QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid @outline; }
QCheckBox::indicator { border-radius: 2px; background: @sunken; }
QCheckBox::indicator:checked { image: url("@images/mark-check-@ink.svg"); }
QRadioButton::indicator { border-radius: 8px; background: @sunken; }
QRadioButton::indicator:checked {
  background: qradialgradient(cx:0.5, cy:0.5, radius:0.5, fx:0.5, fy:0.5,
    stop:0 @text, stop:0.5 @text, stop:0.6 @sunken, stop:1 @sunken); }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border-color: @edge; }
QTabBar::tab { padding: 5px 12px; border: 1px solid @edge; border-bottom: 0; background: @base; }
QTabBar::tab:!selected { color: @text_dim; margin-top: 2px; }
QTabBar::tab:selected { background: @raised; border-top: 2px solid @accent; }
QTabBar::tab:selected:focus { border-top: 2px solid @focus; }
QDockWidget { font-weight: 600; }
QDockWidget::title { padding: 4px 6px; background: @raised; }
QScrollBar { background: @base; border: 0; }
QScrollBar:vertical { width: 12px; }
QScrollBar:horizontal { height: 12px; }
QScrollBar::handle { background: @grip; border-radius: 4px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: @outline; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QHeaderView::section { background: @raised; padding: 3px 5px; border: 0; border-right: 1px solid @edge;
  border-bottom: 1px solid @edge; }
QMenuBar { background: @base; }
QMenuBar::item { padding: 4px 10px; background: transparent; }
QMenuBar::item:selected { background: @selection; }
QMenu { background: @raised; border: 1px solid @outline; }
QMenu::item { padding: 4px 26px 4px 14px; }
QMenu::item:selected { background: @selection; }
QMenu::item:disabled { color: @normal; }
"""
_TOKENS = (
    "text_dim", "text", "raised", "sunken", "base", "accent", "selection", "focus", "normal", "line", "outline",
    "edge", "hover", "grip",
)  # fmt: skip
_DARK_GROUND = 0.5
"""Below this lightness of the ground the marks are white."""


def style_sheet(theme: Theme) -> str:
    """The rules in the present palette."""
    ink = "white" if theme.colour("base").lightnessF() < _DARK_GROUND else "black"
    # Qt takes forward slashes in a URL on every system; a quote in the path cannot stand in one and loses the marks.
    text = _RULES.replace("@images", resources.path("icons").as_posix().replace('"', "")).replace("@ink", ink)
    for name in _TOKENS:
        text = text.replace(f"@{name}", theme.colour(name).name())
    return text
