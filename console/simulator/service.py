"""The AI service as an outcome model: what one request does, drawn from a seed, bent by faults and switches. Pure.

Every behaviour measure the range emits is read off the Outcome of a request that really came; nothing is painted on
afterwards. Money is integer micro-dollars, times milliseconds unless a name says otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from console.simulator.effects import AGENT, LONG_REASONING, MODEL_ANSWER, UNFILTERED, UNREVIEWED
from console.simulator.faults import Bend, Fault, bend
from console.simulator.world import Route

INPUT_USD_PER_MILLION, OUTPUT_USD_PER_MILLION = 2.5, 10.0
FALLBACK_PRICE = 0.2
GROUNDING_FLOOR = 0.70
"""An answer below it counts as ungrounded in a validation (TAX-1)."""

FEW_TURNS = 2
"""Turns an agent may take while FF_REASONING_TURNS is stopped."""

_AGENT_SHARE = 0.7
_APPROVAL_SHARE = 0.25
_TURN_INPUT = 60
_REFUSAL_TOKENS = 28


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as the service sees it; `key` is what its draw is seeded with."""

    route: Route
    context_tokens: int
    max_tokens: int
    hostile: bool
    key: str
    agent: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds when a request is answered: which model, which items are taken away, `without` which abilities."""

    model: str
    serving: bool
    revoked: Collection[str] = ()
    without: Collection[str] = ()

    @property
    def draft(self) -> bool:
        """Whether agents may only draft."""
        return AGENT in self.without


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request did. `grounding` is None for a refusal, `approval_ms` None when nobody had to approve."""

    model: str
    kind: str
    grounding: float | None
    refused: bool
    policy_violation: bool
    schema_error: bool
    tools: tuple[str, ...]
    tools_denied: int
    tool_calls: int
    turns: int
    state_repetition: int
    input_tokens: int
    output_tokens: int
    cost_microusd: int
    approval_ms: float | None
    agent: str
    first_token_s: float
    duration_s: float


STATIC = Outcome(
    model="static", kind="static", grounding=None, refused=False, policy_violation=False, schema_error=False, tools=(),
    tools_denied=0, tool_calls=0, turns=1, state_repetition=0, input_tokens=0, output_tokens=40, cost_microusd=0,
    approval_ms=None, agent="none", first_token_s=0.0, duration_s=0.0,
)  # fmt: skip
"""The prepared answer: no model is asked, nothing is spent."""


def decide(ask: Ask, now: Conditions, faults: Iterable[Fault], seed: int) -> Outcome:
    """What the service does with `ask`; the same arguments give the same outcome, always."""
    if MODEL_ANSWER in now.without:
        return STATIC
    draw = random.Random(f"{seed}/{ask.key}")
    wants_agent = ask.route.agentic and (draw.random() < _AGENT_SHARE or ask.agent)
    wanted_tools = _wanted_tools(draw, ask.route, wants_agent)
    tools = tuple(tool for tool in wanted_tools if tool not in now.revoked)
    autonomous = wants_agent and bool(tools) and not now.draft and UNREVIEWED not in now.without
    reached = {*ask.route.places, ask.route.index, now.model, *tools}
    bent = bend(faults, reached, serving=now.serving, autonomous=autonomous)

    refused = draw.random() < (0.985 * (1 - bent.refusal_collapse) if ask.hostile else 0.002)
    violation = not refused and draw.random() < _violation_odds(ask.hostile, bent)
    if UNFILTERED in now.without and violation:
        refused, violation = True, False
    grounding = _grounding(draw, bent) if not refused else None
    output = _REFUSAL_TOKENS if refused else max(1, ask.max_tokens)
    turns = _turns(draw, bent) if autonomous and not refused else 1
    if LONG_REASONING in now.without:
        turns = min(turns, FEW_TURNS)
    return Outcome(
        model=now.model,
        kind=_kind(refused, violation, grounding),
        grounding=grounding,
        refused=refused,
        policy_violation=violation,
        schema_error=draw.random() < 0.005,
        tools=tools,
        tools_denied=len(wanted_tools) - len(tools),
        tool_calls=0 if refused else (turns if turns > 1 else len(tools)),
        turns=turns,
        state_repetition=min(turns, max(3, turns // 4)) if turns > 1 else int(draw.random() < 0.05),
        input_tokens=_loop_input(ask.context_tokens, output, turns),
        output_tokens=output * turns,
        cost_microusd=_cost(_loop_input(ask.context_tokens, output, turns), output * turns, serving=now.serving),
        approval_ms=max(400.0, draw.gauss(900.0, 160.0)) if draw.random() < _APPROVAL_SHARE else None,
        agent=("draft" if now.draft else "auto") if wants_agent else "none",
        first_token_s=0.02 + min(0.06, ask.context_tokens * 2e-5) + draw.random() * 0.01,
        duration_s=min(0.6, 0.05 + output * 9e-4) + min(0.3, (turns - 1) * 0.01),
    )


def _wanted_tools(draw: random.Random, route: Route, wants_agent: bool) -> tuple[str, ...]:
    if not wants_agent or not route.tools:
        return ()
    return tuple(draw.choices(route.tools, k=draw.choice((1, 1, 2))))


def _violation_odds(hostile: bool, bent: Bend) -> float:
    base = 0.9 if hostile else 0.0009
    return base if hostile else base + 0.05 * bent.refusal_collapse


def _grounding(draw: random.Random, bent: Bend) -> float:
    mean = 0.88 - 0.53 * bent.grounding_fall
    return min(1.0, max(0.0, draw.gauss(mean, 0.05 + 0.04 * bent.grounding_fall)))


def _turns(draw: random.Random, bent: Bend) -> int:
    if bent.runaway_loop == 0:
        return 1
    return 12 + int(draw.uniform(20, 34) * bent.runaway_loop)


def _loop_input(setup: int, answer: int, turns: int) -> int:
    """T(N) = N S + u N(N+1)/2 + r N(N-1)/2: tokens read by an agent that carries its history along (TEL-3)."""
    if turns == 1:
        return setup
    return turns * setup + _TURN_INPUT * turns * (turns + 1) // 2 + answer * turns * (turns - 1) // 2


def _cost(tokens_in: int, tokens_out: int, *, serving: bool) -> int:
    price = tokens_in * INPUT_USD_PER_MILLION + tokens_out * OUTPUT_USD_PER_MILLION
    return round(price if serving else price * FALLBACK_PRICE)


def _kind(refused: bool, violation: bool, grounding: float | None) -> str:
    if refused:
        return "refused"
    if violation:
        return "violating"
    return "grounded" if grounding is not None and grounding >= GROUNDING_FLOOR else "ungrounded"


def passes(outcome: Outcome, hostile: bool) -> bool:
    """Whether an outcome is what a validation case asks for: a hostile prompt refused, another answered well."""
    if hostile:
        return outcome.refused
    grounded = outcome.grounding is not None and outcome.grounding >= GROUNDING_FLOOR
    return grounded and not outcome.policy_violation and not outcome.schema_error and outcome.turns == 1
