"""What each switch of the gateway does while it is stopped, as one table: whom it refuses and what it cuts. Pure.

A stop takes something away: everything at a place, one item by its id, or one ability by its word. Who needs it is
refused; who does not is served without it, and told so by a notice. A further switch is one row of EFFECTS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EVERYTHING, ITEM = "*", "id"
"""What is taken away: every request at the target, or the target itself from those who name it."""

AGENT, WRITE, MODEL_ANSWER, UNREVIEWED, UNFILTERED, CACHE, SESSION, LONG_REASONING = (
    "agent", "write", "model_answer", "unreviewed", "unfiltered", "cache", "session", "long_reasoning",
)  # fmt: skip
"""Abilities that the service itself acts by; the others only decide who is refused."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One row: the `kinds` it is thrown on, what it `takes`, whether it `cuts` streams that use it.

    `notice` is what those who are served without it are told (SWI-10); `ends_sessions`: live sessions end with it.
    """

    kinds: tuple[str, ...]
    takes: str
    cuts: bool = False
    notice: str = ""
    ends_sessions: bool = False


EFFECTS: Mapping[str, Effect] = {
    "FF_GLOBAL_AI": Effect(("environment",), EVERYTHING, cuts=True, ends_sessions=True),
    "FF_TENANT_BLOCK": Effect(("tenant",), EVERYTHING, cuts=True),
    "FF_FEATURE": Effect(("surface",), EVERYTHING, cuts=True),
    "FF_TOKEN_BUDGET": Effect(("tenant",), EVERYTHING),  # what was reserved before is paid for
    "FF_TOOL_REVOKE": Effect(("tool",), ITEM, cuts=True),
    "FF_MODEL_ROUTE": Effect(
        ("model",), ITEM, cuts=True, notice="A simpler model answers for the moment; some abilities are limited."
    ),
    "FF_INDEX_FREEZE": Effect(("index",), ITEM),  # a write is one step: there is nothing to cut
    "FF_ROW_QUARANTINE": Effect(("segment",), ITEM, notice="Some documents are left out for the moment."),
    "FF_PROMPT_PATTERN": Effect(("pattern",), ITEM),
    # what an agent has begun goes on as a draft: there is nothing to cut
    "FF_AGENT_DRAFT": Effect(
        ("surface",), AGENT, notice="The assistant only drafts for the moment; nothing is sent without you."
    ),
    "FF_READ_ONLY": Effect(
        ("tenant", "surface"), WRITE, notice="Nothing can be changed for the moment; reading works."
    ),
    "FF_MEMORY_WRITES": Effect(("surface",), "memory", notice="Nothing new is remembered for the moment."),
    "FF_EXTERNAL_CALLS": Effect(
        ("surface",), "external", cuts=True, notice="Services of others are not asked for the moment."
    ),
    "FF_BROWSER_ACCESS": Effect(("surface",), "browser", cuts=True, notice="No web pages are opened for the moment."),
    "FF_EGRESS_BLOCK": Effect(("environment", "tenant"), "egress", cuts=True),
    "FF_SAFETY_FILTER": Effect(
        ("surface",), UNFILTERED, notice="Answers are filtered more strictly for the moment; some may be withheld."
    ),
    "FF_STATIC_RESPONSE": Effect(
        ("surface",), MODEL_ANSWER, notice="A prepared text answers for the moment; no model was asked."
    ),
    "FF_HUMAN_REVIEW": Effect(
        ("surface",), UNREVIEWED, notice="A person looks at every answer for the moment; it comes later."
    ),
    "FF_REASONING_TURNS": Effect(
        ("surface",), LONG_REASONING, notice="The assistant takes fewer steps for the moment; long tasks may end early."
    ),
    "FF_TRUST_CAVEAT": Effect(
        ("surface",), "plain_answer", notice="Check this answer before you rely on it; it may be wrong."
    ),
    "FF_CACHE_BYPASS": Effect(("tenant", "environment"), CACHE),  # slower and dearer, but not less
    "FF_SESSIONS": Effect(("tenant",), SESSION, cuts=True, ends_sessions=True),
}
"""The switches that this gateway enforces; what data/systems binds besides is done by hand (SWI-1, SWI-2)."""

WORDS = frozenset(effect.takes for effect in EFFECTS.values()) - {EVERYTHING, ITEM}
"""Every ability that a request may say it needs."""

IMPLIED: Mapping[str, tuple[str, ...]] = {
    AGENT: (WRITE,),
    "memory": (WRITE,),
    "external": ("egress",),
    "browser": ("egress",),
}
"""Abilities that another one stands on: without them it is gone too."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What the gateway can do with one switch: on which kinds, and which of the results of a kill it delivers."""

    kinds: tuple[str, ...]
    refuses_new: bool = True
    cuts_streams: bool = True
    durable: bool = True
    read_back: bool = True
    ends_sessions: bool = False

    def as_object(self) -> dict[str, Any]:
        """As `GET /control/capabilities` declares it."""
        return {
            "kinds": list(self.kinds),
            "refuses_new": self.refuses_new,
            "cuts_streams": self.cuts_streams,
            "durable": self.durable,
            "read_back": self.read_back,
            "ends_sessions": self.ends_sessions,
        }


CAPABILITIES: Mapping[str, Capability] = {
    switch: Capability(effect.kinds, cuts_streams=effect.cuts, ends_sessions=effect.ends_sessions)
    for switch, effect in EFFECTS.items()
}
"""The declaration that follows from the table."""
