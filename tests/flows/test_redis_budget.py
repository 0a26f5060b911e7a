"""Sixteen gateways spend one budget at a real Redis: never over it, where counting afterwards overspends."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from console.domain.budgets import MEASURES, Account, Caps, Cost, Refusal, Reserved, Settled
from console.simulator.stand.redis import RedisStand
from tests.fakes.redis_range import GLACIER, real_redis

CLIENTS, CENT, CAP = 16, 10_000, 5_000_000
CAPS = Caps(turns=10, input_tokens=100_000, writes=5, micro_usd=CAP)


@pytest.fixture(scope="module")
def stand() -> Iterator[RedisStand]:
    with real_redis() as standing:
        yield standing


def words(cost: Cost) -> list[str]:
    return [str(getattr(cost, name)) for name in MEASURES]


def reserve(redis: Redis, workflow: str, session: str, step: str, cost: Cost) -> list[str]:
    found: Any = redis.fcall("budget_reserve", 0, GLACIER, workflow, session, step, *words(cost), "120")
    return list(found)


def settle(redis: Redis, workflow: str, step: str, cost: Cost) -> list[str]:
    found: Any = redis.fcall("budget_settle", 0, GLACIER, workflow, step, *words(cost))
    return list(found)


def left(redis: Redis, workflow: str, session: str) -> dict[str, int]:
    found: Any = redis.fcall("budget_left", 0, GLACIER, workflow, session)
    assert found[0] == "left"
    return dict(zip(MEASURES, map(int, found[1:]), strict=True))


def at_once(stand: RedisStand, work: Callable[[Redis, int], int]) -> list[int]:
    """What each of the clients spent, all at work at the same time on connections of their own."""
    spent = [0] * CLIENTS
    faults: list[BaseException] = []

    def one(number: int) -> None:
        try:
            with stand.client(GLACIER, stand.gateway_password) as redis:
                spent[number] = work(redis, number)
        except BaseException as fault:  # noqa: BLE001 - told by the test
            faults.append(fault)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults, faults
    return spent


def test_sixteen_gateways_spend_exactly_the_cap_a_cent_at_a_time(stand: RedisStand) -> None:
    cost = Cost(micro_usd=CENT)

    def work(redis: Redis, number: int) -> int:
        spent = 0
        while reserve(redis, "cents", f"s{number}", step := f"{number}-{spent}", cost)[0] == "reserved":
            assert settle(redis, "cents", step, cost) == ["settled"]
            spent += CENT
        return spent

    spent = at_once(stand, work)
    assert sum(spent) == CAP
    with stand.client(GLACIER, stand.gateway_password) as redis:
        assert left(redis, "cents", "s0")["micro_usd"] == 0
    print(f"reserved: {CLIENTS} clients settled {sum(spent) / 1e6:.2f} USD of {CAP / 1e6:.2f}")


def test_costs_that_differ_from_their_estimate_never_pass_the_cap(stand: RedisStand) -> None:
    def work(redis: Redis, number: int) -> int:
        dice, spent = random.Random(number), 0
        for turn in range(12):
            estimate = Cost(turns=1, micro_usd=dice.randint(1, 60_000) * 10)
            step = f"{number}-{turn}"
            if reserve(redis, "dice", f"s{number}", step, estimate)[0] != "reserved":
                continue
            actual = Cost(turns=1, micro_usd=dice.randint(1, estimate.micro_usd))
            if dice.random() < 0.1:
                redis.fcall("budget_release", 0, GLACIER, "dice", step)
            elif settle(redis, "dice", step, actual) == ["settled"]:
                spent += actual.micro_usd
            assert left(redis, "dice", f"s{number}")["turns"] >= 0
        return spent

    spent = at_once(stand, work)
    assert 0 < sum(spent) <= CAP
    with stand.client(GLACIER, stand.gateway_password) as redis:
        assert left(redis, "dice", "s0")["micro_usd"] == CAP - sum(spent)


def test_counting_afterwards_overspends_and_reserving_does_not(stand: RedisStand) -> None:
    """The control: the same sixteen calls of a dollar at once against a cap of five."""
    together = threading.Barrier(CLIENTS)
    call = 1_000_000

    def counting(_redis: Redis, _number: int) -> int:
        with stand.admin() as admin:
            there = int(admin.get("naive") or 0)
            together.wait(30)
            if there + call > CAP:
                return 0
            admin.incrby("naive", call)
            return call

    def reserving(redis: Redis, number: int) -> int:
        together.wait(30)
        cost = Cost(micro_usd=call)
        if reserve(redis, "dollars", f"s{number}", f"c{number}", cost)[0] != "reserved":
            return 0
        assert settle(redis, "dollars", f"c{number}", cost) == ["settled"]
        return call

    naive, reserved = sum(at_once(stand, counting)), sum(at_once(stand, reserving))
    print(f"counted afterwards: {naive / CAP:.2f} times the cap; reserved: {reserved / CAP:.2f}")
    assert naive == CLIENTS * call
    assert reserved == CAP


def test_the_same_again_has_no_second_effect(stand: RedisStand) -> None:
    with stand.client(GLACIER, stand.gateway_password) as redis:
        cost = Cost(turns=1, micro_usd=5)
        first = reserve(redis, "again", "s", "a", cost)
        assert first == reserve(redis, "again", "s", "a", cost)
        assert left(redis, "again", "s")["turns"] == 9
        assert reserve(redis, "again", "other", "a", cost) == ["over", "reservation", "0"]
        assert settle(redis, "again", "a", cost) == settle(redis, "again", "a", cost) == ["settled"]
        assert settle(redis, "again", "a", Cost()) == ["over", "reservation", "0"]
        redis.fcall("budget_release", 0, GLACIER, "again", "a")
        assert left(redis, "again", "s") == {
            "turns": 9, "input_tokens": 100_000, "writes": 5, "micro_usd": CAP - 5,
        }  # fmt: skip


def test_what_lasted_too_long_stops_counting_and_is_settled_only_where_there_is_room(stand: RedisStand) -> None:
    with stand.client(GLACIER, stand.gateway_password) as redis:
        cost = Cost(turns=10)
        redis.fcall("budget_reserve", 0, GLACIER, "late", "s", "a", *words(cost), "0")
        assert left(redis, "late", "s")["turns"] == 10
        assert reserve(redis, "late", "s", "b", Cost(turns=9))[0] == "reserved"
        assert settle(redis, "late", "a", cost) == ["over", "turns", "1"]
        assert settle(redis, "late", "a", Cost(turns=1)) == ["settled"]


def test_lost_caps_are_caps_of_nothing(stand: RedisStand) -> None:
    with stand.admin() as admin, stand.client(GLACIER, stand.gateway_password) as redis:
        admin.hdel("caps", "writes")
        try:
            assert reserve(redis, "lost", "s", "a", Cost(writes=1)) == ["over", "writes", "0"]
        finally:
            admin.hset("caps", "writes", "5")


costs = st.builds(Cost, st.integers(0, 6), st.integers(0, 60_000), st.integers(0, 3), st.integers(0, 3_000_000))
moves = st.lists(
    st.tuples(st.sampled_from(("reserve", "settle", "release")), st.sampled_from("abcd"), st.sampled_from("xy"), costs),
    max_size=25,
)
_number = iter(range(1_000_000))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=moves)
def test_the_library_keeps_the_rule_of_the_domain(stand: RedisStand, made: list[tuple[str, str, str, Cost]]) -> None:
    workflow, account = f"w{next(_number)}", Account(CAPS)
    with stand.client(GLACIER, stand.gateway_password) as redis:
        for word, step, session, cost in made:
            outcome: Reserved | Settled | Refusal | None = None
            if word == "reserve":
                account, outcome = account.reserve(step, session, cost, 0)
                answer = reserve(redis, workflow, session, step, cost)
            elif word == "settle":
                account, outcome = account.settle(step, cost, 0)
                answer = settle(redis, workflow, step, cost)
            else:
                account = account.release(step)
                redis.fcall("budget_release", 0, GLACIER, workflow, step)
                continue
            if isinstance(outcome, Refusal):
                assert answer == ["over", outcome.cap, str(outcome.left)]
            else:
                assert answer[0] == ("reserved" if isinstance(outcome, Reserved) else "settled")
        for session in "xy":
            assert left(redis, workflow, session) == {
                name: getattr(account.left(session, 0), name) for name in MEASURES
            }
