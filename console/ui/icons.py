"""Icons from SVG files, recoloured: every stroke drawn in `currentColor` takes the colour that is asked for.

QtSvg is imported at the first icon, after the first paint.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap

SIZES = (16, 24, 32, 48)
MAX_BYTES = 64_000


def icon(file: Path, colour: str, disabled: str) -> QIcon:
    """The icon in `colour`, for disabled controls in `disabled`; empty when the file is missing or no SVG."""
    made = QIcon()
    try:
        source = file.read_bytes()[:MAX_BYTES]
    except OSError:
        return made
    for mode, ink in ((QIcon.Mode.Normal, colour), (QIcon.Mode.Disabled, disabled)):
        for size in SIZES:
            pixmap = _pixmap(source, ink, size)
            if pixmap is not None:
                made.addPixmap(pixmap, mode)
    return made


def _pixmap(source: bytes, colour: str, size: int) -> QPixmap | None:
    from PySide6.QtSvg import QSvgRenderer

    renderer = QSvgRenderer(QByteArray(source.replace(b"currentColor", colour.encode())))
    if not renderer.isValid():
        return None
    pixmap = QPixmap(QSize(size, size))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter)
    painter.end()
    return pixmap
