"""Reads the plane's metric stream into rings and hands each block to its listeners; silence is known, with its age.

Listeners run on the feed's thread and must return at once. A stream that breaks is taken up again after a jitter, from
where it broke; what was missed meanwhile stays a gap.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.domain.errors import ConsoleError
from console.domain.times import to_epoch_us
from console.remote.faults import GarbledAnswer
from console.remote.plane_client import PlaneClient
from console.runtime.rings import Rings, Sample, samples_of
from console.sync.pace import full_jitter

Listener = Callable[[tuple[Sample, ...]], None]

SILENCE_S = 5.0
"""The plane sends a block each 250 ms; so long without one and the connection is given up."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """`state` is connecting | live | silent; `last_us` when the last block came (desk's clock, 0: never).

    `since_us` is when the state began; `sentence` why it is silent.
    """

    state: str
    since_us: int
    last_us: int
    sentence: str = ""


class TelemetryFeed:
    """One thread on one stream; `rings` may be read from any thread."""

    def __init__(
        self,
        client: PlaneClient,
        *,
        clock: Callable[[], datetime],
        roll: Callable[[], float],
        on_status: Callable[[FeedStatus], None] = lambda status: None,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._client, self._clock, self._roll, self._on_status = client, clock, roll, on_status
        self._silence_s = silence_s
        self.rings = Rings()
        self.lamps: Mapping[str, Any] = {}
        """The plane's lamps as it last sent them."""
        self.status = FeedStatus("connecting", self._now_us(), 0)
        self._listeners: tuple[Listener, ...] = ()
        self._after = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry")

    def listen(self, listener: Listener) -> None:
        """Calls `listener` with the samples of every block from now on."""
        self._listeners = (*self._listeners, listener)

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def stop(self) -> None:
        """Cuts the stream and returns when the thread has ended."""
        self._stopping.set()
        self._client.abort()
        if self._thread.ident is not None:
            self._thread.join()
        self._client.close()

    def _now_us(self) -> int:
        return to_epoch_us(self._clock())

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            blocks = 0
            try:
                with self._client.metrics(self._after, self._silence_s) as stream:
                    for event in stream:
                        self._after = event.id or self._after
                        self._take(event.data)
                        blocks += 1
                sentence = "The plane ended the metric stream."
            except ConsoleError as error:
                sentence = error.sentence
            except Exception:  # noqa: BLE001 - nobody joins this thread to see it
                _log.exception("a bug interrupted the metric stream")
                sentence = "A bug interrupted the metric stream."
            if self._stopping.is_set():
                return
            self._say("silent", sentence)
            failures = 1 if blocks else failures + 1
            self._stopping.wait(full_jitter(failures, self._roll()))

    def _take(self, data: str) -> None:
        block = _block(data)
        samples = samples_of(block)
        if isinstance(block.get("lamps"), dict):
            self.lamps = block["lamps"]
        self.rings.add(samples)
        self._say("live", "")
        for listener in self._listeners if samples else ():
            listener(samples)

    def _say(self, state: str, sentence: str) -> None:
        now_us, before = self._now_us(), self.status
        last_us = now_us if state == "live" else before.last_us
        since_us = before.since_us if before.state == state else now_us
        self.status = FeedStatus(state, since_us, last_us, sentence)
        if before.state != state or before.sentence != sentence:
            self._on_status(self.status)


def _block(data: str) -> dict[str, Any]:
    try:
        block = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise GarbledAnswer("The plane's metric stream is not JSON.") from error
    if not isinstance(block, dict):
        raise GarbledAnswer("The plane's metric stream is not made of JSON objects.")
    return block
