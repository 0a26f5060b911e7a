"""From samples to breaches and lamps: what is judged, what is left out, what survives a restart of the plane."""

from __future__ import annotations

import json
from dataclasses import replace

from console.plane.backends import Batch, Sample
from console.plane.judging import Judging, breach_as_object, breach_from_object, target_of
from tests.fakes.people import T0_MS
from tests.fakes.planes import BOREALIS, POLICY

T0_US = T0_MS * 1000
ITEM = POLICY.inventory.item(BOREALIS)


def batch(number: int, value: float, n: int = 60, metric: str = "grounding_score", **dims: str) -> Batch:
    at = T0_US + number * 1_000_000
    sample = Sample(metric, {"tenant": BOREALIS, "region": "region.north"} | dims, n, value * n, value, value)
    return Batch(number, at, [sample], {})


def fed(judging: Judging, *batches: Batch) -> list[str]:
    opened = []
    for one in batches:
        judging.feed(one, one.t_us)
        opened += [breach.series for breach in judging.judge(one.t_us)[0]]
    return opened


def test_a_value_beyond_its_limit_is_one_breach() -> None:
    judging = Judging(POLICY.thresholds, {})
    assert fed(judging, batch(1, 0.9), batch(2, 0.9)) == []
    assert judging.lamps().behaviour.state == "normal"
    assert fed(judging, *(batch(n, 0.2) for n in range(3, 9))) == ["grounding_score{tenant=tenant.borealis}"]
    assert judging.lamps().behaviour.state == "abnormal"


def test_service_stays_green_beside_a_red_behaviour() -> None:
    judging = Judging(POLICY.thresholds, {})
    fed(judging, batch(1, 0.1), batch(1, 0.0, metric="http_error_rate"))
    lamps = judging.lamps()
    assert (lamps.service.state, lamps.behaviour.state) == ("normal", "abnormal")


def test_regions_of_one_tenant_are_one_series() -> None:
    judging = Judging(POLICY.thresholds, {})
    fed(judging, batch(1, 0.9, n=30), batch(1, 0.9, n=30, region="region.south"))
    assert judging.lamps(ITEM).behaviour.judged == 1


def test_lamps_of_a_target_leave_the_others_out() -> None:
    judging = Judging(POLICY.thresholds, {})
    fed(judging, batch(1, 0.1, tenant="tenant.cascade"), batch(1, 0.9))
    assert judging.lamps(ITEM).behaviour.state == "normal"
    assert judging.lamps(POLICY.inventory.item("environment.range")).behaviour.state == "abnormal"


def test_what_nobody_defined_is_left_out() -> None:
    judging = Judging(POLICY.thresholds, {})
    assert fed(judging, batch(1, 0.0, metric="moon_phase"), batch(1, 0.0, tenant="not a label!")) == []
    assert judging.lamps().samples == 0


def test_a_breach_is_over_when_values_are_good_for_the_whole_clear_window() -> None:
    judging = Judging(POLICY.thresholds, {})
    fed(judging, batch(1, 0.1))
    over = []
    for number in range(2, 60):
        one = batch(number, 0.95)
        judging.feed(one, one.t_us)
        over += judging.judge(one.t_us)[1]
    assert [clearing.breach.metric for clearing in over] == ["grounding_score"]
    assert judging.lamps().behaviour.state == "normal"


def test_a_breach_of_a_metric_that_is_no_more_is_left_alone() -> None:
    before = Judging(POLICY.thresholds, {})
    before.feed(batch(1, 0.1), T0_US + 1_000_000)
    gone = replace(before.judge(T0_US + 1_000_000)[0][0], metric="gone", series="gone{}")
    assert Judging(POLICY.thresholds, {"gone{}": gone}).lamps().behaviour.state == "unknown"


def test_a_breach_that_stood_before_a_restart_stands_after_it() -> None:
    before = Judging(POLICY.thresholds, {})
    before.feed(batch(1, 0.1), T0_US + 1_000_000)
    breach = before.judge(T0_US + 1_000_000)[0][0]
    kept = breach_from_object(json.loads(json.dumps(breach_as_object(breach))))
    assert (kept, kept.fingerprint) == (breach, breach.fingerprint)
    after = Judging(POLICY.thresholds, {kept.series: kept})
    assert fed(after, batch(2, 0.1), batch(3, 0.1)) == []
    assert after.lamps().behaviour.state == "abnormal"


def test_a_target_is_the_narrowest_thing_the_inventory_knows() -> None:
    items = POLICY.inventory.items
    assert target_of({"tenant": BOREALIS, "region": "region.north"}, items, "environment.range") == BOREALIS
    assert target_of({"tenant": "tenant.nowhere", "model": "model.orion-2"}, items, "e") == "model.orion-2"
    assert target_of({"tenant": "../../etc"}, items, "environment.range") == "environment.range"
