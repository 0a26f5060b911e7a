"""Attacks through what a back-end says or what lies beside it: absurd numbers, foreign states, links, addresses."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.plane import desired
from console.plane.adapters import openbao
from console.plane.backends import BackEndFault, Held, ReadBack
from console.plane.previews import Preview, Previews
from console.plane.wires.haproxy_runtime import read_rows, write_rows
from console.plane.wires.webhook_call import may_go_to, networks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN = Preview("victim", "i", "FF_X", "tenant.x", "stopped", 1, NOW)


@pytest.mark.parametrize(
    "mark",
    [
        "console-switch.<b>bold</b>.3.61",
        "console-switch.unknown.3.61",
        "console-switch.running." + "9" * 30 + ".61",
        "console-switch.running." + "9" * 5000 + ".61",
        "console-switch.running.-3.61",
        "console-switch.running.3." + "61" * 2000,
        "console-switch.running.3.ff",
    ],
)
def test_a_role_that_somebody_else_marked_says_nothing_of_its_own(mark: str) -> None:
    """Whoever may write the role in OpenBao chooses its text; it reaches neither the record nor the database."""
    assert openbao._held({"disallowed_policies": [mark], "disallowed_policies_glob": []}) == Held("running", 0, "")


def test_one_lying_back_end_does_not_drive_the_generation_away() -> None:
    assert desired.newest(1_000_003, 3) == 1_000_003
    assert desired.newest(1_000_004, 3) == 3
    assert desired.newest(10**400, 3) == 3
    assert desired.newest(0, 3) == 3


@pytest.mark.parametrize(
    "inner",
    [
        "64:ff9b::10.0.0.7",
        "64:ff9b::169.254.169.254",
        "2002:a00:7::1",
        "::10.0.0.7",
        "::ffff:10.0.0.7",
        "fec0::7",
        "::",
        "::1",
    ],
)
def test_no_spelling_of_an_inner_address_is_called(inner: str) -> None:
    assert not may_go_to(ipaddress.ip_address(inner), (), loopback=False)


def test_a_spelling_of_an_allowed_address_is_called_and_this_machine_stays_itself() -> None:
    assert may_go_to(ipaddress.ip_address("64:ff9b::10.0.0.7"), networks(["10.0.0.7"]), loopback=False)
    assert may_go_to(ipaddress.ip_address("::1"), (), loopback=True)
    assert may_go_to(ipaddress.ip_address("64:ff9b::8.8.8.8"), (), loopback=False)


def test_a_link_that_lies_in_wait_beside_a_map_leads_the_writing_nowhere(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me", encoding="utf-8")
    (tmp_path / "maps").mkdir()
    table = tmp_path / "maps" / "kill.map"
    (tmp_path / "maps" / ".kill.map.new").symlink_to(precious)
    write_rows(table, {"a": Held("stopped", 1, "")})
    assert precious.read_text(encoding="utf-8") == "keep me"
    assert read_rows(table) == {"a": Held("stopped", 1, "")}
    assert not table.is_symlink()


def test_a_half_written_map_of_a_crash_is_passed_by(tmp_path: Path) -> None:
    table = tmp_path / "kill.map"
    write_rows(table, {"a": Held("stopped", 1, "")})
    (tmp_path / ".kill.map.new").write_text("a runn", encoding="utf-8")
    assert read_rows(table) == {"a": Held("stopped", 1, "")}
    write_rows(table, {"a": Held("running", 2, "")})
    assert read_rows(table) == {"a": Held("running", 2, "")}


def test_a_desk_that_previews_without_end_takes_nobody_elses_token() -> None:
    previews = Previews(60, 60)
    victims = previews.give(SHOWN, NOW)
    given = [previews.give(replace(SHOWN, device="greedy"), NOW) for _ in range(5_000)]
    assert previews.find(victims, NOW) is not None
    assert len([token for token in given if previews.find(token, NOW)]) == 100
    asyncio.run(previews.close())


@pytest.mark.parametrize(
    ("state", "generation", "by"),
    [
        ("running", 2**53, ""),
        ("running", -1, ""),
        ("running", "3", ""),
        ("<b>on</b>", 3, ""),
        ("running", 3, "x" * 1001),
        ("running", 3, None),
    ],
)
def test_what_could_stand_in_no_record_is_a_fault_of_that_back_end_alone(state: str, generation: int, by: str) -> None:
    """A number beyond 2^53 in one row of one back-end ended the watcher, and with it the whole plane."""
    with pytest.raises(BackEndFault):
        Held(state, generation, by)


def test_the_name_of_a_process_is_no_novel() -> None:
    with pytest.raises(BackEndFault):
        ReadBack("x" * 5_000_000, {}, None)
