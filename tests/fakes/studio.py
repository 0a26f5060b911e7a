"""A stand for pictures of the window: a real desk whose clock, ids and keys repeat, a plane and a stream that are made.

Time passes only by `pass_time`, so the same scene gives the same picture; only graphs also move with the seconds that
really pass. End it with `close`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSize, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from console.domain.times import format_utc, to_epoch_us
from console.policy import Policy
from console.runtime.desk import Desk, DeskSettings
from console.runtime.telemetry_feed import FeedStatus
from console.sync.step import Connection
from console.ui.frame import Frame
from console.ui.notices import Notices
from console.ui.selection import Selection
from console.ui.theme import Theme
from tests.fakes.desk_frame import DESK_KEY, Outside, make_session
from tests.fakes.metric_stream import Feed, Stream, StreamedBridge
from tests.fakes.record_kit import Clock, body_of
from tests.fakes.story import STOP, Story
from tests.fakes.switch_stand import ScriptedBridge, ScriptedPlane, SwitchStand
from tests.waiting import wait_until

TARGET, GROUNDING = "tenant.borealis", "grounding_score"
PLANE_URL = "https://plane.example.org"
SHORT_MS = 1_000
SENTENCE = "The plane does not answer since 14:02:40 UTC; connection refused."


class StudioBridge(ScriptedBridge, StreamedBridge):
    """A bridge to a scripted plane that also shows a stream."""


class Studio:
    """Attributes: `frame`, `desk`, `outside`, `story` (an incident, not opened yet), `stand`, `stream`, `clock`."""

    def __init__(self, folder: Path, policy: Policy, theme: Theme, size: QSize) -> None:
        self.size, self.theme, self.clock, self.folder = size, theme, Clock(), folder
        self._parent, self._shown = QObject(), list[QWidget]()
        chance = random.Random(7)
        notices = Notices(self._parent)
        self.bridge = StudioBridge(notices, self._parent)
        self.desk = Desk(
            DeskSettings(
                folder=folder / "store", device_key=DESK_KEY, exercise=True, policy_hash=policy.hash,
                plane_url=PLANE_URL, clock=self.clock, roll=chance.random, random10=lambda: chance.randbytes(10),
                nonce=lambda: chance.randbytes(32).hex(),
            )
        )  # fmt: skip
        self.bridge.listen_to(self.desk)
        self.desk.start(outside=False)
        self.bridge.attach(self.desk)
        self.bridge.plane = ScriptedPlane(policy, self.clock)
        self.bridge.link = self.online()
        self.stream = Stream()
        self.bridge.stream_feed = Feed(self.stream.rings)
        self.outside = Outside(self.desk)
        self.outside.found()
        self.frame = Frame(self.bridge, make_session(), Selection(self._parent), theme, notices, policy)
        self.story = Story(self._act, self.outside.send, self.outside.root, self.outside.plane)
        self.stand = SwitchStand(self.frame, self.bridge, self.bridge.plane, self.desk, self.outside)

    # -- time and what happens in it

    def pass_time(self, seconds: float) -> None:
        """Moves every clock on."""
        self.clock.now += timedelta(seconds=seconds)
        for author in (self.outside.plane, self.outside.root):
            author.made += round(seconds * 1_000)

    def now_text(self, seconds: float = 0) -> str:
        """The desk's clock, moved by `seconds`."""
        return format_utc(self.clock.now + timedelta(seconds=seconds))

    def tell(self, *stages: str, every_s: float = 20) -> None:
        """Stages of the story, one after the other, with time between them; chooses the incident at the first."""
        for stage in stages:
            self.pass_time(every_s)
            if stage == "opened":
                self.opened()
            else:
                self._play(stage)
            self.sync()

    def _play(self, stage: str) -> None:
        if stage == "concluded":
            fields: dict[str, Any] = {"branches": ["model"], "runbook": "ungrounded_answer", "class": "semantic"}
            self.story.from_desk("triage.concluded", containment=[STOP], **fields)
        else:
            self.story.play(stage)

    def opened(self, **fields: Any) -> None:
        """Opens the story's incident and chooses it."""
        self.story.certify()
        self.story.opened(**({"detected_at": self.now_text()} | fields))
        self.stand.incident = self.story.incident
        breach = body_of(
            "signal.breached", metric=GROUNDING, value="0.41", threshold="0.70", samples=240, window_s=60,
            series={"tenant": TARGET}, fingerprint="f", onset="",
        )  # fmt: skip
        self.outside.send(self.outside.plane.write("signal.breached", self.story.incident, breach))
        self.frame.selection.choose_incident(self.story.incident, TARGET)

    def flow(self, quiet_blocks: int = 480, bad_blocks: int = 160) -> None:
        """Minutes of the stream up to now, the last of them with a fault, and the lamps that the plane makes of it."""
        self.stream.slot = to_epoch_us(self.clock.now) // 250_000 - quiet_blocks - bad_blocks
        self.stream.run(quiet_blocks)
        if bad_blocks:
            self.stream.bad[GROUNDING, TARGET] = 0.4
            self.stream.run(bad_blocks)
        behaviour = "abnormal" if bad_blocks else "normal"
        lamps = {"service": {"state": "normal", "because": ""}, "behaviour": {"state": behaviour, "because": GROUNDING}}
        now = to_epoch_us(self.clock.now)
        self.bridge.stream_feed = Feed(self.stream.rings, lamps, FeedStatus("live", now, now))

    def online(self) -> Connection:
        """Synced a moment ago."""
        now = to_epoch_us(self.clock.now)
        return Connection("online", now, now, 0, "")

    def sync(self) -> None:
        """The plane takes what was written here and orders it; everything has just been synced."""
        waiting = "SELECT event_id FROM timeline WHERE status = 'pending' ORDER BY n"
        ids = self.desk.query(lambda reader: [row[0] for row in reader.tuples(waiting)])
        self.outside.send(*(self.desk.query(partial(_event, event_id)) for event_id in ids))
        self.bridge.set_link(self.online())

    def go_offline(self) -> None:
        """The plane is gone: nothing is sent, the stream is silent."""
        then = to_epoch_us(self.clock.now)
        self.pass_time(252)
        feed = self.bridge.stream_feed
        self.bridge.stream_feed = Feed(self.stream.rings, feed.lamps if feed else {}, FeedStatus("silent", then, then))
        self.bridge.set_link(Connection("offline", then, then, 3, SENTENCE))

    # -- showing

    def show(self, widget: QWidget, size: QSize | None = None) -> QWidget:
        """Shows a widget at the studio's size, or another, and waits until it has read everything."""
        self._shown.append(widget)
        widget.resize(size or self.size)
        widget.show()
        widget.activateWindow()
        self.settle()
        return widget

    def until(self, look: Callable[[], Any]) -> None:
        """Runs the event loop until `look` is true; AssertionError after 20 s."""

        def looked() -> Any:
            QApplication.processEvents()
            return look()

        wait_until(looked, 20, f"a scene: {look}")

    def settle(self) -> None:
        """Runs the event loop until every question is answered and nothing short is still to come."""
        for _ in range(3):
            QApplication.processEvents()
            self.until(self._is_quiet)

    def close(self) -> None:
        """Puts everything away."""
        for widget in self._shown:
            widget.close()
            widget.deleteLater()
        self.bridge.close()
        self.desk.stop()
        self.bridge.join()
        self._parent.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def _is_quiet(self) -> bool:
        timers = [timer for top in QApplication.topLevelWidgets() for timer in top.findChildren(QTimer)]
        waiting = any(one.isActive() and one.isSingleShot() and one.interval() <= SHORT_MS for one in timers)
        return not waiting and not self.bridge._asked and not self.bridge._arrived

    def _act(self, work: Callable[..., Any]) -> Any:
        return self.desk.act(work).result(10)


def _event(event_id: str, reader: Any) -> Any:
    return reader.event(event_id)
