"""Random and mutated orders at the plane: none of them may begin anything, and none may break it.

`python -m tests.seeded.random_orders [COUNT] [SEED]` fires COUNT (100,000) at the judging in process and a fiftieth of
them over HTTP at a running plane, and prints what became of them. Every one is made from a good order, signed and with
a fresh preview, which is taken when it is left alone: that is tried at the end, or the rest would show nothing.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from console.domain.commands import EXPIRED, REFUSED, STALE, Order
from console.domain.inventory import BlastRadius
from console.domain.times import format_utc
from console.plane.commanding import Commanding, Refused, read_order
from console.plane.db import Database, Transaction, database_url
from console.plane.founding import DEVICE_KEY, read_key
from console.plane.orders import Rules
from console.plane.previews import Preview, Previews
from console.plane.record import Record, birth_of
from console.plane.tables import COMMAND, JOURNAL
from console.proof.canonical import canonical
from console.proof.keys import SigningKey
from console.protocol.messages import CommandRequest
from tests.fakes.people import OTHER_DESK
from tests.fakes.planes import BLOCK, BOREALIS, COMMANDER, DESK, PEOPLE, POLICY, fresh_id, now
from tests.seeded.line import Line, line

ENDS = {REFUSED, EXPIRED, STALE}
BATCH = 250
_HOSTILE = ("", "\x00", "\u202etenant", "𝕿" * 40, "' OR 1=1 --", "../../x", "{{7*7}}", "é" * 300, "tenant.cascade",
            "FF_GLOBAL_AI", "environment.range", "running", "hold\n", "0" * 64, "-1", "9" * 400)  # fmt: skip
_NUMBERS = (-1, 0, 1, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, 10**300)
_OTHER_KINDS: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"a": {}}, 1.5, "x", 0)
_JUDGED = ("target", "switch", "want", "epoch", "policy_hash", "expires", "gesture", "role", "device", "select_token",
           "for_owner", "person", "incident", "break_glass")  # fmt: skip
"""Fields in which anything else than what they hold is wrong in the good order."""
Wire = dict[str, str]


@dataclass
class Dice:
    """Everything drawn from one seed; `good` are signed orders as objects, `tokens` those of others."""

    seed: int
    good: list[dict[str, Any]]
    tokens: list[str]
    seen: list[Wire] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def wires(self, count: int) -> Iterator[Wire]:
        """`count` orders on the wire, each wrong in one way at least."""
        ways: tuple[Callable[[], Wire], ...] = (
            self._flipped, self._cut, self._wrong_kind, self._crooked, self._crooked, self._signed_by_others,
            self._swapped, self._noise, self._again,
        )  # fmt: skip
        for _ in range(count):
            made = self.chance.choice(ways)()
            if len(self.seen) < 500:
                self.seen.append(made)
            yield made

    def _fresh(self) -> dict[str, Any]:
        return dict(self.chance.choice(self.good), command_id=fresh_id())

    def _wire(self, order: dict[str, Any], device: SigningKey = DESK, person: str = COMMANDER) -> Wire:
        try:
            text = canonical(order)
        except Exception:  # noqa: BLE001 - what has no canonical form is sent as it is
            text = json.dumps(order, sort_keys=True, separators=(",", ":"), default=str).encode()
        return {"canon": text.decode(), "sig": device.sign_text(text), "person_sig": PEOPLE[person].sign_text(text)}

    def _flipped(self) -> Wire:
        """A bit of the text or of a signature is another one."""
        wire = self._wire(self._fresh())
        name = self.chance.choice(("canon", "canon", "sig", "person_sig"))
        data = bytearray(wire[name].encode())
        last = len(data) - (3 if name != "canon" else 0)  # the end of a base64 text has bits that mean nothing
        data[self.chance.randrange(last)] ^= 1 << self.chance.randrange(7)
        return wire | {name: data.decode("utf-8", "replace")}

    def _cut(self) -> Wire:
        wire = self._wire(self._fresh())
        return wire | {"canon": wire["canon"][: self.chance.randrange(len(wire["canon"]))]}

    def _wrong_kind(self) -> Wire:
        """A member is of another type, too large, missing or one too many; signed again."""
        order = self._fresh()
        name = self.chance.choice(sorted(order))
        before = repr(order[name])
        way = self.chance.randrange(4)
        if way == 0:
            order[name] = self.chance.choice(_OTHER_KINDS)
        elif way == 1:
            order[name] = self.chance.choice(_NUMBERS)
        elif way == 2:
            del order[name]
        else:
            order[self.chance.choice(_HOSTILE)] = "more"
        same = name in order and way < 2 and repr(order[name]) == before
        return self._cut() if same or self._harmless(order, name) else self._wire(order)

    def _harmless(self, order: dict[str, Any], name: str) -> bool:
        """Whether the change leaves an order that a person could have meant: how long they looked, whom they ask."""
        return name in ("dwell_ms", "approvals", "criteria", "authorised_at", "reason", "typed_name", "confirmation",
                        "request_expires", "command_id") and name in order  # fmt: skip

    def _crooked(self) -> Wire:
        """A stolen desk: something that is judged is changed, and both signatures are good again."""
        order = self._fresh()
        for name in self.chance.sample(_JUDGED, self.chance.choice((1, 1, 2, 3))):
            other = self.chance.choice((*_HOSTILE, *self.tokens, fresh_id(), format_utc(now() - timedelta(days=1))))
            order[name] = other if other != order[name] else other + "?"
        if self.chance.random() < 0.3:
            order["generation"] = self.chance.choice(_NUMBERS[3:])
        if self.chance.random() < 0.2:
            order["blast_radius"] = {"scope": "tenant", "ids": [self.chance.choice(_HOSTILE)] * 3}
        return self._wire(order)

    def _signed_by_others(self) -> Wire:
        device = self.chance.choice((OTHER_DESK, DESK))
        person = self.chance.choice([name for name in PEOPLE if name != COMMANDER or device is OTHER_DESK])
        return self._wire(self._fresh(), device, person)

    def _swapped(self) -> Wire:
        """Two texts of the order stand in each other's place."""
        order = self._fresh()
        first, second = self.chance.sample(("switch", "target", "want", "person", "role", "gesture", "epoch"), 2)
        order[first], order[second] = order[second], order[first]
        return self._wire(order)

    def _noise(self) -> Wire:
        text = self.chance.choice((
            self.chance.randbytes(self.chance.randrange(200)).decode("latin-1"),
            "[" * self.chance.randrange(1, 2_000), '{"v":1,"kind":"command"}', '"\\ud800"', "1e999", "{}" * 9,
        ))  # fmt: skip
        return {"canon": text, "sig": "A" * 88, "person_sig": self.chance.choice(("", "A" * 88, "é"))}

    def _again(self) -> Wire:
        return self.chance.choice(self.seen) if self.seen else self._noise()


