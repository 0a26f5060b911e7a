"""The rules that Fusion's palette cannot say: outlines and focus rings that can be seen in every palette.

Fusion derives outlines from the window's colour, which leaves none on black; here they come from the tokens. Only plain
controls are named, so that everything painted by hand stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.ui.theme import Theme

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
QLineEdit, QPlainTextEdit, QTextEdit { background: @sunken; border: 1px solid @outline; border-radius: 3px; }
QLineEdit { padding: 3px 5px; }
QLineEdit:focus { border: 2px solid @focus; padding: 2px 4px; }
QPlainTextEdit:focus, QTextEdit:focus { border: 2px solid @focus; }
QLineEdit:disabled, QPlainTextEdit:disabled { color: @normal; border-color: @edge; }
"""
_TOKENS = ("text", "raised", "sunken", "accent", "selection", "focus", "normal", "line", "outline", "edge", "hover")


def style_sheet(theme: Theme) -> str:
    """The rules in the present palette."""
    text = _RULES
    for name in sorted(_TOKENS, key=len, reverse=True):
        text = text.replace(f"@{name}", theme.colour(name).name())
    return text
