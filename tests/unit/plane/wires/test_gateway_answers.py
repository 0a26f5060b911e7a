"""What a gateway answers is checked member by member; what is malformed is a fault and never a guess."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from console.plane.backends import BackEndFault, Refuser
from console.plane.wires import gateway_answers

SWITCH = {"switch": "FF_X", "target": "tenant.x", "state": "stopped", "generation": 3, "command_id": "c", "set_at": ""}
APPLIED = {"applied": True, "state": "stopped", "generation": 3, "streams_cut": 2, "durable": True}
AT = "2026-01-31T14:02:11.000000Z"


def test_what_is_well_formed_is_read() -> None:
    read = gateway_answers.read_back({"boot_id": "b-1", "switches": [SWITCH], "durable": None, "more": "is ignored"})
    assert (read.boot_id, read.switches["FF_X", "tenant.x"].generation, read.durable) == ("b-1", 3, None)
    assert gateway_answers.applied(APPLIED).streams_cut == 2
    found = gateway_answers.capabilities({"FF_X": {"kinds": ["tenant"], "cuts_streams": True}})
    assert [name for name, able in found["FF_X"].flags().items() if able] == ["cuts_streams"]
    assert gateway_answers.capabilities({"FF_X": {"kinds": [], "ends_sessions": True}})["FF_X"].ends_sessions
    assert gateway_answers.counts({"counted_at": AT, "counts": {"tenant.x": {"sessions": 4}}}).by_id == {
        "tenant.x": {"sessions": 4}
    }
    assert gateway_answers.measured({"cases": 2, "passed": 1, "measures": {"m": "0.5"}}).measures == {"m": "0.5"}


MALFORMED: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "not applied": (gateway_answers.applied, APPLIED | {"applied": "yes"}),
    "a state nobody knows": (gateway_answers.applied, APPLIED | {"state": "half"}),
    "a negative count": (gateway_answers.applied, APPLIED | {"streams_cut": -1}),
    "no boot id": (gateway_answers.read_back, {"switches": []}),
    "a boot id with markup": (gateway_answers.read_back, {"boot_id": "<b>", "switches": []}),
    "switches that are none": (gateway_answers.read_back, {"boot_id": "b", "switches": [1]}),
    "a generation as text": (gateway_answers.read_back, {"boot_id": "b", "switches": [SWITCH | {"generation": "3"}]}),
    "a broken durable form": (gateway_answers.read_back, {"boot_id": "b", "switches": [], "durable": [{}]}),
    "capabilities as list": (gateway_answers.capabilities, {"FF_X": []}),
    "counts without a time": (gateway_answers.counts, {"counts": {}}),
    "counts at no time": (gateway_answers.counts, {"counted_at": "soon", "counts": {}}),
    "a fraction as count": (gateway_answers.counts, {"counted_at": AT, "counts": {"t": {"n": 1.5}}}),
    "a measure as float": (gateway_answers.measured, {"cases": 1, "passed": 1, "measures": {"m": 0.5}}),
    "a measure as formula": (gateway_answers.measured, {"cases": 1, "passed": 1, "measures": {"m": "=1+1"}}),
    "an item without bytes": (gateway_answers.items, {"items": [{"dimension": "payloads"}]}),
    "telemetry that is no JSON": (gateway_answers.batch, b"data: {"),
    "telemetry without samples": (gateway_answers.batch, b'data: {"t": 1}'),
}


@pytest.mark.parametrize(("read", "value"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_a_fault(read: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(BackEndFault, match="malformed"):
        read(value)


def block(*samples: Any) -> bytes:
    return b"id: 7\ndata: " + json.dumps({"t": 5, "samples": samples}).encode()


GOOD = {"metric": "m", "dims": {"tenant": "tenant.x"}, "n": 2, "sum": 1, "min": 0.25, "max": 0.75}


def test_a_bad_sample_is_left_out_and_the_others_stay() -> None:
    bad: list[Any] = [
        7, GOOD | {"n": -1}, GOOD | {"n": True}, GOOD | {"sum": "1"}, GOOD | {"dims": []}, GOOD | {"metric": "a b"},
        GOOD | {"dims": {"tenant": "a{b}"}}, GOOD | {"max": float("inf")},
    ]  # fmt: skip
    found = gateway_answers.batch(block(*bad, GOOD))
    assert found is not None
    assert (found.id, found.t_us, len(found.samples)) == (7, 5, 1)
    relayed = GOOD | {"dims": {"tenant": "tenant.x", "surface": "", "region": "", "model": ""}}
    assert found.raw == {"t": 5, "samples": [relayed]}


def test_a_comment_is_no_batch() -> None:
    assert gateway_answers.batch(b": still here") is None


def test_every_switch_that_refuses_is_known() -> None:
    one = {"switch": "FF_X", "target": "t", "generation": 1, "command_id": "c"}
    other = one | {"switch": "FF_Y"}
    assert gateway_answers.refusers(one) == (Refuser("FF_X", "t", 1, "c"),)
    assert gateway_answers.refusers(one | {"refused_by": [one, other]}) == (
        Refuser("FF_X", "t", 1, "c"),
        Refuser("FF_Y", "t", 1, "c"),
    )
