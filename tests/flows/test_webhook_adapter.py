"""The webhook adapter against a real receiver: done once, refused by name, kept over a crash, caught when it lies."""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import subprocess
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.domain.times import format_utc
from console.plane.adapters import webhook
from console.plane.adapters.webhook import Receiver
from console.plane.back_end_settings import WebhookSettings
from console.plane.backends import (
    NO_ANSWER,
    SERVED,
    SWITCHED_OFF,
    Applied,
    Assertion,
    BackEndFault,
    BackEndRefusal,
    Held,
    Refuser,
)
from console.plane.settings import PlaneSettings, Secrets
from console.plane.wires.webhook_call import SigningKey
from console.simulator.stand.receiver import WINDOW_S, ReceiverStand

SWITCH, TARGET = "FF_EGRESS_BLOCK", "environment.stand"
ITEM = InventoryItem(TARGET, "environment", "Stand", TARGET)
INVENTORY = Inventory({TARGET: ITEM}, (Enforcement(SWITCH, TARGET, "webhook"),), {})


def standing(folder: Path, misbehaviour: str = "") -> Iterator[ReceiverStand]:
    stand = ReceiverStand(folder, misbehaviour=misbehaviour)
    stand.start()
    yield stand
    stand.close()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[ReceiverStand]:
    yield from standing(tmp_path / "receiver")


@pytest.fixture(params=["lie", "slow", "half-open", "flap"])
def misbehaving(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ReceiverStand]:
    yield from standing(tmp_path / "receiver", request.param)


def with_adapter(stand: ReceiverStand, story: Callable[[Receiver], Awaitable[Any]], key: str = "") -> Any:
    async def run() -> Any:
        settings = PlaneSettings(webhook=WebhookSettings(**stand.settings))
        secrets = Secrets(back_ends={"webhook": {"signing_key": key} if key else stand.secrets})
        receiver = webhook.connect(settings, secrets, INVENTORY)
        assert receiver is not None
        try:
            return await story(receiver)
        finally:
            await receiver.close()

    return asyncio.run(run())


def order(want: str, generation: int, *, target: str = TARGET, expires_in_s: float = 30) -> Assertion:
    expires = format_utc(datetime.now(UTC) + timedelta(seconds=expires_in_s))
    return Assertion(SWITCH, target, want, generation, str(uuid.uuid4()), expires)


def test_a_stop_is_refused_by_name_and_outlives_a_crash(stand: ReceiverStand) -> None:
    stop, restore = order("stopped", 3), order("running", 4)
    refused = (SWITCHED_OFF, (Refuser(SWITCH, TARGET, 3, stop.assertion_id),))

    async def stopped(receiver: Receiver) -> str:
        assert (await receiver.probe(SWITCH, ITEM, 3)).outcome == SERVED
        assert await receiver.apply(stop, 3) == Applied("stopped", 3, 0, durable=True)
        met, stream = await receiver.open_stream(SWITCH, ITEM, 3)
        assert ((met.outcome, met.refused_by), stream) == (refused, None)
        read = await receiver.read_back()
        assert read.switches == read.durable == {(SWITCH, TARGET): Held("stopped", 3, stop.assertion_id)}
        return read.boot_id

    async def after_the_crash(receiver: Receiver) -> str:
        met = await receiver.probe(SWITCH, ITEM, 3)
        assert (met.outcome, met.refused_by) == refused
        await receiver.apply(restore, 3)
        assert (await receiver.probe(SWITCH, ITEM, 3)).outcome == SERVED
        # a message that comes again is answered as before and has no second effect
        assert await receiver.apply(stop, 3) == Applied("stopped", 3, 0, durable=True)
        read = await receiver.read_back()
        assert read.switches[SWITCH, TARGET] == Held("running", 4, restore.assertion_id)
        return read.boot_id

    before = with_adapter(stand, stopped)
    stand.restart()
    assert with_adapter(stand, after_the_crash) != before


def test_twenty_times_off_and_on(stand: ReceiverStand) -> None:
    async def cycles(receiver: Receiver) -> list[float]:
        times = []
        for turn in range(20):
            begun = time.perf_counter()
            await receiver.apply(order("stopped", 2 * turn + 1), 3)
            assert (await receiver.probe(SWITCH, ITEM, 3)).outcome == SWITCHED_OFF
            times.append(1000 * (time.perf_counter() - begun))
            await receiver.apply(order("running", 2 * turn + 2), 3)
            assert (await receiver.probe(SWITCH, ITEM, 3)).outcome == SERVED
        return times

    times = sorted(with_adapter(stand, cycles))
    print(f"{SWITCH} refused: median {statistics.median(times):.1f} ms, most {times[-1]:.1f} ms, n {len(times)}")
    assert times[-1] < 2000


