"""Baseline pictures: what is small, painted by hand and the same on every machine, compared with tests/data/baselines.

A picture that differs is written to the test's temporary folder, beside one of where it differs. When the new look is
wanted: run with RENEW_BASELINES=1 in the environment, look at what changed, and commit it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from console.ui.board import BoardPanel
from console.ui.chips import LAMP_STATES, STATE_SHAPES, Lamp, SeverityChip, StateChip
from console.ui.evidence.meter import Meter
from console.ui.first_run import FirstRun
from console.ui.frame import Frame
from console.ui.notice_bars import NoticeBars
from console.ui.notices import Notice
from console.ui.switches.progress import ReceiptView
from console.ui.theme import Theme
from console.ui.world import WorldBand

FOLDER = Path(__file__).parents[1] / "data" / "baselines"
RENEW = bool(os.environ.get("RENEW_BASELINES"))
FAR = 40
"""Of 255: how far a colour may be off after smoothing, which is more than another rasteriser's edges make."""
MOST_SHARE = 0.004
LEVELS = ("SEV-0", "SEV-1", "SEV-2", "SEV-3", "SEV-4", "")


def chips(theme: Theme) -> QWidget:
    return _line([SeverityChip(theme, level) for level in LEVELS])


def marks(theme: Theme) -> QWidget:
    colours = ("normal", "warning", "abnormal", "unknown", "accent")
    return _column([_line([StateChip(theme, shape, shape, colour) for shape in STATE_SHAPES]) for colour in colours])


def lamps(theme: Theme) -> QWidget:
    made = []
    for state in LAMP_STATES:
        made.append(Lamp(theme, "Behaviour"))
        made[-1].set_state(state, "because")
    return _line(made)


def bands(theme: Theme) -> QWidget:
    return _column([WorldBand(theme, world, "plane.example") for world in (True, False, None)], 600)


def notices(theme: Theme) -> QWidget:
    bars = NoticeBars(theme)
    bars.resize(600, 93)
    bars.show_notice(Notice("Synced: 3 entries were sent.", "info", None))
    bars.show_notice(Notice("Another incident is open.", "warning", ("Show the board", "view.board")))
    bars.show_notice(Notice("The disk is full, so nothing can be written.", "error", None))
    return bars


def receipt(theme: Theme) -> QWidget:
    return _sized(ReceiptView(theme), 420, 260)


def meter(theme: Theme) -> QWidget:
    return _sized(Meter(theme), 840, 90)


def first_run(theme: Theme) -> QWidget:
    return _sized(FirstRun(theme), 700, 460)


PICTURES: dict[str, Callable[[Theme], QWidget]] = {
    "chips": chips, "marks": marks, "lamps": lamps, "bands": bands, "notices": notices, "receipt": receipt,
    "meter": meter, "first-run": first_run,
}  # fmt: skip


@pytest.fixture(params=["dark", "light"])
def theme(request: pytest.FixtureRequest, dressed: Theme) -> Iterator[Theme]:
    dressed.use(request.param)
    yield dressed
    dressed.use("dark")


@pytest.mark.parametrize("name", PICTURES)
def test_it_looks_as_it_was_looked_at(name: str, theme: Theme, qtbot: Any, tmp_path: Path) -> None:
    compare(f"{name}-{theme.name}", shown(PICTURES[name](theme), qtbot), tmp_path)


def test_an_empty_board_says_so(theme: Theme, frame: Frame, qtbot: Any, tmp_path: Path) -> None:
    panel = BoardPanel(frame)
    panel.resize(600, 240)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: "0 incidents" in panel.count.text() or "No incident" in panel.count.text())
    compare(f"board-empty-{theme.name}", panel.grab().toImage(), tmp_path)


