"""A metric stream for tests of the window: blocks as the range emits them, put into rings that a bridge shows.

Values are seeded; a fault makes one tenant's grounding fall. Time is given, never read.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from console.runtime.rings import Rings, Sample, series_name
from console.runtime.telemetry_feed import FeedStatus
from console.ui.bridge import Bridge
from console.ui.frame import Frame
from tests.fakes.desk_frame import Outside

SLOT_US = 250_000
TENANTS = ("tenant.borealis", "tenant.cascade", "tenant.dunmore", "tenant.estuary")
LEVELS: Mapping[str, tuple[float, float]] = {
    "grounding_score": (0.86, 0.05), "refusal_rate": (0.03, 0.17), "policy_violation_rate": (0.002, 0.04),
    "schema_error_rate": (0.01, 0.1), "tool_calls": (0.4, 0.6), "cost_velocity_usd": (0.01, 0.004),
    "approval_ms": (900, 150), "output_tokens": (180, 60), "state_repetition_count": (0, 0.15),
    "http_error_rate": (0.001, 0.03), "latency_ms": (700, 200), "first_token_ms": (200, 50),
    "shed_rate": (0.0, 0.02), "requests": (1, 0),
}  # fmt: skip


@dataclass
class Stream:
    """Blocks into `rings`; `bad`: {(metric, tenant): mean} of what has gone wrong, `gone`: tenants without traffic."""

    rings: Rings = field(default_factory=Rings)
    slot: int = 1_769_868_131 * 4
    seed: int = 5
    bad: dict[tuple[str, str], float] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def block(self, requests: int = 4) -> None:
        """One block of a quarter of a second, of all tenants."""
        self.slot += 1
        self.rings.add([s for tenant in TENANTS if tenant not in self.gone for s in self._of(tenant, requests)])

    def run(self, blocks: int) -> None:
        """Many blocks."""
        for _ in range(blocks):
            self.block()

    def pause(self, blocks: int) -> None:
        """Time without the stream."""
        self.slot += blocks

    def _of(self, tenant: str, requests: int) -> Iterable[Sample]:
        for surface in ("surface.assistant", "surface.agent"):
            dims = {"tenant": tenant, "surface": surface, "region": "region.north", "model": "model.orion-2"}
            for metric, (mean, spread) in LEVELS.items():
                centre = self.bad.get((metric, tenant), mean)
                values = [max(self._chance.gauss(centre, spread), 0.0) for _ in range(requests)]
                if metric.endswith("_rate"):
                    values = [1.0 if self._chance.random() < centre else 0.0 for _ in range(requests)]
                name = series_name(metric, dims)
                yield Sample(name, self.slot * SLOT_US, requests, sum(values), min(values), max(values))


@dataclass
class Feed:
    """What a bridge shows of a stream."""

    rings: Rings
    lamps: Mapping[str, Any] = field(default_factory=dict)
    status: FeedStatus = field(default_factory=lambda: FeedStatus("live", 0, 0))


class StreamedBridge(Bridge):
    """A bridge whose desk has a metric stream though it has no plane."""

    stream_feed: Feed | None = None

    @property
    def feed(self) -> Any:
        return self.stream_feed


def streamed(frame: Frame, outside: Outside, stream: Stream | None) -> tuple[Frame, Feed]:
    """The frame with a bridge to the same desk that also shows the stream; close its bridge at the end."""
    bridge = StreamedBridge(frame.notices, frame.bridge.parent())
    bridge.attach(outside.desk)
    frame.bridge.changed.connect(bridge.changed)
    feed = Feed(stream.rings if stream is not None else Rings())
    bridge.stream_feed = feed if stream is not None else None
    return replace(frame, bridge=bridge), feed
