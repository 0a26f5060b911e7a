"""Telemetry batches and live counts."""

from __future__ import annotations

import asyncio
import json

import pytest

from console.simulator.counts import Counts
from console.simulator.service import Ask, Conditions, decide
from console.simulator.telemetry import BATCH_US, KEPT_BATCHES, METRICS, Feed, Meter
from console.simulator.world import World


def test_a_batch_adds_up_what_happened_and_starts_over(world: World) -> None:
    meter, route = Meter(), world.routes[0]
    asks = [Ask(route, 500, 100, False, str(n)) for n in range(40)]
    outcomes = [decide(ask, Conditions("model.orion-2", serving=True), (), 1) for ask in asks]
    for n, outcome in enumerate(outcomes):
        meter.arrived(route, outcome.model, shed=False)
        meter.finished(route, outcome, 10.0 + n, 100.0 + n)
    meter.arrived(route, "model.orion-2", shed=True)
    samples = {sample["metric"]: sample for sample in meter.close_batch()}
    assert list(samples) == [metric for metric in METRICS if metric in samples]
    assert samples["requests"] | {"dims": 0} == {
        "metric": "requests", "dims": 0, "n": 41, "sum": 41.0, "min": 1.0, "max": 1.0,
    }  # fmt: skip
    assert samples["shed_rate"]["sum"] == 1.0
    assert samples["latency_ms"]["n"] == 40
    assert (samples["latency_ms"]["min"], samples["latency_ms"]["max"]) == (100.0, 139.0)
    grounded = [o.grounding for o in outcomes if o.grounding is not None]
    assert samples["grounding_score"]["sum"] == pytest.approx(sum(grounded))
    assert samples["grounding_score"]["min"] == min(grounded)
    assert samples["cost_velocity_usd"]["sum"] == pytest.approx(sum(o.cost_microusd for o in outcomes) / 1e6)
    assert samples["requests"]["dims"] == {
        "tenant": route.tenant, "surface": route.surface, "region": route.region, "model": "model.orion-2",
    }  # fmt: skip
    assert meter.close_batch() == []


def test_series_are_kept_apart_and_silence_is_absence(world: World) -> None:
    meter = Meter()
    meter.arrived(world.routes[0], "model.orion-2", shed=True)
    meter.arrived(world.routes[1], "model.orion-2", shed=False)
    samples = meter.close_batch()
    assert len({json.dumps(sample["dims"]) for sample in samples}) == 2
    assert {sample["metric"] for sample in samples} == {"requests", "shed_rate"}


def test_the_feed_keeps_a_minute_and_hands_out_what_is_newer() -> None:
    feed = Feed()
    for number in range(1, KEPT_BATCHES + 11):
        feed.publish(number * BATCH_US, [])
    assert feed.newest == KEPT_BATCHES + 10
    assert len(feed.after(0)) == KEPT_BATCHES
    ((batch_id, text),) = feed.after(feed.newest - 1)
    assert batch_id == feed.newest
    assert text == b'id: %d\ndata: {"t":%d,"samples":[]}\n\n' % (batch_id, batch_id * BATCH_US)


def test_readers_wake_at_the_next_batch_and_one_leaving_disturbs_nobody() -> None:
    async def scene() -> list[int]:
        feed = Feed()
        leaver, stayer = asyncio.create_task(feed.wait()), asyncio.create_task(feed.wait())
        await asyncio.sleep(0)
        leaver.cancel()
        await asyncio.gather(leaver, return_exceptions=True)
        assert not stayer.done()
        feed.publish(BATCH_US, [])
        await stayer
        return [batch_id for batch_id, _ in feed.after(0)]

    assert asyncio.run(scene()) == [1]


def test_counts_cover_a_minute_and_tell_sessions_apart() -> None:
    counts = Counts()
    counts.note(100, ["tenant.a", "region.n", "tenant.a"], "s1", 500)
    counts.note(130, ["tenant.a"], "s2", 50)
    counts.note(130, ["tenant.a"], "s2", 50)
    counts.note(130, ["tenant.b"], "", 7)
    now = counts.totals(140, ["tenant.a", "tenant.b", "tool.x"], {"tenant.a": 4})
    assert now["tenant.a"] == {
        "sessions": 2, "degraded_sessions": 0, "open_streams": 4, "requests_60s": 3, "spend_microusd_60s": 600,
    }  # fmt: skip
    assert [now["tenant.b"][name] for name in ("sessions", "requests_60s", "spend_microusd_60s")] == [0, 1, 7]
    assert set(now["tool.x"].values()) == {0}
    assert counts.totals(165, ["tenant.a"], {})["tenant.a"]["requests_60s"] == 2
    assert counts.totals(300, ["tenant.a"], {})["tenant.a"]["sessions"] == 0
