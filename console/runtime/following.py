"""How a window that only reads hears of what another process writes: it looks once a second whether anything changed.

SQLite says so without reading the record; only then is asked what is new. Listeners run on this thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from console.domain.changes import KINDS, Changes
from console.domain.errors import ConsoleError
from console.store.readers import Reader

LOOK_EVERY_S = 1.0

_log = logging.getLogger(__name__)


class Following:
    """Start it once, stop it once."""

    def __init__(self, open_reader: Callable[[], Reader], listeners: Sequence[Callable[[Changes], None]]) -> None:
        self._open_reader, self._listeners = open_reader, tuple(listeners)
        self._watching, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="following")

    def start(self) -> None:
        """Begins to look; what is written after this has returned is heard of."""
        self._thread.start()
        self._watching.wait()

    def stop(self) -> None:
        """Ends at once; returns when the thread has ended."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            with self._open_reader() as db:
                seen, last = _version(db), _last(db)
                self._watching.set()
                while not self._stopping.wait(LOOK_EVERY_S):
                    if (version := _version(db)) != seen:
                        seen, last = version, self._tell(db, last)
        except ConsoleError as error:
            _log.info("the other window is not followed any more: %s", error.sentence)
        except Exception:  # noqa: BLE001 - nobody joins this thread to see it
            _log.exception("a bug has ended the following of the other window")
        finally:
            self._watching.set()

    def _tell(self, db: Reader, last: int) -> int:
        """Everything may be stale, of what is new and of what is still open; returns the newest event's number."""
        fresh = db.tuples("SELECT n, event_id, incident FROM event WHERE n > ? ORDER BY n", (last,))
        still_open = db.tuples("SELECT incident FROM incident WHERE state <> 'closed'")
        incidents = frozenset(row[-1] for row in [*fresh, *still_open])
        changes = Changes(incidents, KINDS, tuple(event_id for _, event_id, _ in fresh))
        for listener in self._listeners:
            listener(changes)
        return fresh[-1][0] if fresh else last


def _version(db: Reader) -> int:
    return int(db.value("PRAGMA data_version"))


def _last(db: Reader) -> int:
    return int(db.value("SELECT ifnull(max(n), 0) FROM event"))
