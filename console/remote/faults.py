"""How talking to the plane fails, by what may be concluded: nothing was sent, nobody knows, refused, garbage.

Nothing of requests or urllib3 leaks past this package.
"""

from __future__ import annotations

from console.domain.errors import EnvironmentFault, InputError, RefusedError
from console.protocol.problems import Problem


class Offline(EnvironmentFault):
    """No connection: nothing left this desk, so nothing happened."""


class TimedOut(EnvironmentFault):
    """The request may have arrived; its answer did not. What became of it is unknown until it is looked up."""


class GarbledAnswer(InputError):
    """An answer that cannot be read: not the protocol, a redirect, or another encoding than asked for."""


class OversizedAnswer(GarbledAnswer):
    """An answer longer than was asked for; reading it was stopped at the bound."""


class ProblemAnswer(RefusedError):
    """The plane said no: `status` of HTTP, `problem` as RFC 9457, `retry_after_s` 0 when it gave none."""

    def __init__(self, status: int, problem: Problem, retry_after_s: float = 0.0) -> None:
        super().__init__(problem.detail or f"The plane refused this ({status}) without saying why.")
        self.status, self.problem, self.retry_after_s = status, problem, retry_after_s
