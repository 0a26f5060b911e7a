"""Which twelve metrics are drawn, in reading order: three columns of behaviour, and infrastructure beside them."""

from __future__ import annotations

COLUMNS = 4
METRICS = (
    "grounding_score", "refusal_rate", "policy_violation_rate", "http_error_rate",
    "schema_error_rate", "tool_calls", "state_repetition_count", "latency_ms",
    "output_tokens", "cost_velocity_usd", "approval_ms", "requests",
)  # fmt: skip
WINDOWS_S = (120, 300, 900)
"""Seconds that a graph may show; the second is where it begins."""
