"""Budgets: whatever the order of reserving, settling and giving back, no cap is ever passed (TEL-3)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.budgets import (
    LASTS_S,
    MEASURES,
    MOST,
    MOST_STEPS,
    NOTHING,
    OF_WORKFLOW,
    STOPPED,
    Account,
    Caps,
    Cost,
    Refusal,
    Reserved,
    Settled,
    micro_usd,
)
from console.domain.errors import InputError

CAPS = Caps(turns=10, input_tokens=100_000, writes=5, micro_usd=micro_usd("5.00"))
SECOND = 1_000_000
STEPS, SESSIONS = tuple("abcdefgh"), ("one", "two")

costs = st.builds(Cost, st.integers(0, 6), st.integers(0, 60_000), st.integers(0, 3), st.integers(0, 3_000_000))
moves = st.lists(
    st.tuples(
        st.sampled_from(("reserve", "settle", "release")),
        st.sampled_from(STEPS),
        st.sampled_from(SESSIONS),
        costs,
        st.integers(0, 90 * SECOND),
    ),
    max_size=40,
)


def counted(account: Account, session: str, now: int) -> Cost:
    """Written down anew from the steps, so that it does not lean on what is tested."""
    total = NOTHING
    for step in account.steps.values():
        if isinstance(step, Settled) or step.expires_us > now:
            own = step.cost if step.session == session else replace(NOTHING, micro_usd=step.cost.micro_usd)
            total += own
    return total


@given(moves)
def test_no_interleaving_passes_a_cap(made: list[tuple[str, str, str, Cost, int]]) -> None:
    account, now = Account(CAPS), 0
    for word, step, session, cost, passes in made:
        now += passes
        if word == "reserve":
            account, _ = account.reserve(step, session, cost, now)
        elif word == "settle":
            account, _ = account.settle(step, cost, now)
        else:
            account = account.release(step)
        for one in SESSIONS:
            total = counted(account, one, now)
            assert all(getattr(total, name) <= getattr(CAPS, name) for name in MEASURES)
            left = account.left(one, now)
            assert all(getattr(left, name) + getattr(total, name) == getattr(CAPS, name) for name in MEASURES)


@given(moves)
def test_the_same_again_changes_nothing(made: list[tuple[str, str, str, Cost, int]]) -> None:
    account, now = Account(CAPS), 0
    for word, step, session, cost, passes in made:
        now += passes
        if word == "release":
            account = account.release(step)
            assert account.release(step) == account
            continue
        ask = account.reserve(step, session, cost, now) if word == "reserve" else account.settle(step, cost, now)
        account, answer = ask
        again = account.reserve(step, session, cost, now) if word == "reserve" else account.settle(step, cost, now)
        assert again == (account, answer)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_cap_that_is_short_is_named_with_what_is_left(measure: str) -> None:
    cap = getattr(CAPS, measure)
    account, first = Account(CAPS).reserve("a", "one", replace(NOTHING, **{measure: cap - 1}), 0)
    assert isinstance(first, Reserved)
    same, refused = account.reserve("b", "one", replace(NOTHING, **{measure: 2}), 0)
    assert (same, refused) == (account, Refusal(measure, 1))
    assert isinstance(refused, Refusal)
    assert refused.sentence.startswith(f"The budget has 1 {measure.replace('_', ' ')} left")
    _, of_another = account.reserve("b", "two", replace(NOTHING, **{measure: 2}), 0)
    assert isinstance(of_another, Refusal if measure == OF_WORKFLOW else Reserved)


def test_a_reservation_counts_in_full_until_it_is_over() -> None:
    account, _ = Account(CAPS).reserve("a", "one", Cost(turns=10), 0)
    over = LASTS_S * SECOND
    assert account.left("one", over - 1).turns == 0
    assert account.left("one", over).turns == 10
    account, other = account.reserve("b", "one", Cost(turns=9), over)
    assert isinstance(other, Reserved)
    assert account.settle("a", Cost(turns=2), over)[1] == Refusal("turns", 1)
    account, late = account.settle("a", Cost(turns=1), over)
    assert isinstance(late, Settled)
    assert account.left("one", over).turns == 0


def test_more_than_was_reserved_is_settled_only_where_there_is_room() -> None:
    account, _ = Account(CAPS).reserve("a", "one", Cost(micro_usd=1_000_000), 0)
    account, _ = account.reserve("b", "two", Cost(micro_usd=3_000_000), 0)
    same, refused = account.settle("a", Cost(micro_usd=2_000_001), 0)
    assert (same, refused) == (account, Refusal("micro_usd", 2_000_000))
    account, settled = account.settle("a", Cost(micro_usd=2_000_000), 0)
    assert isinstance(settled, Settled)
    assert account.settle("a", Cost(micro_usd=1), 0)[1] == Refusal("reservation", 0)
    assert account.release("a") == account


def test_a_step_that_nobody_knows_or_too_many_steps() -> None:
    account = Account(CAPS)
    refused = account.settle("none", NOTHING, 0)[1]
    assert refused == Refusal("reservation", 0)
    assert isinstance(refused, Refusal)
    assert "begin the step with a new one" in refused.sentence
    full = replace(account, steps={str(n): Settled(str(n), "one", NOTHING) for n in range(MOST_STEPS)})
    assert full.reserve("another", "two", NOTHING, 0)[1] == Refusal("reservation", 0)


def test_a_stopped_budget_gives_nothing() -> None:
    assert Account(STOPPED).reserve("a", "one", Cost(micro_usd=1), 0)[1] == Refusal("micro_usd", 0)


@pytest.mark.parametrize("amount", [-1, MOST + 1, True, 1.0, "1", None])
def test_amounts_are_whole_numbers_within_bounds(amount: object) -> None:
    for kind in (Cost, Caps):
        with pytest.raises(InputError, match="must be a whole number"):
            kind(amount, 0, 0, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "amount"), [("5.00", 5_000_000), ("0.000001", 1), ("12", 12_000_000)])
def test_dollars(text: str, amount: int) -> None:
    assert micro_usd(text) == amount


@pytest.mark.parametrize("text", ["", "5,00", "-1", "1e3", "0.0000001", "١", "9999999"])
def test_no_dollars(text: str) -> None:
    with pytest.raises(InputError, match="not an amount in dollars"):
        micro_usd(text)
