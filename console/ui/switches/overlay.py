"""What covers the list of switches: one sheet that acts, or one page that only shows; never two of a kind.

A sheet that is open stays until it is left by itself; a page gives way to a sheet and to the next page.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QStackedLayout, QWidget


class Overlay:
    """The stack of a panel: its list below, at most one page and at most one sheet over it."""

    def __init__(self, panel: QWidget) -> None:
        self._stack = QStackedLayout(panel)
        self.sheet: Any = None
        self.page: Any = None

    def put_list(self, widget: QWidget) -> None:
        """What is seen when nothing covers it."""
        self._stack.addWidget(widget)

    def put_sheet(self, sheet: QWidget) -> None:
        """Covers everything."""
        self.drop_page()
        self.sheet = sheet
        self._show(sheet)

    def put_page(self, page: QWidget) -> None:
        """Covers the list, in place of the page before."""
        self.drop_page()
        self.page = page
        self._show(page)

    def drop_sheet(self) -> bool:
        """Takes the sheet away; says whether there was one."""
        sheet, self.sheet = self.sheet, None
        return self._drop(sheet)

    def drop_page(self) -> bool:
        """Takes the page away; says whether there was one."""
        page, self.page = self.page, None
        return self._drop(page)

    def _show(self, widget: QWidget) -> None:
        self._stack.addWidget(widget)
        self._stack.setCurrentWidget(widget)

    def _drop(self, widget: QWidget | None) -> bool:
        if widget is None:
            return False
        self._stack.setCurrentIndex(0)
        self._stack.removeWidget(widget)
        widget.hide()
        widget.deleteLater()
        return True
