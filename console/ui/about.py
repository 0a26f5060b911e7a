"""What this desk is, where it keeps things, and whose work it stands on; text only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFormLayout, QPushButton, QVBoxLayout, QWidget

from console import __version__, paths
from console.ui.text import PlainLabel
from console.ui.theme import Theme
from console.ui.world import with_band

if TYPE_CHECKING:
    from console.ui.frame import Frame


class AboutSheet(QDialog):
    """Shown with `open`; Escape closes it."""

    def __init__(self, theme: Theme, exercise: bool | None, frame: Frame | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("About this desk")
        content = QWidget(self)
        rows = QVBoxLayout(content)
        form = QFormLayout()
        for name, value in _facts(frame):
            label = PlainLabel(value, content, limit=400)
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            label.setAccessibleName(f"{name}: {value}")
            form.addRow(name, label)
        rows.addLayout(form)
        close = QPushButton("Close", content)
        close.clicked.connect(self.accept)
        rows.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        with_band(self, content, theme, exercise)
        close.setFocus()


def _facts(frame: Frame | None) -> list[tuple[str, str]]:
    facts = [("Version", __version__), ("Log files", str(paths.log_dir()))]
    if frame is not None:
        session = frame.session
        facts += [
            ("Person", f"{session.name} ({session.person})"),
            ("Keys of this desk", session.kept or "not said"),
            ("Plane", session.origin or "none: working alone"),
            ("Policy", frame.policy.hash[:16]),
        ]
        if frame.bridge.is_open:
            facts.append(("Store", str(frame.bridge.desk.settings.folder)))
    return [*facts, ("Font and icons", "Inter, JetBrains Mono, Tabler Icons; licences beside them in resources")]