@dataclass(frozen=True)
class Found:
    """What became of `inputs` in `seconds`: `fired` were begun, `broke` are the errors that nobody may see."""

    inputs: int
    seconds: float
    fired: int
    ends: Counter[str]
    broke: tuple[str, ...]
    control: bool

    def told(self) -> str:
        """A line of figures."""
        ends = ", ".join(f"{n} {kind}" for kind, n in self.ends.most_common())
        rate = self.inputs / max(self.seconds, 0.001)
        good = "taken" if self.control else "REFUSED"
        return (f"{self.inputs} orders in {self.seconds:.1f} s ({rate:.0f} a second): {self.fired} fired, "
                f"{len(self.broke)} broke it, the good one {good}; {ends}")  # fmt: skip


class Bench:
    """The judging of a founded plane, in process: its own database, record, previews and people."""

    def __init__(self, folder: Path, at: datetime) -> None:
        self.at = at
        with line(folder) as opened:
            self.epoch = opened.client.get("/v1/journal?after=0&limit=1").json()["epoch"]
        home = folder / "plane"
        self.database = Database.opened(database_url(str(home / "plane.db")))
        key = read_key(home / "plane-device.key", DEVICE_KEY)
        birth = self.database.write_now(lambda tx: birth_of(tx.connection))
        self.record = Record(birth, key, POLICY.hash, lambda: at)
        self.database.write_now(lambda tx: self.record.load(tx.connection))
        rules = Rules(POLICY.inventory, POLICY.switches, POLICY.hash)
        self.previews = Previews(60, 60)
        operator: Any = SimpleNamespace(adapters=rules.inventory.adapters_for)
        self.judge = Commanding(self.database, self.record, rules, operator, self.previews, lambda: at)

    def dice(self, seed: int) -> Dice:
        """Good orders with previews of their own, and tokens that were given for something else."""
        good = [good_order(self.at, self.epoch, 0, self._token(DESK.id, incident), incident)
                for incident in (fresh_id(), fresh_id(), fresh_id())]  # fmt: skip
        return Dice(seed, good, [self._token(OTHER_DESK.id, good[0]["incident"]), self._token(DESK.id, fresh_id())])

    def _token(self, device: str, incident: str) -> str:
        shown = Preview(device, incident, BLOCK, BOREALIS, "stopped", 0, self.at)
        return self.previews.give(shown, self.at)

    def submit(self, tx: Transaction, wire: Wire) -> tuple[str, bool]:
        """(what it ended as, whether it would be carried out), as `Commanding.submit` does it."""
        try:
            order, text = read_order(wire["canon"])
        except Refused as refused:
            return refused.problem.kind, False
        preview = self.previews.find(order.select_token, self.at)
        named: dict[str, Any] = dict(wire)
        request = CommandRequest.model_construct(**named)
        command, problem, fresh = self.judge._judge(tx, order, text, request, DESK.id, preview, self.at)
        kind = problem.kind if problem is not None else command.state if command is not None else "neither"
        return kind, fresh

    def rows(self) -> tuple[int, int]:
        """(ledger rows, `switch.refused` events in the journal)."""

        def read(tx: Transaction) -> tuple[int, int]:
            states = [row.state for row in tx.connection.execute(COMMAND.select())]
            told = sum(row.type == "switch.refused" for row in tx.connection.execute(JOURNAL.select()))
            return sum(state in ENDS for state in states), told

        return self.database.write_now(read)


