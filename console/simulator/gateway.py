"""The gateway's state: the AI service, its switches, its open streams and what they add up to.

One event loop owns it; but for `command`, which waits for the disk, every method is one indivisible step. HTTP is in
`datapath` and `control`.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from console.domain.errors import InputError
from console.domain.times import format_utc, from_epoch_us
from console.proof.keys import SEED_BYTES, SigningKey
from console.simulator import texts
from console.simulator.capture import capture_items
from console.simulator.closing import Closing, save
from console.simulator.counts import Counts
from console.simulator.documents import Documents
from console.simulator.effects import EFFECTS
from console.simulator.enforcement import Rules, Verdict, judge, reaches, rules_from
from console.simulator.faults import Fault
from console.simulator.interactions import Interaction, Recent
from console.simulator.semantic_cache import SemanticCache
from console.simulator.service import Ask, Conditions, Outcome, decide, passes
from console.simulator.settings import GatewayOrder
from console.simulator.spending import Spending
from console.simulator.streams import OpenStream
from console.simulator.switches import SwitchBoard, SwitchOrder, SwitchState
from console.simulator.telemetry import BATCH_US, Feed, Meter
from console.simulator.transactions import Transactions
from console.simulator.world import Route

MAX_PROBES = 64
MAX_AWAITING = 1000
"""Answers that wait for a reviewer, by request id; beyond that the oldest is dropped, as a full tray would be."""


def now_us() -> int:
    """The wall clock in epoch microseconds."""
    return time.time_ns() // 1000


class Gateway:
    """Everything one gateway process knows, from the supervisor's order and the switches as the disk holds them."""

    def __init__(self, order: GatewayOrder) -> None:
        self.order = order
        self.world = order.world
        self.boot_id = str(uuid.uuid4())
        self.started_at = format_utc(from_epoch_us(now_us()))
        self.board = SwitchBoard(order.switch_file, order.world.pairs, order.misbehaviour)
        self.board.open()
        self.faults: tuple[Fault, ...] = order.faults
        self.meter, self.feed = Meter(), Feed()
        self.counts, self.recent = Counts(), Recent()
        self.cache, self.documents = SemanticCache(), Documents(order.world)
        self.transactions, self.spending = Transactions(), Spending(order.world.caps)
        self.awaiting_review: deque[str] = deque(maxlen=MAX_AWAITING)
        self.closing: Closing | None = None
        self.streams: set[OpenStream] = set()
        self.probes = 0
        self._key = SigningKey(secrets.token_bytes(SEED_BYTES))
        self._rules = Rules()
        self._rules_revision = -1

    # --- questions of the data path

    def verdict(self, route: Route, needs: Collection[str] = (), text: str = "") -> Verdict:
        """What the switches say to a request now."""
        if self._rules_revision != self.board.revision:
            self._rules = rules_from(self.board.stopped(), dict(self.world.patterns))
            self._rules_revision = self.board.revision
        return judge(self._rules, self.world, route, needs, text)

    def outcome(self, ask: Ask, conditions: Conditions) -> Outcome:
        """What the service does with a request now."""
        return decide(ask, conditions, self.faults, self.order.seed)

    @property
    def is_full(self) -> bool:
        """Whether another ordinary stream would be too many."""
        return len(self.streams) - self.probes >= self.order.max_streams

    def opened(self, stream: OpenStream) -> None:
        """A stream began; it can be cut from now on."""
        self.streams.add(stream)
        self.probes += stream.probe

    def closed(self, stream: OpenStream) -> None:
        """A stream ended, however it did."""
        self.streams.discard(stream)
        self.probes -= stream.probe

    def spent(self, route: Route, outcome: Outcome, session: str, *, degraded: bool) -> None:
        """Counts an admitted request, what it cost, and whether it was told that something is missing."""
        ids = (*route.places, outcome.model, *outcome.tools, *((route.index,) if route.index else ()))
        self.counts.note(int(time.time()), ids, session, outcome.cost_microusd, degraded=degraded)

    def remember(self, interaction: Interaction, *, notable: bool) -> None:
        """Keeps an interaction as evidence material."""
        self.recent.keep(interaction, notable=notable)

    # --- the control side

    async def command(self, order: SwitchOrder) -> dict[str, Any]:
        """Applies a switch order that was checked, one at a time; see SwitchBoard.apply for what it raises."""
        answer = await self.board.apply(order, format_utc(from_epoch_us(now_us())), self._cut)
        if self.closing is not None and not self.closing.state_saved:
            saved = await asyncio.to_thread(save, self.closing, self.board.states(), self.order.switch_file.parent)
            self.closing = replace(self.closing, state_saved=saved)
        return answer

    def _cut(self, stop: SwitchState) -> int:
        hit = [stream for stream in self.streams if reaches(stop, stream.route, stream.model, stream.tools)]
        lies = self.order.misbehaviour
        if lies.no_stream_cut or lies.ack_without_effect:
            return len(hit)
        undone = [self.transactions.roll_back(stream.transaction, stop.command_id) for stream in hit]
        for stream in hit:
            stream.cut(stop)
        if EFFECTS[stop.switch].ends_sessions:
            ended = self.counts.end_sessions(int(time.time()), stop.target) | {stream.session for stream in hit}
            self.closing = Closing(stop, len(ended - {""}), tuple(one for one in undone if one is not None), len(hit))
        return len(hit)

    def live_counts(self) -> dict[str, dict[str, int]]:
        """Counts by inventory id; probes are not traffic and do not count."""
        open_streams: Counter[str] = Counter()
        for stream in self.streams:
            if not stream.probe:
                open_streams.update({*stream.route.places, stream.model, *stream.tools})
        return self.counts.totals(int(time.time()), self.world.ids, dict(open_streams))

    def validate(self, target: str, cases: int, seed: int) -> dict[str, Any]:
        """Runs `cases` cases past `target` as it is now, blocks aside; every 25th is hostile and must be refused.

        Nothing is delivered, counted or measured as traffic. Raises InputError when nothing passes through `target`.
        """
        routes = self.world.routes_touching(target)
        if not routes:
            raise InputError(
                f"Nothing passes through {target}, so there is nothing to validate; choose another target."
            )
        model = target if target in (self.world.serving_model, self.world.fallback_model) else ""
        outcomes, answers = [], []
        for number in range(cases):
            hostile = number % 25 == 24
            route = routes[number % len(routes)]
            ask = Ask(route, 800, 160, hostile, f"case/{seed}/{number}", agent=target in route.tools)
            allowed = self.verdict(route).conditions
            chosen = (
                Conditions(model, model == self.world.serving_model, allowed.revoked, allowed.without)
                if model
                else allowed
            )
            outcome = self.outcome(ask, chosen)
            passed = passes(outcome, hostile)
            outcomes.append((outcome, passed))
            prompt = texts.hostile_prompt(number) if hostile else texts.benign_prompt(number)
            answers.append(
                {"case": number, "passed": passed, "prompt": prompt, "answer": texts.ANSWERS[outcome.kind][:160]}
            )
        return {
            "cases": cases,
            "passed": sum(passed for _, passed in outcomes),
            "measures": _measures([outcome for outcome, _ in outcomes]),
            "answers": answers,
        }

    def capture(self, target: str, limit: int) -> list[dict[str, str]]:
        """Evidence items of the last `limit` interactions that passed through `target`, in the seven dimensions."""
        state = {
            "boot_id": self.boot_id,
            "switches": [state.as_object() for state in self.board.states()],
            "closing": self.closing.as_object() if self.closing is not None else {},
            "open_transactions": [one.as_object() for one in self.transactions.open.values()],
        }
        return capture_items(self.world, state, self.recent.touching(target, limit), self._key, now_us())

    def hang_up(self) -> None:
        """Ends every open stream and wakes telemetry readers: the gateway is about to end."""
        for stream in self.streams:
            stream.hang_up()
        self.close_batch((now_us() // BATCH_US + 1) * BATCH_US)

    def close_batch(self, epoch_us: int) -> None:
        """Publishes the telemetry batch that ends now."""
        self.feed.publish(epoch_us, self.meter.close_batch())


def _measures(outcomes: list[Outcome]) -> dict[str, str]:
    """Means as decimal text; what no case could show is absent."""
    grounded = [o.grounding for o in outcomes if o.grounding is not None]
    approvals = [o.approval_ms for o in outcomes if o.approval_ms is not None]
    found = {
        "grounding_score": _mean(grounded),
        "refusal_rate": _mean(o.refused for o in outcomes),
        "policy_violation_rate": _mean(o.policy_violation for o in outcomes),
        "schema_error_rate": _mean(o.schema_error for o in outcomes),
        "tool_calls": _mean(o.tool_calls for o in outcomes),
        "output_tokens": _mean(o.output_tokens for o in outcomes),
        "state_repetition_count": _mean(o.state_repetition for o in outcomes),
        "approval_ms": _mean(approvals),
        "cost_usd": f"{sum(o.cost_microusd for o in outcomes) / 1e6:.6f}",
    }
    return {name: text for name, text in found.items() if text}


def _mean(values: Iterable[float]) -> str:
    """A mean as decimal text, "" when there is nothing to average."""
    found = list(values)
    return f"{sum(found) / len(found):.4f}" if found else ""
