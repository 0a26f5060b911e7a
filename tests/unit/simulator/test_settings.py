"""Settings, secrets and the order to a gateway process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.domain.errors import InputError
from console.simulator.faults import Fault
from console.simulator.settings import (
    GatewayOrder,
    RangeSettings,
    gateway_order_from_object,
    make_secrets,
    read_settings,
    secrets_from_line,
)
from console.simulator.switches import Misbehaviour
from console.simulator.world import World

GOOD_SECRETS = {"control_token": "c" * 32, "probe_token": "p" * 32, "range_token": "r" * 32}


def write(folder: Path, value: object) -> Path:
    path = folder / "range.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def test_all_fields_and_their_defaults(tmp_path: Path) -> None:
    assert read_settings(write(tmp_path, {})) == RangeSettings()
    full = {
        "trace": "a.csv", "speed": 60, "seed": 5, "state_dir": "/abs/state", "policy": "", "max_streams": 10,
        "misbehave": {"drop_durable": True, "slow_control_ms": 5},
    }  # fmt: skip
    assert read_settings(write(tmp_path, full)) == RangeSettings(
        trace=tmp_path / "a.csv", speed=60.0, seed=5, state_dir=Path("/abs/state"), max_streams=10,
        misbehave=Misbehaviour(drop_durable=True, slow_control_ms=5),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{", ["not JSON"]),
        ("[" * 50_000, ["not JSON"]),
        ("[]", ["one JSON object"]),
        ({"spede": 2}, ["field 'spede'", "speed"]),
        ({"speed": 61}, ["field speed", "60"]),
        ({"speed": True}, ["field speed"]),
        ({"speed": "fast"}, ["field speed"]),
        ({"seed": -1}, ["field seed"]),
        ({"trace": 7}, ["field trace"]),
        ({"state_dir": "a\0b"}, ["field state_dir"]),
        ({"misbehave": []}, ["field misbehave"]),
        ({"misbehave": {"drop_durable": "yes"}}, ["misbehave.drop_durable"]),
        ({"misbehave": {"explode": True}}, ["'explode'"]),
        ({"max_streams": 0}, ["field max_streams"]),
    ],
)
def test_a_broken_file_is_refused_by_name_and_field(tmp_path: Path, value: object, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(write(tmp_path, value))
    assert "range.json" in caught.value.sentence
    assert all(word in caught.value.sentence for word in words), caught.value.sentence


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--config"):
        read_settings(tmp_path / "none.json")


def test_secrets_from_a_line_and_made_here(tmp_path: Path) -> None:
    assert secrets_from_line(json.dumps(GOOD_SECRETS).encode()).range_token == "r" * 32
    made = make_secrets(tmp_path / "secrets.json")
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert secrets_from_line((tmp_path / "secrets.json").read_bytes()) == made
    assert make_secrets(tmp_path / "secrets.json") != made
    assert made.control_token not in repr(made)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"[]",
        json.dumps({"control_token": "c" * 32}).encode(),
        json.dumps(GOOD_SECRETS | {"range_token": "short"}).encode(),
        json.dumps(GOOD_SECRETS | {"range_token": 5}).encode(),
        json.dumps(GOOD_SECRETS | {"range_token": "r" * 30 + "\r\n"}).encode(),
        json.dumps(GOOD_SECRETS | {"more": "x" * 20}).encode(),
    ],
)
def test_bad_secrets_are_refused_and_not_shown(line: bytes) -> None:
    with pytest.raises(InputError) as caught:
        secrets_from_line(line)
    assert "ccc" not in caught.value.sentence


def test_the_gateway_order_travels_as_json_and_hides_its_tokens(world: World) -> None:
    faults, lies = (Fault("f", "runaway_loop", "tenant.a", 0.5),), Misbehaviour(no_stream_cut=True)
    order = GatewayOrder(1, 2, 3, "c" * 32, "p" * 32, Path("/x/switches.json"), world, lies, faults)
    assert gateway_order_from_object(json.loads(json.dumps(order.as_object()))) == order
    assert "ccc" not in repr(order)
    assert "ppp" not in repr(order)
