"""What evidence is: the seven dimensions of a package, and what is still missing from one (EVI-1, EVI-6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

DIMENSIONS: Mapping[str, str] = {
    "tracing_context": "Tracing context",
    "span_attributes": "Span attributes",
    "payloads": "Prompts and answers",
    "configuration": "Configuration manifests",
    "retrieval_snapshot": "Retrieval snapshot",
    "tool_ledger": "Tool-execution ledger",
    "cryptographic_artefacts": "Cryptographic artefacts",
}
"""Dimension id -> title, in the order a package lists them."""

NESTED_LEVELS = ("SEV-0", "SEV-1")
"""Levels whose package takes two people to open: escrow outside, custodian inside."""


def missing_dimensions(captured: Iterable[str]) -> tuple[str, ...]:
    """The dimensions of which nothing was captured, in package order."""
    have = set(captured)
    return tuple(dimension for dimension in DIMENSIONS if dimension not in have)
