"""The only crossing between the desk's threads and the window.

Every method is called on the main thread and every callback runs on it. What the threads have to say is laid into one
queue and one private signal wakes the main thread, which re-emits the public signals; a callback whose owner has been
destroyed is dropped. Nothing here waits.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

from console.domain.changes import Changes
from console.domain.errors import ConsoleError, RefusedError
from console.proof.actor import Actor
from console.ui.notices import Notices

if TYPE_CHECKING:
    from console.runtime.desk import Desk

Then = Callable[[Any], object]

WORKERS = 2
SLICE_S = 0.008
"""How long one turn may hand out answers before the window gets to paint."""
BUG = "A fault of the program kept this from being done; it is in the log."

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Asked:
    """Who waits for an answer and what is done with it."""

    owner: QObject
    then: Then | None
    failed: Then | None


class Bridge(QObject):
    """Signals: `changed(Changes)` after commits, `connection_changed(Connection)`, `feed_changed(FeedStatus)`.

    Until `attach` there is no desk: whatever is asked fails with one sentence.
    """

    changed = Signal(object)
    connection_changed = Signal(object)
    feed_changed = Signal(object)
    attached = Signal()
    person_changed = Signal()
    """Somebody joined, signed in or changed seats, or the desk was locked; said by `seat`."""
    roles_changed = Signal()
    """The record has other roles for the person who sits here than the session had."""
    _news = Signal()

    def __init__(self, notices: Notices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._notices = notices
        self._desk: Desk | None = None
        self._closed = False
        self.person = ""
        """Who sits here, signed in or locked: whose drafts are shown."""
        self._locked = ""
        self._arrived: deque[tuple[str, Any]] = deque()
        self._asked: dict[int, _Asked] = {}
        self._serial = 0
        self._workers: ThreadPoolExecutor | None = None
        self._news.connect(self._on_news, Qt.ConnectionType.QueuedConnection)

    # -- the desk behind it

    def listen_to(self, desk: Desk) -> None:
        """Hears of everything the desk says; call it before the desk starts."""
        desk.on_changes(partial(self._arrive, "changed"))
        desk.on_connection(partial(self._arrive, "connection"))
        desk.on_feed(partial(self._arrive, "feed"))
        desk.on_notice(self.tell)

    def attach(self, desk: Desk) -> None:
        """From now on everything goes to this desk, which has started."""
        self._desk = desk
        self.attached.emit()

    def seat(self, person: str, locked: str = "") -> None:
        """Says who sits here from now on; while `locked` (why) nothing is written in anybody's name."""
        self.person, self._locked = person, locked
        self.person_changed.emit()

    @property
    def desk(self) -> Desk:
        """The desk; raises RefusedError before it is open and after it is closed."""
        if self._desk is None or self._closed:
            raise RefusedError("The desk is not open; wait a moment or open it again.")
        return self._desk

    @property
    def is_open(self) -> bool:
        """Whether there is a desk to ask."""
        return self._desk is not None and not self._closed

    @property
    def connection(self) -> Any:
        """How the desk stands to its plane (`console.sync.step.Connection`)."""
        from console.runtime.desk import NO_PLANE

        return self._desk.connection if self._desk is not None and not self._closed else NO_PLANE

    @property
    def has_plane(self) -> bool:
        """Whether this desk was given a plane's address."""
        return self._desk is not None and bool(self._desk.settings.plane_url)

    @property
    def feed(self) -> Any:
        """The metric stream, None without a plane."""
        return self._desk.feed if self._desk is not None and not self._closed else None

    @property
    def lamps(self) -> Mapping[str, Any]:
        """The plane's lamps as it last sent them; empty before it did."""
        return self.feed.lamps if self.feed is not None else {}

    @property
    def rings(self) -> Any:
        """The newest samples a series, None without a plane."""
        return self.feed.rings if self.feed is not None else None

    @property
    def clock_offset(self) -> Any:
        """How far the plane's clock is ahead, None before it was measured."""
        return self._desk.clock_offset if self._desk is not None and not self._closed else None

    def now(self) -> datetime:
        """The desk's clock."""
        return self._desk.settings.clock() if self._desk is not None else datetime.now(UTC)

    # -- what a panel asks

    def act(
        self,
        verb: Callable[..., Any],
        *args: Any,
        owner: QObject,
        then: Then | None = None,
        failed: Then | None = None,
        **kw: Any,
    ) -> None:
        """Does `verb(record, *args, **kw)` on the writer's thread; adds `now` where the verb wants one.

        `then` gets what the verb returned, `failed` the error; without `failed` the error becomes a notice.
        """
        if "now" not in kw and _wants_now(verb, args):
            kw["now"] = self.now()
        signs = any(isinstance(one, Actor) for one in (*args, *kw.values()))
        self._submit(lambda: self._may_write(signs).act(verb, *args, **kw), owner, then, failed)

    def ask(
        self, noun: Callable[..., Any], *args: Any, owner: QObject, then: Then, failed: Then | None = None, **kw: Any
    ) -> None:
        """Asks `noun(reader, *args, **kw)` on a reader's thread."""
        self._submit(lambda: self.desk.ask(noun, *args, **kw), owner, then, failed)

    def errand(
        self, request: Callable[[Any], Any], *, owner: QObject, then: Then | None = None, failed: Then | None = None
    ) -> None:
        """Does `request(client)` on an errand thread, on a connection to the plane."""
        self._submit(lambda: self.desk.errand(request), owner, then, failed)

    def work(
        self, job: Callable[[], Any], *, owner: QObject, then: Then | None = None, failed: Then | None = None
    ) -> None:
        """Does a long job on a worker: a capture, a package, a verification. It must not touch a widget.

        A job that was bound to an actor writes in their name, and is not begun while the desk is locked.
        """
        bound = (*job.args, *job.keywords.values()) if isinstance(job, partial) else ()
        signs = any(isinstance(one, Actor) for one in bound)
        self._submit(lambda: self._pool(signs).submit(job), owner, then, failed)

    def sync_now(self) -> None:
        """Ends every wait of the sync."""
        if self._desk is not None and not self._closed:
            self._desk.sync_now()

    def tell(self, sentence: str) -> None:
        """Says a sentence from any thread; it is shown as an error."""
        self._arrive("sentence", sentence)

    def close(self) -> None:
        """Hears, asks and answers nothing from now on; stop the desk next, then `join`."""
        self._closed = True
        self._asked.clear()
        self._arrived.clear()
        if self._workers is not None:
            self._workers.shutdown(wait=False, cancel_futures=True)

    def join(self) -> None:
        """Returns when no worker is at work any more; the desk has stopped, so none waits for it."""
        if self._workers is not None:
            self._workers.shutdown(wait=True)
            self._workers = None

    # -- how it crosses

    def _may_write(self, signs: bool) -> Desk:
        """The desk, unless what is to be written is in somebody's name and nobody is there to mean it."""
        self._refuse_locked(signs)
        return self.desk

    def _refuse_locked(self, signs: bool) -> None:
        if signs and self._locked:
            raise RefusedError(self._locked)

    def _pool(self, signs: bool) -> ThreadPoolExecutor:
        self._refuse_locked(signs)
        if self._closed:
            raise RefusedError("The desk is closing, so no new work is begun.")
        if self._workers is None:
            self._workers = ThreadPoolExecutor(WORKERS, "desk-work")
        return self._workers

    def _submit(self, start: Callable[[], Future[Any]], owner: QObject, then: Then | None, failed: Then | None) -> None:
        asked = _Asked(owner, then, failed)
        try:
            future = start()
        except ConsoleError as error:
            future = Future()
            future.set_exception(error)
        self._serial += 1
        self._asked[self._serial] = asked
        future.add_done_callback(partial(self._answered, self._serial))

    def _answered(self, serial: int, future: Future[Any]) -> None:
        self._arrive("answer", (serial, future))

    def _arrive(self, kind: str, value: Any) -> None:
        """Called on any thread."""
        if self._closed:
            return
        self._arrived.append((kind, value))
        self._wake()

    def _wake(self) -> None:
        try:
            self._news.emit()
        except RuntimeError:  # the window went while a thread was speaking
            self._closed = True

    def _on_news(self) -> None:
        until = time.monotonic() + SLICE_S
        changes = Changes()
        while self._arrived and not self._closed:
            kind, value = self._arrived.popleft()
            if kind == "changed":
                changes = changes.merged(value)
                continue
            if changes:  # an answer is given after the changes that came before it
                changes = self._tell(changes)
            self._hand_out(kind, value)
            if time.monotonic() > until and self._arrived:
                self._news.emit()
                break
        if changes and not self._closed:
            self._tell(changes)

    def _tell(self, changes: Changes) -> Changes:
        self.changed.emit(changes)
        return Changes()

    def _hand_out(self, kind: str, value: Any) -> None:
        if kind == "connection":
            self.connection_changed.emit(value)
        elif kind == "feed":
            self.feed_changed.emit(value)
        elif kind == "sentence":
            self._notices.say(value, "error")
        else:
            serial, future = value
            asked = self._asked.pop(serial, None)
            if asked is not None:
                self._answer(asked, future)

    def _answer(self, asked: _Asked, future: Future[Any]) -> None:
        error = _error_of(future)
        if not shiboken6.isValid(asked.owner):
            return
        if error is None:
            if asked.then is not None:
                asked.then(future.result())
        elif asked.failed is not None:
            asked.failed(error)
        else:
            self._notices.say(sentence_of(error), "error" if not isinstance(error, RefusedError) else "warning")


def sentence_of(error: BaseException) -> str:
    """One sentence for a person; what is not ours is a fault of the program, already in the log."""
    return error.sentence if isinstance(error, ConsoleError) else BUG


def _error_of(future: Future[Any]) -> BaseException | None:
    if future.cancelled():
        return CancelledError()
    error = future.exception()
    if error is not None and not isinstance(error, ConsoleError):
        _log.error("a job failed", exc_info=error)
    return error


def _wants_now(verb: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    try:
        signature = inspect.signature(verb)
        return "now" in signature.parameters and "now" not in signature.bind_partial(None, *args).arguments
    except (TypeError, ValueError):
        return False