def test_a_small_change_is_seen(dressed: Theme, qtbot: Any) -> None:
    kept = picture_of("lamps-dark")
    lamp = lamps(dressed)
    lamp.findChildren(Lamp)[0].set_state("warning")  # it was normal: one mark and one word
    changed = shown(lamp, qtbot)
    assert changed.size() != kept.size() or differing(kept, changed)[0] > MOST_SHARE
    first = shown(chips(dressed), qtbot)
    assert differing(picture_of("chips-dark"), first)[0] <= MOST_SHARE
    darker = first.copy()
    for x in range(20, 60):
        for y in range(4, 18):
            darker.setPixelColor(x, y, QColor("#30343a"))
    assert differing(first, darker)[0] > MOST_SHARE


def test_a_finer_edge_is_no_difference(dressed: Theme, qtbot: Any) -> None:
    first = shown(chips(dressed), qtbot)
    values = _values(first).astype(np.int16)
    values[:, :, :3] += np.random.default_rng(3).integers(-18, 18, values[:, :, :3].shape, np.int16)
    noisy = np.clip(values, 0, 255).astype(np.uint8).copy()
    other = QImage(noisy.data, first.width(), first.height(), first.width() * 4, QImage.Format.Format_RGB32).copy()
    assert differing(first, other)[0] <= MOST_SHARE


# -- how


def shown(widget: QWidget, qtbot: Any) -> QImage:
    """The widget's picture at a device pixel ratio of one, its focus nowhere."""
    qtbot.addWidget(widget)
    widget.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    widget.show()
    QApplication.processEvents()
    widget.clearFocus()
    if (held := widget.focusWidget()) is not None:
        held.clearFocus()
    QApplication.processEvents()
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    assert image.devicePixelRatio() == 1
    return image


def compare(name: str, image: QImage, folder: Path) -> None:
    """Fails with a sentence that says how to look and how to renew; writes the baseline when that was asked for."""
    path = FOLDER / f"{name}.png"
    if RENEW:
        FOLDER.mkdir(parents=True, exist_ok=True)
        image.save(str(path))
        return
    kept = picture_of(name)
    share, where = (1.0, image) if kept.size() != image.size() else differing(kept, image)
    if share > MOST_SHARE:
        image.save(str(folder / path.name))
        where.save(str(folder / f"differs-{path.name}"))
        pytest.fail(
            f"{name} differs from its baseline in {share:.1%} of its pixels ({kept.size().toTuple()} was "
            f"{image.size().toTuple()}): look at {folder / path.name}; RENEW_BASELINES=1 writes new baselines.",
            pytrace=False,
        )


def picture_of(name: str) -> QImage:
    """The baseline of that name."""
    kept = QImage(str(FOLDER / f"{name}.png"))
    assert not kept.isNull(), f"there is no baseline of {name}; RENEW_BASELINES=1 writes it"
    return kept.convertToFormat(QImage.Format.Format_RGB32)


def differing(one: QImage, other: QImage) -> tuple[float, QImage]:
    """(share of pixels that differ by more than FAR after halving both, a picture of them in white)."""
    far = np.abs(_halved(one) - _halved(other)).max(axis=2) > FAR
    white = np.ascontiguousarray(far.astype(np.uint8) * 255)
    where = QImage(white.data, white.shape[1], white.shape[0], white.shape[1], QImage.Format.Format_Grayscale8)
    return float(far.mean()), where.copy()


def _values(image: QImage) -> np.ndarray:
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.width(), 4).copy()


def _halved(image: QImage) -> np.ndarray:
    values = _values(image)[:, :, :3].astype(np.float32)
    height, width = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
    return values[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))


def _sized(widget: QWidget, width: int, height: int) -> QWidget:
    widget.setFixedSize(width, height)
    return widget


def _line(widgets: list[Any]) -> QWidget:
    return _boxed(QHBoxLayout(), widgets)


def _column(widgets: list[Any], width: int = 0) -> QWidget:
    made = _boxed(QVBoxLayout(), widgets)
    if width:
        made.setFixedWidth(width)
    return made


def _boxed(layout: Any, widgets: list[Any]) -> QWidget:
    box = QWidget()
    box.setLayout(layout)
    layout.setContentsMargins(4, 4, 4, 4)
    layout.setSpacing(6)
    for widget in widgets:
        layout.addWidget(widget)
    box.setFixedSize(box.sizeHint())
    return box
