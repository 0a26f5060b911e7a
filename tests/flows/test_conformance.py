"""The conformance run against every real back-end: few cycles, nothing skipped where the programs are, nothing lied."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.commands.conformance.rows import Row
from console.commands.conformance.run import run
from console.commands.conformance.stage import STANDS
from console.domain.switches import SwitchCatalogue
from console.policy import default_path, load

CYCLES = 2
SEVEN = {
    "FF_GLOBAL_AI", "FF_TENANT_BLOCK", "FF_TOOL_REVOKE", "FF_MODEL_ROUTE", "FF_INDEX_FREEZE", "FF_CACHE_BYPASS",
    "FF_AGENT_DRAFT",
}  # fmt: skip


@pytest.mark.timeout(400)
def test_every_back_end_does_what_it_declares(tmp_path: Path) -> None:
    absent = {name: why for name, (missing, _) in STANDS.items() if (why := missing())}
    if absent:
        pytest.skip(f"not run here: {absent}")
    rows = run(tmp_path / "out", CYCLES, "", lambda _: None)
    assert not [row for row in rows if not row.is_honest]
    assert {row.backend for row in rows} >= {"simulator", "ofrep", *STANDS}
    assert _seen_true(rows, "refuses_new") >= SEVEN & set(_catalogue().switches)
    assert _seen_true(rows, "streams_cut")
    assert _seen_true(rows, "survives_restart") >= SEVEN


def _seen_true(rows: list[Row], capability: str) -> set[str]:
    return {row.switch for row in rows if row.capability == capability and row.observed == "true"}


def _catalogue() -> SwitchCatalogue:
    return load(default_path()).switches
