"""The evidence panel: the completeness meter, the items, the one that is open; a look is recorded before it is shown.

Sealing, exporting and reviewing belong to the incident's steps; this panel asks for them there.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from console.domain.changes import Changes
from console.domain.evidence import DIMENSIONS
from console.queries.evidence import EvidenceView, evidence
from console.runtime.capture import Captured, capture_file, capture_target
from console.runtime.looking import OpenedItem, open_item
from console.ui.chips import StateChip
from console.ui.evidence.content import content_of
from console.ui.evidence.meter import Meter
from console.ui.evidence.model import ItemModel
from console.ui.evidence.viewer import TextView
from console.ui.frame import Frame
from console.ui.tables import plain_table
from console.ui.text import PlainLabel

GATHER_MS = 300
WIDTHS = (180, 160, 80, 150, 90, 80)
UNREACHABLE = ("offline", "stopped", "alarm")
PURPOSE = "looked at on the desk"


class EvidencePanel(QWidget):
    """Signals: `action_wanted(action id)`: another action of the desk that the person asked for here."""

    panel_id = "evidence"
    panel_title = "Evidence"
    action_wanted = Signal(str)

    def __init__(self, frame: Frame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self._incident = ""
        self._stale = self._frozen = False
        self._busy = ""
        self._gathering = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._build()
        self._lay_out()
        self._connect()
        self._dress()
        self._on_incident(frame.selection.incident)

    # -- what the window asks

    def on_action(self, action_id: str) -> None:
        """Does what the table of actions passes on."""
        if action_id == "evidence.capture":
            self._capture()
        elif action_id == "evidence.add":
            self._choose_file()
        elif action_id == "evidence.open":
            self._open(self.table.currentIndex())
        elif action_id == "evidence.find":
            self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def action_state(self, action_id: str) -> str:
        """Why an action cannot be done now, "" when it can."""
        if not self._incident:
            return "Choose an incident on the board first."
        if self._frame.session.evidence_identity is None:
            return "This desk has no evidence identity, so nothing can be encrypted or opened here."
        if action_id == "evidence.capture":
            if self._busy:
                return self._busy
            if not self._frame.bridge.has_plane:
                return "There is no plane to capture from; add files by hand instead (Ctrl+Shift+E)."
            if self._frame.bridge.connection.state in UNREACHABLE:
                return "The plane cannot be reached, so nothing can be captured; add files by hand (Ctrl+Shift+E)."
            if not self._frame.selection.target:
                return "The incident's target is not in the systems inventory, so nothing can be captured from it."
        if action_id == "evidence.open" and not self.table.currentIndex().isValid():
            return "Choose an item first."
        return ""

    def freeze(self, frozen: bool) -> None:
        """Holds changes back, or takes up what has gathered."""
        self._frozen = frozen
        if not frozen and self._stale:
            self._reload()

    # -- how it is made

    def _build(self) -> None:
        theme = self._frame.theme
        self.meter = Meter(theme, self)
        self.capture = _button("Capture now", "Capture from the target", self)
        self.dimension = QComboBox(self)
        for name, title in DIMENSIONS.items():
            self.dimension.addItem(title, name)
        self.dimension.setCurrentIndex(self.dimension.findData("payloads"))
        self.dimension.setAccessibleName("Dimension of the file to add")
        self.add = _button("Add a file ...", "Add a file as evidence", self)
        self.seal = _button("Seal", "Seal what was captured", self)
        self.export = _button("Export", "Export the sealed package", self)
        self.model = ItemModel(self)
        self.table = QTableView(self)
        plain_table(self.table, self.model, "Captured items", WIDTHS)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.nothing = PlainLabel("", self.table.viewport(), limit=400)
        self.nothing.setWordWrap(True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        QVBoxLayout(self.table.viewport()).addWidget(self.nothing)
        self.verdict = StateChip(theme, "", parent=self)
        self.verdict.hide()
        self.about = PlainLabel("", self, elide=True)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Find (F3)")
        self.search.setMaxLength(200)
        self.search.setAccessibleName("Find in the opened item")
        self.view = TextView(theme, self)

    def _lay_out(self) -> None:
        gap = self._frame.theme.px("space_2")
        tools, over = QHBoxLayout(), QHBoxLayout()
        for widget in (self.capture, self.dimension, self.add):
            tools.addWidget(widget)
        tools.addStretch(1)
        tools.addWidget(self.seal)
        tools.addWidget(self.export)
        over.addWidget(self.verdict)
        over.addWidget(self.about, 1)
        over.addWidget(self.search)
        below = QWidget(self)
        lower = QVBoxLayout(below)
        lower.setContentsMargins(0, 0, 0, 0)
        lower.addLayout(over)
        lower.addWidget(self.view, 1)
        halves = QSplitter(Qt.Orientation.Vertical, self)
        halves.addWidget(self.table)
        halves.addWidget(below)
        halves.setSizes([300, 300])
        whole = QVBoxLayout(self)
        whole.setContentsMargins(gap, gap, gap, gap)
        whole.setSpacing(gap)
        whole.addWidget(self.meter)
        whole.addLayout(tools)
        whole.addWidget(halves, 1)
        stops = (self.capture, self.dimension, self.add, self.seal, self.export, self.table, self.search, self.view)
        for before, after in pairwise(stops):
            QWidget.setTabOrder(before, after)
        self.setFocusProxy(self.table)

    def _connect(self) -> None:
        frame = self._frame
        frame.bridge.changed.connect(self._on_changed)
        frame.bridge.connection_changed.connect(self._on_connection)
        frame.selection.incident_changed.connect(self._on_incident)
        frame.theme.changed.connect(self._dress)
        self._gathering.timeout.connect(self._reload)
        self.table.activated.connect(self._open)
        self.search.returnPressed.connect(self._on_find)
        self.capture.clicked.connect(partial(self._ask, "evidence.capture"))
        self.add.clicked.connect(partial(self._ask, "evidence.add"))
        self.seal.clicked.connect(partial(self.action_wanted.emit, "incident.seal"))
        self.export.clicked.connect(partial(self.action_wanted.emit, "incident.export"))

    def _dress(self) -> None:
        theme = self._frame.theme
        self.about.setFont(theme.font("small"))
        self.model.set_loud(theme.icon("alert-triangle", "abnormal"))
        self.table.verticalHeader().setDefaultSectionSize(self.table.fontMetrics().height() + theme.px("space_2"))

    # -- loading

    def _on_incident(self, incident: str) -> None:
        self._incident = incident
        self.view.show_lines(())
        self.verdict.hide()
        self.about.setText(
            "Enter opens the chosen item; the look is recorded first." if incident else "No incident chosen."
        )
        self._reload()

    def _on_changed(self, changes: Changes) -> None:
        if not (changes.touches("evidence", self._incident) or changes.touches("seal", self._incident)):
            return
        if self._frozen or not self.isVisible():
            self._stale = True
        elif not self._gathering.isActive():
            self._gathering.start()

    def _reload(self) -> None:
        self._stale = False
        if not self._incident:
            self._on_evidence("", EvidenceView((), (), tuple(DIMENSIONS)))
        elif self._frame.bridge.is_open:
            self._frame.bridge.ask(
                evidence, self._incident, owner=self, then=partial(self._on_evidence, self._incident)
            )

    def _on_evidence(self, incident: str, view: EvidenceView) -> None:
        if incident != self._incident:
            return
        self.meter.show_view(view)
        self.model.show(view)
        self.nothing.setVisible(not view.items)
        self.nothing.setText(self._why_empty())
        if view.items and not self.table.currentIndex().isValid():
            self.table.setCurrentIndex(self.model.index(0, 0))

    def _on_connection(self, _: object) -> None:
        self.nothing.setText(self._why_empty())

    def _why_empty(self) -> str:
        if not self._incident:
            return "Choose an incident on the board (Ctrl+1); its evidence is shown here."
        if self.action_state("evidence.capture"):
            return "Nothing is captured yet. Add what you can get by hand (Ctrl+Shift+E)."
        target = self._frame.selection.target
        return f"Nothing is captured yet. Capture now (Ctrl+E) reads all dimensions from {target}."

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102, N802
        super().showEvent(event)
        if self._stale:
            self._reload()

    # -- capturing

    def _ask(self, action_id: str, _checked: bool = False) -> None:
        blocked = self.action_state(action_id)
        if blocked:
            self._frame.notices.say(blocked, "warning")
        else:
            self.on_action(action_id)

    def _capture(self) -> None:
        frame, identity = self._frame, self._frame.session.evidence_identity
        if self.action_state("evidence.capture") or identity is None:
            return
        self._busy = "A capture is running; wait until it has ended."
        self.about.setText(f"Capturing from {frame.selection.target} ...")
        job = partial(
            capture_target, frame.bridge.desk, self._incident, frame.selection.target, identity.recipient,
            frame.session.actor(),
        )  # fmt: skip
        frame.bridge.work(job, owner=self, then=self._on_captured, failed=self._on_capture_failed)

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, "Add a file as evidence")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.add_file)
        dialog.open()

    def add_file(self, path: str) -> None:
        """Captures the file at `path` under the chosen dimension."""
        frame, identity = self._frame, self._frame.session.evidence_identity
        if not path or identity is None or not self._incident:
            return
        job = partial(
            capture_file, frame.bridge.desk, self._incident, Path(path), self.dimension.currentData(),
            identity.recipient, frame.session.actor(),
        )  # fmt: skip
        frame.bridge.work(job, owner=self, then=self._on_captured, failed=self._on_capture_failed)

    def _on_captured(self, captured: Captured) -> None:
        self._busy = ""
        many = sum(captured.items.values())
        self.about.setText(
            f"Captured {many:,} {'item' if many == 1 else 'items'}, {captured.bytes:,} bytes, encrypted."
        )

    def _on_capture_failed(self, error: Exception) -> None:
        from console.ui.bridge import sentence_of

        self._busy = ""
        self.about.setText("The capture did not finish; what was committed before stays.")
        self._frame.notices.say(sentence_of(error), "error")

    # -- looking

    def _open(self, index: QModelIndex) -> None:
        item, frame = self.model.item(index.row()), self._frame
        blocked = self.action_state("evidence.open")
        if item is None or blocked:
            frame.notices.say(blocked or "Choose an item first.", "warning")
            return
        self.verdict.hide()
        self.about.setText("Recording the look, verifying, opening ...")
        self.view.show_lines(())
        job = partial(
            open_item, frame.bridge.desk, self._incident, item, frame.session.evidence_identity,
            frame.session.actor(), PURPOSE,
        )  # fmt: skip
        frame.bridge.work(job, owner=self, then=partial(self._on_opened, self._incident), failed=self._on_open_failed)

    def _on_opened(self, incident: str, opened: OpenedItem) -> None:
        if opened.away:
            if incident == self._incident:
                self.about.setText(opened.away)
            self._frame.notices.say(opened.away, "warning")
            return
        self.model.mark(opened.item, opened.name, opened.finding)
        if incident != self._incident:
            return
        self.verdict.show()
        if opened.finding:
            self.verdict.set_state("DIFFERS: NOT SHOWN", "triangle", "abnormal")
            self.about.setText(f"{opened.finding} Do not rely on it; capture it again if you still can.")
            self._frame.notices.say(opened.finding, "error")
            return
        self.verdict.set_state("verified", "circle", "normal")
        content = content_of(opened.head, opened.size)
        self.view.show_lines(content.lines)
        self.about.setText(f"{opened.name}: what was captured; the look is recorded. {content.about}")

    def _on_open_failed(self, error: Exception) -> None:
        from console.ui.bridge import sentence_of

        self.about.setText("The look could not be recorded, so the item is not shown.")
        self._frame.notices.say(sentence_of(error), "error")

    def _on_find(self) -> None:
        if self.search.text() and not self.view.find(self.search.text()):
            self.about.setText(f"'{self.search.text()}' does not occur in what is shown.")


def _button(text: str, name: str, parent: QWidget) -> QPushButton:
    button = QPushButton(text, parent)
    button.setAccessibleName(name)
    return button
