"""The demo's second person is asked for a wide stop, looks for themselves, and approves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.actions.approvals import request_approval
from console.actions.opening import open_by_hand
from console.commands.demo.cast import COMMANDER, SECOND
from console.commands.demo.players import Players
from console.commands.demo.stage import RANGE, Settings, Stage
from console.commands.demo.stopping import preview_of
from console.domain.switches import STOPPED
from console.evidence.trust import Trust
from console.queries.switches import Request, approval_request

ALL, WITHIN_S = "FF_GLOBAL_AI", 30.0


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(Settings(None, 0, tmp_path / "out"), lambda _: None, quick=True) as playing:
        yield playing


@pytest.mark.timeout(120)
def test_the_second_person_looks_and_approves(stage: Stage, tmp_path: Path) -> None:
    trust, openers = Trust("", "", (), {}, {}), (stage.custodian, stage.escrow)
    players = Players(stage.desk, stage.policy, stage.cast, stage.range, tmp_path / "package", trust, openers)
    stage.desk.on_changes(lambda _: players.wake())
    players.start()
    try:
        policy, actor = stage.policy, stage.cast.actor(COMMANDER)
        item = policy.inventory.item(RANGE)
        made = stage.act(open_by_hand, "Everything drifts", item, "active", policy.severity, actor)
        incident, command = next(iter(made.incidents)), stage.new_id()
        shown = stage.desk.errand(lambda plane: plane.select(incident, ALL, RANGE, STOPPED)).result().answer
        stage.act(
            request_approval, incident, command_id=command, switch=ALL, target=RANGE, want=STOPPED,
            preview=preview_of(shown), reason="It drifts.", inventory=policy.inventory, catalogue=policy.switches,
            policy_hash=policy.hash, actor=actor,
        )  # fmt: skip

        def answered() -> Request | None:
            found = stage.desk.query(approval_request, incident, command)
            return found if found is not None and found.approvals else None

        (approval,) = stage.wait_for(answered, "The second person's approval", WITHIN_S).approvals
        assert approval.person == stage.cast.actor(SECOND).person
    finally:
        players.stop()
