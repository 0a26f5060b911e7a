"""Makes the pictures of resources/screenshots again: `python -m tests.ui.pictures [SCENE ...]`, all without a name.

Offscreen, with the fakes of the tests: no plane, no network, fixed clock, ids and chance. `--to FOLDER` keeps what is
there, `--list` names the scenes. Only demo-*.png are of the running demo and taken by hand.
"""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["QT_SCALE_FACTOR"] = "1"

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from console.policy import default_path, load
from console.ui import press
from console.ui.theme import Theme
from tests.fakes.studio import Studio
from tests.ui import scenes_joining, scenes_panels, scenes_people, scenes_switches, scenes_sync, scenes_window

SCENES = (
    scenes_panels.SCENES
    | scenes_switches.SCENES
    | scenes_sync.SCENES
    | scenes_window.SCENES
    | scenes_joining.SCENES
    | scenes_people.SCENES
)
FOLDER = Path(__file__).parents[2] / "resources" / "screenshots"
SIZE = QSize(1366, 768)
MOST_BYTES = 200_000
COLOURS = 256


def indexed(image: QImage) -> QImage:
    """The picture in the 256 colours that it loses least with: a small sign in a colour of its own keeps it."""
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    found, counts = np.unique(np.frombuffer(plain.constBits(), np.uint32), return_counts=True)
    parts = np.stack([(found >> shift) & 255 for shift in (16, 8, 0)], axis=1).astype(np.int64)
    place = int(counts.argmax())
    kept, far = [place], np.full(len(found), np.iinfo(np.int64).max // 10**9)
    while len(kept) < min(COLOURS, len(found)):
        far = np.minimum(far, ((parts - parts[place]) ** 2).sum(axis=1))
        place = int((far * counts).argmax())
        kept.append(place)
    table = found[kept].tolist()
    flags = Qt.ImageConversionFlag.ThresholdDither | Qt.ImageConversionFlag.AvoidDither
    return plain.convertToFormat(QImage.Format.Format_Indexed8, table, flags)


def main(arguments: list[str]) -> int:
    """Exit code 1 when a picture became too large or a scene failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.ui.pictures")
    parser.add_argument("scene", nargs="*", help="all without a name; --list names them")
    parser.add_argument("--to", type=Path, default=FOLDER)
    parser.add_argument("--list", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.list:
        print("\n".join(SCENES))
        return 0
    if unknown := set(asked.scene) - set(SCENES):
        parser.error(f"there is no scene {', '.join(sorted(unknown))}; --list names those there are")
    application = QApplication.instance() or QApplication(["pictures"])
    policy, too_large = load(default_path()), []
    theme = Theme("dark", application)
    theme.dress()
    press.install(application)

    def take(name: str, widget: QWidget) -> None:
        path = asked.to / f"{name}.png"
        indexed(widget.grab().toImage()).save(str(path))
        print(f"{path.stat().st_size:>8,}  {path.name}", flush=True)
        if path.stat().st_size > MOST_BYTES:
            too_large.append(path.name)

    for name in asked.scene or SCENES:
        with tempfile.TemporaryDirectory() as folder:
            studio = Studio(Path(folder), policy, theme, SIZE)
            try:
                SCENES[name](studio, take)
            finally:
                studio.close()
                theme.use("dark")
    if too_large:
        print(f"larger than {MOST_BYTES:,} bytes: {', '.join(too_large)}", file=sys.stderr)
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
