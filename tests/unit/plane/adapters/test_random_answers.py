"""Random bytes, and answers about somebody else's command in every broken form, never become "in effect".

Whatever a back-end says is read by its adapter's own reader, and then judged as the plane judges it. A reader may
refuse (BackEndFault, BackEndRefusal); any other error would end a command in the air.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from console.domain.commands import UNKNOWN
from console.domain.sighting import Aim, judge_reply
from console.plane.adapters import ofrep, openbao, webhook
from console.plane.backends import Assertion, BackEndFault, BackEndRefusal, Held, ProbeReply, ReadBack
from console.plane.probes import holds
from console.plane.wires import gateway_answers, gateway_path, haproxy_runtime, redis_answers
from console.plane.wires.webhook_call import Answer, _object

SWITCH, TARGET, OURS = "FF_TENANT_BLOCK", "tenant.borealis", "0198c0de-0000-7000-8000-000000000001"
THEIRS = "0198c0de-0000-7000-8000-0000000000ff"
AT = datetime(2026, 1, 31, tzinfo=UTC)
AIM = Aim(SWITCH, TARGET, "stopped", 7, OURS)
ORDER = Assertion(SWITCH, TARGET, "stopped", 7, OURS, "2099-01-01T00:00:00.000000Z")
COUNT = 3_000
THEIR_STATE = {"switch": SWITCH, "target": TARGET, "state": "stopped", "generation": 6, "command_id": THEIRS}
_ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**70,
    10**5000,
    1.5,
    "",
    "\u0669" * 3,
    "9" * 5000,
    [],
    {},
    [[]],
    "stopped",
    "x|y|z",
)


class Noise:
    """Answers drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def data(self, near: bytes) -> bytes:
        """Random bytes, or `near` cut, flipped and doubled."""
        way = self.chance.randrange(4)
        if way == 0:
            return self.chance.randbytes(self.chance.randrange(80))
        if way == 1:
            return near[: self.chance.randrange(len(near))]
        if way == 2:
            return near * self.chance.randrange(2, 4)
        made = bytearray(near)
        for _ in range(self.chance.randrange(1, 4)):
            made[self.chance.randrange(len(made))] ^= 1 << self.chance.randrange(8)
        return bytes(made)

    def value(self, near: Any) -> Any:
        """`near` with something in it that is not so, or something else altogether."""
        if self.chance.random() < 0.2:
            return self.chance.choice(_ODD)
        if isinstance(near, dict) and near:
            name = self.chance.choice(sorted(near))
            return near | {name: self.value(near[name])}
        if isinstance(near, list) and near:
            place = self.chance.randrange(len(near))
            return [*near[:place], self.value(near[place]), *near[place + 1 :]]
        return self.chance.choice(_ODD)


def held_at(held: Held) -> ReadBack:
    return ReadBack("boot", {(SWITCH, TARGET): held}, None)


def haproxy_row(noise: Noise) -> Any:
    near = haproxy_runtime.value_of(Held("stopped", 6, THEIRS)).encode()
    return held_at(haproxy_runtime.held_of(noise.data(near).decode("utf-8", "replace")))


def redis_marker(noise: Noise) -> Any:
    return held_at(redis_answers.held(noise.value(noise.data(f"stopped 6 {THEIRS}".encode()).decode("latin-1"))))


def redis_probe(noise: Noise) -> Any:
    return redis_answers.probe_reply(noise.value(["refused", SWITCH, TARGET, "6", THEIRS]), AT)


def redis_applied(noise: Noise) -> Any:
    found = redis_answers.applied(noise.value(["applied", "stopped", "6"]))
    return found == ("stopped", ORDER.generation)


def openbao_role(noise: Noise) -> Any:
    mark = f"{openbao._MARK}stopped.6.{THEIRS.encode().hex()}"
    role = noise.value({"disallowed_policies": [mark, "own"], "disallowed_policies_glob": ["*"]})
    return held_at(openbao._held(role if isinstance(role, dict) else {}))


def webhook_applied(noise: Noise) -> Any:
    near = {"state": "stopped", "generation": 6, "durable": True}
    value = noise.value(near) if noise.chance.random() < 0.5 else _object(noise.data(json.dumps(near).encode()))
    status = noise.chance.choice((200, 200, 0, 204, 409, 410, 404, 500, 302))
    return webhook._applied(Answer(status, value if isinstance(value, dict) else None), ORDER).generation == 7


def ofrep_reply(noise: Noise) -> Any:
    near = {"key": SWITCH, "value": False, "metadata": THEIR_STATE}
    return ofrep._reply(noise.chance.choice((200, 200, 404, 503)), noise.value(near), SWITCH)


def gateway_state(noise: Noise) -> Any:
    value = noise.value({"boot_id": "b", "switches": [THEIR_STATE], "durable": [THEIR_STATE]})
    return gateway_answers.read_back(value if isinstance(value, dict) else {})


def gateway_refusal(noise: Noise) -> Any:
    near = json.dumps({"kind": "switched_off"} | THEIR_STATE).encode()
    return gateway_path._refusal(noise.chance.choice((403, 403, 503, 200, 500)), noise.data(near))


READERS: dict[str, Callable[[Noise], Any]] = {
    "haproxy map value": haproxy_row, "redis marker": redis_marker, "redis probe": redis_probe,
    "redis order": redis_applied, "openbao role": openbao_role, "webhook echo": webhook_applied,
    "ofrep evaluation": ofrep_reply, "gateway state": gateway_state, "gateway refusal": gateway_refusal,
}  # fmt: skip


def in_effect(said: Any) -> bool:
    """Whether the plane would take it for the effect of our order."""
    if isinstance(said, ProbeReply):
        return judge_reply(said, AIM) == "in_effect"
    return holds(said, AIM) if isinstance(said, ReadBack) else bool(said)


def readings(read: Callable[[Noise], Any], seed: int) -> Iterator[Any]:
    noise = Noise(seed)
    for _ in range(COUNT):
        try:
            yield read(noise)
        except (BackEndFault, BackEndRefusal):
            yield UNKNOWN


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_no_noise_is_an_effect(read: Callable[[Noise], Any], seed: int) -> None:
    said = list(readings(read, seed))
    assert len(said) == COUNT
    assert not any(in_effect(one) for one in said if one is not UNKNOWN), f"seed {seed}"


def test_the_same_readers_see_a_good_answer() -> None:
    ours = {"switch": SWITCH, "target": TARGET, "state": "stopped", "generation": 7, "command_id": OURS}
    assert in_effect(held_at(haproxy_runtime.held_of(f"stopped|7|{OURS}")))
    assert in_effect(held_at(redis_answers.held(f"stopped 7 {OURS}")))
    assert in_effect(redis_answers.probe_reply(["refused", SWITCH, TARGET, "7", OURS], AT))
    assert in_effect(ofrep._reply(200, {"key": SWITCH, "value": False, "metadata": ours}, SWITCH))
    assert in_effect(gateway_answers.read_back({"boot_id": "b", "switches": [ours]}))
    assert in_effect(gateway_path._refusal(403, json.dumps({"kind": "switched_off"} | ours).encode()))
    assert webhook._applied(Answer(200, {"state": "stopped", "generation": 7}), ORDER).generation == 7