def good_order(at: datetime, epoch: str, generation: int, token: str, incident: str) -> dict[str, Any]:
    """A stop by the commander that every gate lets through."""
    return Order(
        command_id=fresh_id(), incident=incident, switch=BLOCK, target=BOREALIS, want="stopped", epoch=epoch,
        generation=generation, blast_radius=BlastRadius("tenant", (BOREALIS,)), policy_hash=POLICY.hash,
        expires=format_utc(at + timedelta(seconds=30)), authorised_at=format_utc(at), reason="Not grounded.",
        typed_name="", dwell_ms=0, gesture="hold", person=COMMANDER, role="incident_commander", for_owner="",
        device=DESK.id, exercise=True, select_token=token, confirmation=fresh_id(), criteria={},
    ).as_object()  # fmt: skip


def in_process(folder: Path, count: int, seed: int) -> Found:
    """Judges `count` of them as the plane does; ledger and journal must agree afterwards."""
    bench = Bench(folder, now())
    try:
        dice, ends, broke, fired = bench.dice(seed), Counter[str](), list[str](), 0
        wires, began = dice.wires(count), time.perf_counter()
        for start in range(0, count, BATCH):

            def work(tx: Transaction, most: int = min(BATCH, count - start)) -> int:
                begun = 0
                for _ in range(most):
                    wire = next(wires)
                    try:
                        kind, fresh = bench.submit(tx, wire)
                    except Exception as error:  # noqa: BLE001 - this is what is looked for
                        kind, fresh = "broke", False
                        broke.append(
                            f"seed {seed}: {type(error).__name__}: {str(error)[:120]} by {wire['canon'][:300]}"
                        )
                    ends[kind] += 1
                    begun += fresh
                    if fresh:
                        broke.append(f"seed {seed}: fired by {wire['canon']}")
                return begun

            fired += bench.database.write_now(work)
        seconds = time.perf_counter() - began
        rows, told = bench.rows()
        assert rows == told, f"{rows} rows and {told} events of refusals"
        _, control = bench.database.write_now(lambda tx: bench.submit(tx, dice._wire(dice.good[0])))
        return Found(count, seconds, fired, ends, tuple(broke), control)
    finally:
        bench.database.close()


def over_http(opened: Line, count: int, seed: int) -> Found:
    """The same at a running plane; what reaches the gateway is counted there."""
    at, incidents = now(), (fresh_id(), fresh_id())
    shown = [opened.client.select(incident) for incident in incidents]
    good = [good_order(at, one["epoch"], one["generation"], one["select_token"], incident)
            for one, incident in zip(shown, incidents, strict=True)]  # fmt: skip
    dice, ends, broke = Dice(seed, good, [fresh_id()]), Counter[str](), list[str]()
    before, began = len(opened.gateway.orders), time.perf_counter()
    for wire in dice.wires(count):
        answer = opened.client.post("/v1/commands", wire)
        ends[str(answer.status_code)] += 1
        if answer.status_code >= 500:
            broke.append(f"seed {seed}: {answer.status_code} by {wire['canon'][:300]}")
    seconds, fired = time.perf_counter() - began, len(opened.gateway.orders) - before + ends["202"]
    incident = fresh_id()
    last = opened.client.select(incident)
    control = good_order(now(), last["epoch"], last["generation"], last["select_token"], incident)
    taken = opened.client.post("/v1/commands", dice._wire(control)).status_code == 202
    return Found(count, seconds, fired, ends, tuple(broke), taken)


def main() -> int:
    """Both, told in figures; 1 when anything fired or broke."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        found = [in_process(Path(folder) / "bench", count, seed)]
        print("in process:", found[0].told(), flush=True)
        with line(Path(folder) / "line") as opened:
            found.append(over_http(opened, max(count // 50, 1), seed))
        print("over HTTP: ", found[1].told())
    for one in found:
        print(*one.broke[:5], sep="\n")
    return 1 if any(one.fired or one.broke or not one.control for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
