"""Random and mutated orders begin nothing at the plane and break nothing: thousands here, 100,000 by one command.

`python -m tests.seeded.random_orders 100000 [SEED]` prints the figures of a whole round.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.seeded.line import line
from tests.seeded.random_orders import Found, in_process, over_http


def nothing_came_of(found: Found) -> None:
    assert found.fired == 0, found.broke
    assert not found.broke, found.broke[:3]
    assert found.control, "The good order that all were made from is refused as well, so this shows nothing."


@pytest.mark.parametrize("seed", [1, 2])
def test_no_random_order_is_taken_in_process(tmp_path: Path, seed: int) -> None:
    found = in_process(tmp_path, 6_000, seed)
    nothing_came_of(found)
    assert {"malformed", "forbidden", "stale", "not_found", "gates_unmet", "expired"} <= found.ends.keys()


def test_none_reaches_the_gateway_over_http(tmp_path: Path) -> None:
    with line(tmp_path) as opened:
        found = over_http(opened, 400, 3)
    nothing_came_of(found)
    assert found.ends.keys() <= {"403", "404", "409", "410", "413", "422"}, found.ends
