"""The metric stream: rings fill, silence is known with its age, a cut stream is taken up again where it broke."""

import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.remote.plane_client import PlaneClient
from console.remote.tokens import TokenKeeper
from console.remote.wire import Wire
from console.runtime.rings import Rings, Sample, samples_of, series_name
from console.runtime.telemetry_feed import FeedStatus, TelemetryFeed
from tests.fakes.desks import now
from tests.fakes.people import DESK
from tests.fakes.plane import FakePlane
from tests.waiting import wait_until

DIMS = {"tenant": "borealis", "model": "orion-2"}
SERIES = "grounding_score{model=orion-2,tenant=borealis}"


def block(t_us: int, value: float = 0.5, n: int = 2) -> dict[str, Any]:
    sample = {"metric": "grounding_score", "dims": DIMS, "n": n, "sum": value * n, "min": value, "max": value}
    return {"t": t_us, "samples": [sample]}


@pytest.fixture
def plane() -> Iterator[FakePlane]:
    with FakePlane() as running:
        yield running


@pytest.fixture
def feed(plane: FakePlane) -> Iterator[TelemetryFeed]:
    count = itertools.count(1)
    tokens = TokenKeeper(DESK, lambda: f"{next(count):064x}")
    made = TelemetryFeed(PlaneClient(Wire(plane.url, lambda: 0), tokens), clock=now, roll=lambda: 0.01, silence_s=0.3)
    yield made
    made.stop()


def test_blocks_arrive_in_rings_and_at_listeners(plane: FakePlane, feed: TelemetryFeed) -> None:
    heard: list[tuple[Sample, ...]] = []
    feed.listen(heard.append)
    feed.start()
    plane.feed(block(1), {"lamps": {"behaviour": "normal"}}, block(2))
    wait_until(lambda: len(feed.rings.snapshot(SERIES)) == 2)
    assert [samples[0].t_us for samples in heard] == [1, 2]
    assert feed.rings.names() == (SERIES,)
    assert feed.lamps == {"behaviour": "normal"}
    assert feed.status.state == "live"


def test_a_cut_stream_is_taken_up_where_it_broke(plane: FakePlane, feed: TelemetryFeed) -> None:
    feed.start()
    plane.feed(block(1), block(2), {"cut": True}, block(3))
    wait_until(lambda: len(feed.rings.snapshot(SERIES)) == 3)
    assert [sample.t_us for sample in feed.rings.snapshot(SERIES)] == [1, 2, 3]
    assert plane.count("GET /v1/metrics/stream?after=2") >= 1


def test_silence_is_known_with_the_time_of_the_last_block(plane: FakePlane, feed: TelemetryFeed) -> None:
    seen: list[FeedStatus] = []
    feed._on_status = seen.append
    feed.start()
    plane.feed(block(1))
    wait_until(lambda: feed.status.state == "silent")
    assert [status.state for status in seen][:2] == ["live", "silent"]
    assert 0 < feed.status.last_us <= feed.status.since_us
    assert feed.status.sentence
    plane.feed(block(2))
    wait_until(lambda: len(feed.rings.snapshot(SERIES)) == 2)


def test_what_is_no_json_ends_the_stream_and_not_the_thread(plane: FakePlane, feed: TelemetryFeed) -> None:
    plane.misbehave("/v1/metrics", "garbage", "redirect", "503")
    feed.start()
    plane.feed(block(1))
    wait_until(lambda: feed.rings.snapshot(SERIES))


MEMBERS = st.sampled_from(["t", "samples", "metric", "dims", "n", "sum", "min", "max"])
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner),
    max_leaves=20,
)


@given(ANYTHING)
def test_whatever_a_block_holds_it_makes_only_finite_samples(value: Any) -> None:
    good = block(1)["samples"][0]
    odd = [good | {name: value} for name in ("metric", "dims", "n", "sum", "min")]
    for shape in (value, {"t": 1, "samples": value}, {"t": 1, "samples": [value, *odd]}):
        for sample in samples_of(shape if isinstance(shape, dict) else {}):
            assert math.isfinite(sample.sum)
            assert sample.n >= 0


def test_a_series_has_one_name_whatever_the_order_of_its_dimensions() -> None:
    assert series_name("grounding_score", dict(reversed(list(DIMS.items())))) == SERIES


def test_rings_are_bounded_in_length_and_number() -> None:
    rings = Rings(length=3, series=2)
    for name in "abc":
        rings.add(Sample(name, t, 1, 1.0, 1.0, 1.0) for t in range(5))
    assert rings.names() == ("a", "b")
    assert rings.dropped == 5
    assert [sample.t_us for sample in rings.snapshot("a")] == [2, 3, 4]
    assert [sample.t_us for sample in rings.snapshot("a", newest=1)] == [4]
    assert rings.snapshot("never") == ()


def test_a_block_of_nothing_has_no_mean() -> None:
    (sample,) = samples_of(json.loads(json.dumps(block(1, n=0))))
    assert math.isnan(sample.mean)
