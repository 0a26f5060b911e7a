"""Evidence material: the seven dimensions of EVI-1, made from interactions that really happened. Pure.

One item is one span, attribute set, text, row or manifest, so that each can be withheld alone. Names are made of
running numbers, never of text from outside; prompts and answers are handed out as they came, hostile or not.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from console.domain.times import format_utc, from_epoch_us
from console.proof.keys import SigningKey
from console.simulator import texts
from console.simulator.interactions import Interaction
from console.simulator.service import INPUT_USD_PER_MILLION, OUTPUT_USD_PER_MILLION
from console.simulator.world import World

DIMENSIONS = (
    "tracing_context",
    "span_attributes",
    "payloads",
    "configuration",
    "retrieval_snapshot",
    "tool_ledger",
    "cryptographic_artefacts",
)
_JSON, _TEXT = "application/json", "text/plain; charset=utf-8"
PROMPT_VERSION = "3.4.1"


def capture_items(
    world: World,
    state: Mapping[str, Any],
    interactions: Iterable[Interaction],
    key: SigningKey,
    now_us: int,
) -> list[dict[str, str]]:
    """The items of a capture: global ones first, then those of each interaction in the order given.

    `state` is what the gateway says of itself: its process, switches, transactions and the last closing.
    """
    at = format_utc(from_epoch_us(now_us))
    kept = list(interactions)
    manifest = model_manifest(world)
    items = [
        _item("configuration", "model-manifest.json", _JSON, at, _bytes(manifest)),
        _item("configuration", "gateway.json", _JSON, at, _bytes(state)),
    ]
    for one in kept:
        items.extend(_of_interaction(one))
    items.append(_item("cryptographic_artefacts", "digests.json", _JSON, at, _bytes(_digests(manifest, kept, key))))
    return items


def model_manifest(world: World) -> dict[str, Any]:
    """What serves: models, prices, prompt and decoding settings; its hash identifies the configuration."""
    return {
        "serving_model": world.serving_model,
        "fallback_model": world.fallback_model,
        "prompt_version": PROMPT_VERSION,
        "system_prompt_sha256": hashlib.sha256(b"range system prompt " + PROMPT_VERSION.encode()).hexdigest(),
        "decoding": {"temperature": "0.7", "top_p": "0.95"},
        "price_usd_per_million_tokens": {"input": str(INPUT_USD_PER_MILLION), "output": str(OUTPUT_USD_PER_MILLION)},
    }


def _of_interaction(one: Interaction) -> list[dict[str, str]]:
    at, name = format_utc(from_epoch_us(one.at_us)), f"{one.number:06d}"
    out = one.outcome
    start_us = one.at_us - round(one.latency_ms * 1000)
    span_id = hashlib.sha256(one.traceparent.encode()).hexdigest()[:16]
    tracing = {
        "traceparent": one.traceparent,
        "span_id": span_id,
        "parent_span": one.traceparent[36:52],
        "start_us": start_us,
        "end_us": one.at_us,
        "name": "chat",
        "request_id": one.request_id,
    }
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "range",
        "gen_ai.request.model": out.model,
        "gen_ai.response.model": out.model,
        "gen_ai.usage.input_tokens": out.input_tokens,
        "gen_ai.usage.output_tokens": out.output_tokens,
        "gen_ai.conversation.id": one.session,
        "tenant": one.route.tenant,
        "surface": one.route.surface,
        "region": one.route.region,
        "nli_grounding_score": "" if out.grounding is None else f"{out.grounding:.4f}",
        "refused": out.refused,
        "policy_violation": out.policy_violation,
        "json_decode_error": out.schema_error,
        "state_repetition_count": out.state_repetition,
        "cost_microusd": out.cost_microusd,
        "average_approval_ms": "" if out.approval_ms is None else f"{out.approval_ms:.0f}",
        "first_token_ms": f"{one.first_token_ms:.1f}",
        "latency_ms": f"{one.latency_ms:.1f}",
        "prompt_sha256": one.prompt_sha256,
        "prompt_bytes": one.prompt_bytes,
    }
    items = [
        _item("tracing_context", f"{name}-trace.json", _JSON, at, _bytes(tracing)),
        _item("span_attributes", f"{name}-attributes.json", _JSON, at, _bytes(attributes)),
        _item("payloads", f"{name}-prompt.txt", _TEXT, at, one.prompt.encode("utf-8", "surrogatepass")),
        _item("payloads", f"{name}-answer.txt", _TEXT, at, one.answer.encode()),
    ]
    items += [
        _item("retrieval_snapshot", f"{name}-chunk-{rank}.json", _JSON, at, _bytes(_chunk(one, rank)))
        for rank in range(1, len(one.documents) + 1)
    ]
    items += [
        _item("tool_ledger", f"{name}-tool-{rank}.json", _JSON, at, _bytes(_tool_row(one, rank, tool)))
        for rank, tool in enumerate(out.tools, start=1)
    ]
    return items


def _chunk(one: Interaction, rank: int) -> dict[str, Any]:
    number = one.documents[rank - 1]
    text = texts.document(one.route.index or "no index", number)
    grounding = 0.0 if one.outcome.grounding is None else one.outcome.grounding
    return {
        "index": one.route.index,
        "document": f"policy-{number:03d}",
        "rank": rank,
        "score": f"{grounding * (1 - 0.1 * rank):.4f}",
        "text": text,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def _tool_row(one: Interaction, rank: int, tool: str) -> dict[str, Any]:
    key = f"IDEMP-MUT-{one.route.tenant}-{one.number}-{rank}"
    return {
        "tool": tool,
        "idempotency_key": key,
        "calls": one.outcome.tool_calls,
        "turns": one.outcome.turns,
        "mode": one.outcome.agent,
        "kind": "compensatable",
        "status": "drafted" if one.outcome.agent == "draft" else "done",
        "state_sha256_before": hashlib.sha256(key.encode()).hexdigest(),
    }


def _digests(manifest: Mapping[str, Any], kept: list[Interaction], key: SigningKey) -> dict[str, Any]:
    data = _bytes(manifest)
    return {
        "model_manifest_sha256": hashlib.sha256(data).hexdigest(),
        "model_manifest_signature": key.sign_text(data),
        "gateway_public_key": key.public_hex,
        "prompts": {f"{one.number:06d}": one.prompt_sha256 for one in kept},
    }


def _bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _item(dimension: str, name: str, media_type: str, at: str, content: bytes) -> dict[str, str]:
    return {
        "dimension": dimension,
        "name": name,
        "media_type": media_type,
        "captured_at": at,
        "content_b64": base64.b64encode(content).decode("ascii"),
    }
