"""The lane of evidence: brings to the plane the blobs of this desk's own captures, oldest first, one after the other.

It has a thread and a connection of its own, so sync and commands never wait for it. A blob that was cut short goes on
where it stopped. Only captures that the plane has accepted are sent; what it refuses is told once and left alone.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from console.domain.changes import Changes
from console.domain.errors import ConsoleError
from console.queries.evidence import OwnCapture, own_captures
from console.remote.faults import GarbledAnswer, ProblemAnswer
from console.remote.plane_client import PlaneClient
from console.runtime.blob_errands import send_blob
from console.runtime.inbox import Inbox
from console.runtime.writer import RecordWriter
from console.store.blobs import BlobStore
from console.store.faults import StoreDamageFault
from console.store.readers import Reader
from console.sync.pace import after_retry

KINDS = ("evidence", "seal", "sync")
RATE = 8 * 1024 * 1024
"""Bytes a second at most, so that a line that sync shares is never filled by evidence."""
ASKED_S = 0.01
"""After every blob that was asked about; 1,000 blobs take ten seconds more for it."""
GAP_S = 0.2
"""Between two looks at the record."""
PART = 512 * 1024
"""Bytes of one request: small enough for a slow line, and little is sent again when it breaks."""
PAGE = 200
TRIES = 3
"""Times a blob may meet an answer that nobody understands before it is left alone."""
_UNFIT, _LATER = frozenset({413, 422}), frozenset({401, 403, 429, 503})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Look:
    """There may be something to send."""


class BlobLoop:
    """`device` is this desk's id, `client` the lane's to close, `roll` chance in [0, 1).

    `tell` gets a sentence that a person must read; `rate` is in bytes a second.

    What is known to be at the plane is kept beside the blobs as one mark, "epoch event": everything captured up to that
    event is there. So a restart asks only about what came after it. Under another epoch all is asked about again, one
    small request a blob.
    """

    def __init__(
        self,
        *,
        device: str,
        writer: RecordWriter,
        open_reader: Callable[[], Reader],
        client: PlaneClient,
        blobs: BlobStore,
        roll: Callable[[], float],
        tell: Callable[[str], None],
        rate: int = RATE,
    ) -> None:
        self._writer, self._open_reader, self._client, self._blobs = writer, open_reader, client, blobs
        self._device, self._roll, self._tell, self._rate = device, roll, tell, rate
        self._inbox: Inbox[_Look] = Inbox()
        self._asked, self._closing, self._online = threading.Event(), threading.Event(), threading.Event()
        self._there, self._refused, self._puzzles = set[str](), set[str](), Counter[str]()
        self._epoch, self._done, self._failures = "", 0, 0
        self._thread = threading.Thread(target=self._run, name="blobs")

    def start(self) -> None:
        """Begins with what the record holds, as soon as the plane answers."""
        self._writer.listen(self._on_changes)
        self._thread.start()

    def connected(self, online: bool) -> None:
        """Says whether the plane answers; while it does not, nothing is sent."""
        if not online:
            self._online.clear()
        elif not self._online.is_set():
            self._online.set()
            self._look()

    def stop(self) -> None:
        """Cuts short what is under way and returns when the thread has ended; the next start goes on from there."""
        self._closing.set()
        self._inbox.close()
        self._client.abort()
        if self._thread.ident is not None:
            self._thread.join()
        self._client.close()

    def _on_changes(self, changes: Changes) -> None:
        if any(changes.touches(kind) for kind in KINDS):
            self._look()

    def _look(self) -> None:
        if not self._asked.is_set() and not self._closing.is_set():
            self._asked.set()
            self._inbox.put(_Look())

    def _run(self) -> None:
        try:
            with self._open_reader() as db:
                for _ in self._inbox:
                    self._asked.clear()
                    if self._online.is_set():
                        self._try_round(db)
                        self._closing.wait(GAP_S)
        except ConsoleError as error:
            _log.error("evidence cannot be sent, the record cannot be read: %s", error.sentence)
        except Exception:  # noqa: BLE001 - nobody joins this thread to see it
            _log.exception("a bug has ended the sending of evidence")

    def _try_round(self, db: Reader) -> None:
        before = len(self._refused)
        refusals: list[str] = []
        try:
            self._round(db, refusals)
            self._failures = 0
        except ConsoleError as error:
            if self._closing.is_set():
                return
            _log.info("evidence is sent later: %s", error.sentence)
            self._failures += 1
            patience = error.retry_after_s if isinstance(error, ProblemAnswer) else 0.0
            self._inbox.after(after_retry(patience, self._failures, self._roll()), _Look())
        if refusals:
            count = len(self._refused) - before
            what = "A piece of evidence is" if count == 1 else f"{count} pieces of evidence are"
            self._tell(f"{what} kept on this desk and cannot be sent to the plane: {refusals[0]}")

    def _round(self, db: Reader, refusals: list[str]) -> None:
        """Sends what is due; `refusals` gets the reason for every blob that is left alone from now on."""
        self._follow_epoch(db)
        at, whole, mark = self._done, True, ""
        try:
            while page := own_captures(db, self._device, at, PAGE):
                for capture in page:
                    at = capture.n
                    whole = self._is_settled(capture, refusals) and whole
                    if whole:
                        self._done, mark = capture.n, capture.event_id
                    if self._closing.is_set() or not self._online.is_set():
                        return
        finally:
            if mark:
                self._blobs.keep_mark(f"{self._epoch} {mark}")

    def _follow_epoch(self, db: Reader) -> None:
        """A plane that was put back may lack blobs that it had; so nothing is taken for known under another epoch."""
        epoch = str(db.value("SELECT epoch FROM sync_state", default=""))
        if epoch == self._epoch:
            return
        self._epoch, self._done = epoch, 0
        self._there.clear()
        marked, _, event_id = self._blobs.mark().partition(" ")
        if marked == epoch:
            self._done = int(db.value("SELECT n FROM event WHERE event_id = ?", (event_id,), default=0))

    def _is_settled(self, capture: OwnCapture, refusals: list[str]) -> bool:
        """Whether nothing is left to do for that capture; what the plane rejected is nobody's evidence."""
        if capture.status == "rejected":
            return True
        if capture.status != "accepted":
            return False
        # a list, because one that is refused does not keep the other
        there = [self._is_there(blob, refusals) for blob in capture.blobs]
        return all(there)

    def _is_there(self, sha256: str, refusals: list[str]) -> bool:
        """Whether the plane holds that blob now; raises what keeps all of them from being sent."""
        if sha256 in self._there:
            return True
        if sha256 in self._refused or not self._blobs.path(sha256).exists() or not self._online.is_set():
            return False
        try:
            sent = send_blob(self._client, self._blobs, sha256, PART, self._rest)
        except (ProblemAnswer, GarbledAnswer, StoreDamageFault) as error:
            if isinstance(error, ProblemAnswer) and error.status in _LATER:
                raise
            self._puzzles[sha256] += 1
            unfit = isinstance(error, ProblemAnswer) and error.status in _UNFIT
            if not unfit and self._puzzles[sha256] < TRIES:
                raise
            _log.warning("blob %s is not sent any more: %s", sha256, error.sentence)
            self._refused.add(sha256)
            refusals.append(error.sentence)
            return False
        _log.info("blob %s is at the plane, %d bytes were sent", sha256, sent)
        self._there.add(sha256)
        self._closing.wait(ASKED_S)
        return True

    def _rest(self, sent: int) -> None:
        self._closing.wait(sent / self._rate)
