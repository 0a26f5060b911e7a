"""The desk's window painted for the first time, against an empty QMainWindow: each in a fresh process, offscreen.

Ours is the way `incident-console` goes - command line, window, theme, docks - up to the first paint, and says which
heavy libraries were loaded by then: there must be none.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.pairs import in_turn, row

PAIRS = 11
HEAVY = ("numpy", "pyqtgraph", "sqlite_utils", "requests", "keyring")

OURS = """
import json, os, sys, time
from console.ui.program import Program
def painted(self):
    seen = [time.monotonic(), time.process_time(), sorted(set(sys.modules) & set(%r))]
    print(json.dumps(seen), flush=True)
    os._exit(0)
Program._on_painted = painted
from console.cli import main
main(["--store", sys.argv[1]])
"""

REFERENCE = """
import json, os, sys, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
def painted():
    print(json.dumps([time.monotonic(), time.process_time(), []]), flush=True)
    os._exit(0)
class Window(QMainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        QTimer.singleShot(0, painted)
application = QApplication([])
window = Window()
window.resize(1366, 768)
window.show()
application.exec()
"""


def measure(work: Path) -> dict[str, object]:
    """Milliseconds from the start of the process to the first paint; raises RuntimeError when something heavy came."""
    home = work / "home"
    home.mkdir()
    environment = dict(os.environ, QT_QPA_PLATFORM="offscreen", HOME=str(home), XDG_CONFIG_HOME=str(home / "config"))
    cpu: dict[str, list[float]] = {"ours": [], "reference": []}

    def start(name: str, code: str) -> Callable[[], float]:
        def once() -> float:
            begun = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-c", code, str(work / "store")],
                env=environment, capture_output=True, check=True, text=True, timeout=60,
            )  # fmt: skip
            painted, used, heavy = json.loads(done.stdout.splitlines()[-1])
            if heavy:
                raise RuntimeError(f"loaded before the first paint: {', '.join(heavy)}")
            cpu[name].append(used * 1000)
            return float((painted - begun) * 1000)

        return once

    mine, theirs = in_turn(start("ours", OURS % (HEAVY,)), start("reference", REFERENCE), PAIRS)
    used, theirs_used = (statistics.median(cpu[name]) for name in ("ours", "reference"))
    note = f"processor time {used:.0f} ms against {theirs_used:.0f} ms, ratio {used / theirs_used:.2f}"
    return row(mine, theirs, "ms to the first paint", [note])
