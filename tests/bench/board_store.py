"""A store with very many incidents, made by SQL in a scratch folder, and a bridge to a desk on it; for benchmarks only.

Lines are written straight into the projections: a million signed events would take an hour and show nothing more here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from console.proof.keys import SigningKey
from console.runtime.desk import Desk, DeskSettings
from console.store._sqlite import Immediate, connect_writer
from console.store.opening import open_store, record_path
from console.ui.bridge import Bridge
from console.ui.notices import Notices
from console.ui.theme import Theme

RARE = "zebrafish"
WORDS = "grounding of answers fell below its floor at one tenant while every lamp of the service stayed normal"
PATIENCE_S = 60.0

_TITLE = f"printf('%s %d%s', '{WORDS}', k, iif(k % :every = 0, ' {RARE}', ''))"
_ID = "printf('%08x-%04x-7%03x-8%03x-%012x', 26000000 + k / 65536, k % 65536, k % 4096, k % 4093, k)"
_COUNTED = "WITH RECURSIVE counted(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM counted WHERE k < :count) "
_FILL = (
    f"{_COUNTED} INSERT INTO incident SELECT {_ID}, k, printf('e%d', k), {_TITLE}, 'telemetry', 'plane', "
    "strftime('%Y-%m-%dT%H:%M:%f000Z', 1700000000 + k, 'unixepoch'), '', 'grounding', '[]', 'tenant.borealis', '', "
    "'product_owner', '', 1, 'grounding', 'SEV-1', printf('SEV-%d', k % 5), printf('e%d', k), "
    "iif(k % 50, 'closed', 'open'), printf('e%d', k), iif(k % 3, 'a', '') FROM counted",
    f"{_COUNTED} INSERT INTO timeline SELECT k, printf('e%d', k), {_ID}, k, '019ac1f200000000', 'accepted', "
    f"'incident.opened', 'plane', '', '', {_TITLE} FROM counted",
    f"{_COUNTED} INSERT INTO role_holder SELECT k, {_ID}, 'incident_commander', 'ic@example.org', '', 0 FROM counted",
    "INSERT INTO search (rowid, text) SELECT n, text FROM timeline",
)


def fill(folder: Path, count: int, hits: int) -> None:
    """Makes a store with `count` incidents, of which `hits` hold the rare word; every fiftieth is open."""
    open_store(folder).close()
    path = record_path(folder)
    conn = connect_writer(path)
    try:
        with Immediate(conn, path):
            for sql in _FILL:
                conn.execute(sql, {"count": count, "every": count // hits})
    finally:
        conn.close()


@contextmanager
def bridge_on(folder: Path) -> Iterator[tuple[Bridge, Theme]]:
    """A bridge to a desk on that store, and the look."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme = Theme("dark", app)
    theme.dress()
    parent = QObject()
    desk = Desk(DeskSettings(folder=folder, device_key=SigningKey(os.urandom(32)), exercise=True))
    bridge = Bridge(Notices(parent), parent)
    bridge.listen_to(desk)
    desk.start()
    bridge.attach(desk)
    try:
        yield bridge, theme
    finally:
        bridge.close()
        desk.stop()
        parent.deleteLater()


def turn_until(met: Callable[[], bool]) -> None:
    """Runs the event loop until `met` says yes; gives up after a minute."""
    app, deadline = QApplication.instance(), time.monotonic() + PATIENCE_S
    assert app is not None
    while not met():
        assert time.monotonic() < deadline, "the board did not get there in a minute"
        app.processEvents()
