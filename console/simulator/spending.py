"""The caps of TEL-3 at the gateway: what a step may cost is reserved before it begins and settled when it ends.

Held to the caps is whoever names a workflow: an agent and its sessions. Everything happens on the one event loop, so
that steps side by side can never pass a cap together.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from console.domain.budgets import Account, Caps, Cost, Refusal
from console.simulator.service import INPUT_USD_PER_MILLION, OUTPUT_USD_PER_MILLION, Outcome

MAX_WORKFLOWS = 5000


@dataclass(frozen=True, slots=True)
class Step:
    """A step whose cost was set aside."""

    key: tuple[str, str]
    id: str


class Spending:
    """One account a tenant and workflow; beyond 5,000 the one used longest ago is forgotten."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._accounts: OrderedDict[tuple[str, str], Account] = OrderedDict()
        self._number = 0

    def reserve(self, tenant: str, workflow: str, session: str, cost: Cost, now_us: int) -> Step | Refusal:
        """Sets `cost` aside; a refusal names the cap that is short."""
        self._number += 1
        step = Step((tenant, workflow), f"s{self._number}")
        account, answer = self._account(step.key).reserve(step.id, session, cost, now_us)
        self._keep(step.key, account)
        return answer if isinstance(answer, Refusal) else step

    def settle(self, step: Step, cost: Cost, now_us: int) -> None:
        """Counts what the step did cost; one that no longer fits stays counted as it was reserved."""
        self._keep(step.key, self._account(step.key).settle(step.id, cost, now_us)[0])

    def release(self, step: Step) -> None:
        """Gives back what a step that never began had set aside."""
        self._keep(step.key, self._account(step.key).release(step.id))

    def spent(self, tenant: str, workflow: str, session: str, now_us: int) -> Cost:
        """What that session (and, of money, the whole workflow) has spent and reserved."""
        return self._account((tenant, workflow)).spent(session, now_us)

    def _account(self, key: tuple[str, str]) -> Account:
        return self._accounts.get(key) or Account(self._caps)

    def _keep(self, key: tuple[str, str], account: Account) -> None:
        self._accounts[key] = account
        self._accounts.move_to_end(key)
        while len(self._accounts) > MAX_WORKFLOWS:
            self._accounts.popitem(last=False)


def cost_of(outcome: Outcome) -> Cost:
    """What a request did cost."""
    writes = outcome.tool_calls if outcome.agent == "auto" else 0
    return Cost(outcome.turns, outcome.input_tokens, writes, outcome.cost_microusd)


def most_of(outcome: Outcome, max_tokens: int) -> Cost:
    """The most it may cost: an answer that is refused or short is paid for when it ends."""
    price = round(outcome.input_tokens * INPUT_USD_PER_MILLION + max_tokens * OUTPUT_USD_PER_MILLION)
    cost = cost_of(outcome)
    return Cost(cost.turns, cost.input_tokens, cost.writes, max(cost.micro_usd, price))
