"""When the desk's own look contradicts the plane's word, and when it only came too early or saw nothing."""

from __future__ import annotations

import pytest

from console.domain.sighting import contradicts, state_seen

EARLY, SEEN, LATE = (f"2026-01-31T14:02:{second}.000000Z" for second in (10, 11, 12))


@pytest.mark.parametrize(
    ("want", "state", "at", "expected"),
    [
        ("stopped", "running", LATE, True),
        ("stopped", "running", SEEN, True),
        ("stopped", "running", EARLY, False),
        ("stopped", "stopped", LATE, False),
        ("stopped", "unknown", LATE, False),
        ("stopped", "", "", False),
        ("running", "stopped", LATE, True),
        ("running", "running", LATE, False),
    ],
)
def test_only_the_opposite_seen_afterwards_contradicts(want: str, state: str, at: str, expected: bool) -> None:
    assert contradicts(want, SEEN, state, at) is expected


def test_what_a_look_shows_is_the_state_or_nothing() -> None:
    assert [state_seen(seen, "stopped") for seen in ("in_effect", "not_in_effect", "hidden", "unknown")] == [
        "stopped", "running", "unknown", "unknown",
    ]  # fmt: skip
