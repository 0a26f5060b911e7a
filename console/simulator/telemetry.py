"""Telemetry: what the outcomes of requests add up to, in batches of 250 ms, kept for a minute and streamed as SSE.

A sample is (metric, dims) with n, sum, min and max over one batch; a metric without an observation in a batch is
absent, never zero. Batch ids are epoch time in 250 ms steps, so they keep growing over a restart of the gateway.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

from console.simulator.service import Outcome
from console.simulator.world import Route

BATCH_US = 250_000
KEPT_BATCHES = 240
BEHAVIOUR = (
    "grounding_score",
    "refusal_rate",
    "policy_violation_rate",
    "schema_error_rate",
    "tool_calls",
    "cost_velocity_usd",
    "approval_ms",
    "output_tokens",
    "state_repetition_count",
)
INFRASTRUCTURE = ("http_error_rate", "latency_ms", "first_token_ms", "shed_rate", "requests")
METRICS = (*BEHAVIOUR, *INFRASTRUCTURE)
"""Names as in data/thresholds; the order is the order of samples in a batch."""

_Sum = list[float]


class Meter:
    """Adds observations up by series; `close_batch` hands the finished batch out and starts the next."""

    def __init__(self) -> None:
        self._series: dict[tuple[Route, str], dict[str, _Sum]] = {}

    def arrived(self, route: Route, model: str, *, shed: bool) -> None:
        """A request came; `shed` when it was turned away for overload."""
        series = self._open(route, model)
        _add(series, "requests", 1.0)
        _add(series, "shed_rate", 1.0 if shed else 0.0)

    def failed(self, route: Route, model: str) -> None:
        """A request ended in a fault of the gateway itself."""
        _add(self._open(route, model), "http_error_rate", 1.0)

    def finished(self, route: Route, outcome: Outcome, first_token_ms: float, latency_ms: float) -> None:
        """A request was answered to its end; times are as measured, in milliseconds."""
        series = self._open(route, outcome.model)
        if outcome.grounding is not None:
            _add(series, "grounding_score", outcome.grounding)
        _add(series, "refusal_rate", float(outcome.refused))
        _add(series, "policy_violation_rate", float(outcome.policy_violation))
        _add(series, "schema_error_rate", float(outcome.schema_error))
        _add(series, "tool_calls", float(outcome.tool_calls))
        _add(series, "cost_velocity_usd", outcome.cost_microusd / 1e6)
        if outcome.approval_ms is not None:
            _add(series, "approval_ms", outcome.approval_ms)
        _add(series, "output_tokens", float(outcome.output_tokens))
        _add(series, "state_repetition_count", float(outcome.state_repetition))
        _add(series, "http_error_rate", 0.0)
        _add(series, "latency_ms", latency_ms)
        _add(series, "first_token_ms", first_token_ms)

    def close_batch(self) -> list[dict[str, Any]]:
        """The samples since the last call, as they are sent."""
        finished, self._series = self._series, {}
        samples = []
        for (route, model), series in finished.items():
            dims = {"tenant": route.tenant, "surface": route.surface, "region": route.region, "model": model}
            for metric in METRICS:
                if metric in series:
                    n, total, least, most = series[metric]
                    samples.append(
                        {"metric": metric, "dims": dims, "n": int(n), "sum": total, "min": least, "max": most}
                    )
        return samples

    def _open(self, route: Route, model: str) -> dict[str, _Sum]:
        return self._series.setdefault((route, model), {})


def _add(series: dict[str, _Sum], metric: str, value: float) -> None:
    found = series.get(metric)
    if found is None:
        series[metric] = [1.0, value, value, value]
        return
    found[0] += 1.0
    found[1] += value
    if value < found[2]:
        found[2] = value
    elif value > found[3]:
        found[3] = value


class Feed:
    """The last minute of batches as SSE text, and a wake-up for those who wait for the next."""

    def __init__(self) -> None:
        self._batches: deque[tuple[int, bytes]] = deque(maxlen=KEPT_BATCHES)
        self._waiting: asyncio.Future[None] | None = None

    def publish(self, epoch_us: int, samples: list[dict[str, Any]]) -> None:
        """Adds the batch that ended at `epoch_us` and wakes every waiting reader."""
        batch_id = epoch_us // BATCH_US
        data = json.dumps({"t": epoch_us, "samples": samples}, separators=(",", ":"))
        self._batches.append((batch_id, f"id: {batch_id}\ndata: {data}\n\n".encode()))
        if self._waiting is not None:
            self._waiting.set_result(None)
            self._waiting = None

    def after(self, batch_id: int) -> list[tuple[int, bytes]]:
        """Kept batches with a higher id, oldest first; what is older than a minute is gone."""
        return [batch for batch in self._batches if batch[0] > batch_id]

    @property
    def newest(self) -> int:
        """The id of the newest batch, 0 before the first."""
        return self._batches[-1][0] if self._batches else 0

    async def wait(self) -> None:
        """Returns when the next batch is there."""
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._waiting)