def test_an_old_a_late_and_a_foreign_order_are_refused(stand: ReceiverStand) -> None:
    async def kind(receiver: Receiver, assertion: Assertion) -> tuple[str, int]:
        with pytest.raises(BackEndRefusal) as refusal:
            await receiver.apply(assertion, 3)
        return refusal.value.kind, refusal.value.generation

    async def story(receiver: Receiver) -> None:
        await receiver.apply(order("stopped", 7), 3)
        assert await kind(receiver, order("running", 6)) == ("stale", 7)
        assert await kind(receiver, order("running", 8, expires_in_s=-1)) == ("expired", 0)
        assert await kind(receiver, order("running", 8, target="tenant.x\nHost: y")) == ("unmapped", 0)
        assert (await receiver.probe(SWITCH, ITEM, 3)).outcome == SWITCHED_OFF

    with_adapter(stand, story)


def test_what_misbehaves_is_never_taken_for_done(misbehaving: ReceiverStand) -> None:
    async def story(receiver: Receiver) -> None:
        stop = order("stopped", 1)
        if misbehaving.misbehaviour in ("slow", "half-open"):
            begun = time.monotonic()
            with pytest.raises(BackEndFault, match="unknown"):
                await receiver.apply(stop, 0.3)
            assert time.monotonic() - begun < 1.5
            return
        assert (await receiver.apply(stop, 3)).state == "stopped"
        met = [(await receiver.probe(SWITCH, ITEM, 3)).outcome for _ in range(4)]
        held = (await receiver.read_back()).switches[SWITCH, TARGET]
        if misbehaving.misbehaviour == "lie":
            assert (met, held) == ([SERVED] * 4, Held("running", 0, ""))
        else:
            assert (met, held.state) == ([SWITCHED_OFF, SERVED] * 2, "stopped")

    with_adapter(misbehaving, story)


def test_what_was_lost_by_hand_is_seen_and_stops(stand: ReceiverStand) -> None:
    async def lost_on_disk(receiver: Receiver) -> None:
        (stand.folder / "switches.json").write_text("{", encoding="utf-8")
        read = await receiver.read_back()
        assert read.durable is None
        assert read.switches[SWITCH, TARGET].state == "running"

    async def after_the_crash(receiver: Receiver) -> None:
        assert (await receiver.read_back()).switches[SWITCH, TARGET] == Held("stopped", 0, "")
        assert (await receiver.probe(SWITCH, ITEM, 3)).outcome == SWITCHED_OFF

    with_adapter(stand, lost_on_disk)
    stand.restart()
    with_adapter(stand, after_the_crash)


def test_a_receiver_that_is_gone_or_has_another_key_is_a_fault(stand: ReceiverStand) -> None:
    async def refused(receiver: Receiver) -> str:
        with pytest.raises(BackEndFault) as fault:
            await receiver.apply(order("stopped", 1), 3)
        with pytest.raises(BackEndFault):
            await receiver.read_back()
        assert (await receiver.probe(SWITCH, ITEM, 3)).outcome == NO_ANSWER
        return fault.value.sentence

    other = "whsec_" + base64.b64encode(b"k" * 32).decode()
    assert "same signing key" in with_adapter(stand, refused, other)
    stand.kill()
    assert "unknown" in with_adapter(stand, refused)


def signed_by_hand(stand: ReceiverStand, message_id: str, at_s: int, body: bytes, folder: Path) -> dict[str, str]:
    """The headers as a stranger makes them, with the program openssl and the description of the scheme alone."""
    (folder / "signed").write_bytes(f"{message_id}.{at_s}.".encode() + body)
    secret = base64.b64decode(stand.secrets["signing_key"].removeprefix("whsec_")).hex()
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{secret}", "-binary", folder / "signed"],
        check=True, capture_output=True, timeout=20,
    )  # fmt: skip
    signature = "v1," + base64.b64encode(done.stdout).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(at_s), "webhook-signature": signature}


def test_both_sides_sign_as_a_stranger_does(stand: ReceiverStand, tmp_path: Path) -> None:
    now, body = int(time.time()), json.dumps(vars_of(order("stopped", 1))).encode()

    def send(headers: dict[str, str], payload: bytes = body) -> int:
        headers = headers | {"content-type": "application/json"}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(stand.settings["url"], data=payload, headers=headers, timeout=10).status_code

    good = signed_by_hand(stand, "msg_1", now, body, tmp_path)
    assert SigningKey.read(stand.secrets["signing_key"]).headers("msg_1", now, body) == good
    assert send(good, body.replace(b"stopped", b"running")) == 401
    assert send(good | {"webhook-id": "msg_2"}) == 401
    assert send({}) == 401
    for at_s in (now - WINDOW_S - 30, now + WINDOW_S + 30):
        assert send(signed_by_hand(stand, "msg_3", at_s, body, tmp_path)) == 401
    rotated = good | {"webhook-signature": f"v1,AAAA {good['webhook-signature']}"}
    assert [send(good), send(good), send(rotated)] == [200, 200, 200]
    other = json.dumps(vars_of(order("running", 2))).encode()
    assert send(signed_by_hand(stand, "msg_1", now, other, tmp_path), other) == 422


def vars_of(assertion: Assertion) -> dict[str, object]:
    return {
        "switch": assertion.switch, "target": assertion.target, "want": assertion.want,
        "generation": assertion.generation, "command_id": assertion.assertion_id, "expires": assertion.expires,
    }  # fmt: skip
