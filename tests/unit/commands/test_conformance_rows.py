"""The rows of a conformance run: what may be called honest, and how trials add up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.commands.conformance.rows import FALSE, TRUE, UNKNOWN, Row, as_table, percentile, verdict, write_json


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ([TRUE, TRUE], TRUE),
        ([TRUE, UNKNOWN], UNKNOWN),
        ([TRUE, UNKNOWN, FALSE], FALSE),
        ([], UNKNOWN),
    ],
)
def test_trials_add_up(seen: list[str], says: str) -> None:
    assert verdict(seen) == says


@pytest.mark.parametrize(
    ("declared", "observed", "skipped", "honest"),
    [
        (TRUE, TRUE, "", True),
        (TRUE, FALSE, "", False),
        (TRUE, UNKNOWN, "", False),
        (FALSE, UNKNOWN, "", True),
        (FALSE, TRUE, "", True),
        (TRUE, TRUE, "no such program", False),
    ],
)
def test_honest_is_what_was_seen(declared: str, observed: str, skipped: str, honest: bool) -> None:
    assert Row("haproxy", "FF_GLOBAL_AI", "refuses_new", declared, observed, 1, skipped=skipped).is_honest is honest


def test_percentiles_are_by_nearest_rank() -> None:
    values = [float(n) for n in range(1, 201)]
    assert (percentile(values, 0.5), percentile(values, 0.99)) == (100.0, 198.0)
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.5) is None


def test_rows_are_told_and_kept(tmp_path: Path) -> None:
    rows = [
        Row("redis", "FF_CACHE_BYPASS", "refuses_new", TRUE, TRUE, 200, 12.5, 40.0),
        Row("redis", "FF_CACHE_BYPASS", "ends_sessions", FALSE, FALSE, 200),
        Row("redis", "FF_CACHE_BYPASS", "control_call", TRUE, TRUE, 200, 0.9, 2.1),
        Row("webhook", "FF_EGRESS_BLOCK", "streams_cut", FALSE, UNKNOWN, 0, skipped="it is not here"),
    ]
    told = as_table(rows)
    assert "| redis | `FF_CACHE_BYPASS` | yes |  |  |  |  | (no) | 200 | 12 / 40 | 1 / 2 |" in told
    assert "SKIPPED: it is not here" in told
    write_json(rows, tmp_path / "c.json")
    kept = json.loads((tmp_path / "c.json").read_text())
    wanted = {"backend", "capability", "declared", "observed", "n", "p50_ms", "p99_ms", "skipped"}
    assert all(wanted <= row.keys() for row in kept)
