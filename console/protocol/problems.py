"""Problems as RFC 9457 objects, and the closed list of kinds a caller may act upon.

`kind` decides what the other side does; `detail` is one sentence for a person and never decides anything.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MEDIA_TYPE = "application/problem+json"

KINDS = {
    "malformed": 422,          # the request cannot be read; the same request will fail for ever
    "unauthenticated": 401,    # no token, or an old one: ask for a token once, then stop
    "forbidden": 403,          # a known caller may not: stop and show
    "not_found": 404,
    "not_allowed": 405,        # the address knows other methods: see Allow
    "conflict": 409,           # same id with another hash; journal position that is not of this journal
    "epoch_changed": 410,      # the journal was restored from a backup: start again from 0
    "too_slow": 408,           # a body that did not arrive in its time
    "too_large": 413,          # halve the batch
    "unsupported": 415,        # a body packed in a way that is not known here
    "out_of_range": 416,       # a part of a blob that it does not have
    "gates_unmet": 403,        # a command that does not meet its gates
    "stale": 409,              # a command for another generation
    "expired": 410,            # a command after its end
    "wrong_world": 403,        # an exercise event at a production plane, or the other way round
    "busy": 503,               # later: Retry-After says when
    "internal": 500,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """One RFC 9457 problem; `type` is `urn:incident-console:problem:KIND`."""

    kind: str
    detail: str
    gates: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """The HTTP status of this kind."""
        return KINDS[self.kind]

    def as_object(self) -> dict[str, Any]:
        """The object as sent with media type application/problem+json."""
        plain = asdict(self)
        return {
            "type": f"urn:incident-console:problem:{self.kind}",
            "title": self.kind.replace("_", " "),
            "status": self.status,
            "detail": plain["detail"],
            "kind": self.kind,
            "gates": list(self.gates),
        }


def problem_from_object(value: object) -> Problem:
    """The problem in an answer; anything unreadable becomes `internal` with what could be read."""
    if isinstance(value, dict) and value.get("kind") in KINDS:
        gates = value.get("gates")
        return Problem(
            str(value["kind"]),
            str(value.get("detail", ""))[:1000],
            tuple(str(g)[:200] for g in gates) if isinstance(gates, list) else (),
        )
    return Problem("internal", "The other side answered with something that is not a problem description.")
