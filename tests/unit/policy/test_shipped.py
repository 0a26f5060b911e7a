"""The policy that comes with the program: the sources' facts and figures, row by row."""

from __future__ import annotations

import pytest

from console.domain.budgets import Caps
from console.domain.inventory import KINDS
from console.domain.severity import LEVELS
from console.policy import Policy, default_path, load


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(default_path())


INDICATORS = {
    # class: (metric, what the sources call it, side, level, figure) - TAX-1
    "semantic": ("grounding_score", "nli_grounding_score", "floor", "fail", 0.70),
    "grounding": ("delta_prior", "delta_prior", "ceiling", "fail", 0.15),
    "citation": ("citation_alignment_score", "citation_alignment_score", "floor", "warn", 0.80),
    "retrieval": ("mrr_at_k", "MRR@k", "floor", "fail", 0.50),
    "corpus": ("ingestion_validation_failures", "ingestion validation failure", "ceiling", "fail", 0.0),
    "tool": ("schema_error_rate", "json_decode_error", "ceiling", "fail", 0.10),
    "routing": ("selected_model_mismatch_rate", "selected_model mismatch", "ceiling", "fail", 0.01),
    "policy": ("policy_violation_rate", "policy_violation_rate", "ceiling", "fail", 0.05),
    "ui_trust": ("approval_ms", "average_approval_ms", "floor", "fail", 250.0),
    "governance": ("signature_validation_failures", "signature validation failure", "ceiling", "fail", 0.0),
    "model": ("reconstruction_error", "reconstruction_error", "ceiling", "fail", 0.30),
    "agent_loop": ("state_repetition_count", "state_repetition_count", "ceiling", "fail", 2.0),
    "cost": ("cost_velocity_usd", "cost_velocity_usd", "ceiling", "fail", 90.0),
    "security": ("unapproved_egress", "unapproved network egress", "ceiling", "fail", 0.0),
    "privacy": ("cross_tenant_cache_hits", "cross-tenant cache hits", "ceiling", "fail", 0.0),
    "human_review": ("review_duration_seconds", "review_duration_seconds", "ceiling", "fail", 7200.0),
}

TRACE_ATTRIBUTES = {
    "semantic": "gen_ai.output.messages", "grounding": "gen_ai.usage.input_tokens", "citation": "document.score",
    "retrieval": "retrieval.latency", "corpus": "origin_source_type", "tool": "gen_ai.tool.name",
    "routing": "routing_reason", "policy": "guardrail.id", "ui_trust": "citation_click_rate",
    "governance": "maker_id / checker_id", "model": "canary_similarity_score", "agent_loop": "repair_loop_count",
    "cost": "usage.cost.total", "security": "rpc.response.status_code", "privacy": "stale_cache_served",
    "human_review": "approval_requests.id",
}  # fmt: skip


def test_sixteen_classes_with_their_indicators(policy: Policy) -> None:
    found = {}
    for class_id, one in policy.taxonomy.classes.items():
        i = one.indicator
        found[class_id] = (i.metric, i.alias, i.side, i.level, i.value)
    assert found == INDICATORS


def test_classes_have_their_trace_attributes(policy: Policy) -> None:
    assert {class_id: one.trace_attribute for class_id, one in policy.taxonomy.classes.items()} == TRACE_ATTRIBUTES


def test_every_indicator_metric_opens_its_own_class(policy: Policy) -> None:
    for class_id, one in policy.taxonomy.classes.items():
        assert policy.thresholds.metric(one.indicator.metric).incident_class == class_id
        assert policy.taxonomy.classes_of_metric(one.indicator.metric) == (one,)


def test_limits_that_the_sources_give(policy: Policy) -> None:
    metrics = policy.thresholds.metrics
    grounding, citation, approval = (metrics[n] for n in ("grounding_score", "citation_alignment_score", "approval_ms"))
    assert grounding.floor is not None
    assert (grounding.floor.fail, grounding.window_s, grounding.min_samples) == (0.70, 300, 50)
    assert citation.floor is not None
    assert (citation.floor.warn, citation.floor.fail) == (0.80, 0.75)
    assert approval.floor is not None
    assert (approval.floor.warn, approval.floor.fail) == (350.0, 250.0)
    assert metrics["refusal_rate"].direction == "band"
    assert metrics["review_duration_seconds"].direction == "ceiling"  # too slow; approval_ms is too fast


def test_the_metrics_that_the_range_emits_are_there(policy: Policy) -> None:
    behaviour = [
        "grounding_score",
        "refusal_rate",
        "policy_violation_rate",
        "schema_error_rate",
        "tool_calls",
        "cost_velocity_usd",
        "approval_ms",
        "output_tokens",
        "state_repetition_count",
    ]
    infrastructure = ["http_error_rate", "latency_ms", "first_token_ms", "shed_rate", "requests"]
    kinds = {name: metric.kind for name, metric in policy.thresholds.metrics.items()}
    assert all(kinds[name] == "behaviour" for name in behaviour)
    assert [name for name, kind in kinds.items() if kind == "infrastructure"] == infrastructure


def test_entry_levels_of_the_runbooks(policy: Policy) -> None:
    floors = {name: metric.severity_floor for name, metric in policy.thresholds.metrics.items()}
    runbooks = {
        "grounding_score": "SEV-2", "citation_alignment_score": "SEV-3", "policy_violation_rate": "SEV-1",
        "cost_velocity_usd": "SEV-1", "reconstruction_error": "SEV-2", "ingestion_validation_failures": "SEV-1",
        "approval_ms": "SEV-2", "cross_tenant_cache_hits": "SEV-0",
    }  # fmt: skip
    assert {name: floors[name] for name in runbooks} == runbooks
    assert policy.thresholds.metric("cost_velocity_usd").capped_floor == "SEV-2"


SWITCHES = {
    # id: (kinds, owner, criteria) - SWI-1
    "FF_GLOBAL_AI": (("environment",), "platform_administrator", ["release_gates"]),
    "FF_TENANT_BLOCK": (("tenant",), "incident_commander", ["compliance_sign_off", "behaviour_validation"]),
    "FF_TOOL_REVOKE": (("tool",), "tool_owner", ["schema_match"]),
    "FF_MODEL_ROUTE": (("model",), "ai_operations_lead", ["canary_perplexity"]),
    "FF_INDEX_FREEZE": (("index",), "retrieval_owner", ["hubness_normal", "retrieval_quality"]),
    "FF_CACHE_BYPASS": (("tenant", "environment"), "sre_on_call", ["keys_cleared", "lifetimes_updated"]),
    "FF_AGENT_DRAFT": (("surface",), "prompt_owner", ["trajectory_pass"]),
}


BEHAVIOUR_SWITCHES = {
    # id: kinds - SWI-2
    "FF_MEMORY_WRITES": ("surface",), "FF_EXTERNAL_CALLS": ("surface",), "FF_BROWSER_ACCESS": ("surface",),
    "FF_SAFETY_FILTER": ("surface",), "FF_STATIC_RESPONSE": ("surface",), "FF_HUMAN_REVIEW": ("surface",),
    "FF_FEATURE": ("surface",), "FF_READ_ONLY": ("tenant", "surface"), "FF_PROMPT_PATTERN": ("pattern",),
    "FF_ROW_QUARANTINE": ("segment",), "FF_TOKEN_BUDGET": ("tenant",), "FF_SESSIONS": ("tenant",),
    "FF_EGRESS_BLOCK": ("environment", "tenant"), "FF_PREFIX_CACHE": ("tenant",), "FF_ALIAS_FREEZE": ("model",),
    "FF_TRAFFIC": ("surface", "region", "model"), "FF_REASONING_TURNS": ("surface",), "FF_SAMPLING": ("model",),
    "FF_LEXICAL_SEARCH": ("index",), "FF_TRUST_CAVEAT": ("surface",), "FF_APPROVAL_GATE": ("surface",),
}  # fmt: skip


def test_seven_switches_and_those_of_behaviour(policy: Policy) -> None:
    all_of_them = policy.switches.switches.values()
    found = {s.id: (s.kinds, s.owner_role, [c.id for c in s.criteria]) for s in all_of_them}
    assert {switch: found.pop(switch) for switch in SWITCHES} == SWITCHES
    assert {switch: row[0] for switch, row in found.items()} == BEHAVIOUR_SWITCHES


def test_polarity_a_stop_takes_something_away_and_is_lifted_by_proof(policy: Policy) -> None:
    """Running is what users are given every day: `cuts` says what a stop takes from them, never what it turns on."""
    turned_on = ("turn", "enable", "switch on", "start", "allow", "block", "freeze", "disable")
    for switch in policy.switches.switches.values():
        assert not switch.cuts.lower().startswith(turned_on), switch.id
        assert switch.reversible, switch.id
        assert switch.owner_role in switch.thrown_by, switch.id
        assert any(c.evidence in ("validation", "statement", "sealed_item") for c in switch.criteria), switch.id


def test_breakers_trip_on_what_their_metric_can_name(policy: Policy) -> None:
    assert {b.id: (b.metric, b.switch) for b in policy.switches.breakers.values()} == {
        "cost_runaway": ("cost_velocity_usd", "FF_TOKEN_BUDGET"),
        "agent_loop": ("state_repetition_count", "FF_READ_ONLY"),
        "cache_crossing": ("cross_tenant_cache_hits", "FF_CACHE_BYPASS"),
        "unapproved_egress": ("unapproved_egress", "FF_EGRESS_BLOCK"),
    }
    for breaker in policy.switches.breakers.values():
        assert policy.thresholds.metric(breaker.metric).incident_class
        assert set(policy.thresholds.metric(breaker.metric).by) & set(policy.switches.switch(breaker.switch).kinds)
        assert breaker.owner_role == policy.switches.switch(breaker.switch).owner_role
        assert breaker.expires_min > 0


def test_caps_and_limits(policy: Policy) -> None:
    assert policy.switches.budgets == Caps(turns=10, input_tokens=100_000, writes=5, micro_usd=5_000_000)
    limits = policy.switches.limits
    assert (limits.break_glass_per_hour, limits.approver_age_h, limits.delegation_max_h) == (3, 24, 24)
    assert limits.idle_lock_s == 900


def test_a_tenant_is_restored_by_a_sign_off_and_a_measured_run(policy: Policy) -> None:
    criteria = {c.id: (c.signed_by, c.evidence) for c in policy.switches.switch("FF_TENANT_BLOCK").criteria}
    assert criteria == {
        "compliance_sign_off": ("security_lead", "statement"),
        "behaviour_validation": ("", "validation"),
    }


def test_a_global_stop_can_be_thrown_by_those_who_may_break_the_glass(policy: Policy) -> None:
    assert {"incident_commander", "sre_on_call"} <= set(policy.switches.switch("FF_GLOBAL_AI").thrown_by)


@pytest.mark.parametrize(
    ("switch", "criterion", "figure"),
    [
        ("FF_GLOBAL_AI", "release_gates", "100 %"),
        ("FF_MODEL_ROUTE", "canary_perplexity", "Ten runs"),
        ("FF_INDEX_FREEZE", "hubness_normal", "5.0"),
        ("FF_INDEX_FREEZE", "retrieval_quality", "20-query"),
        ("FF_AGENT_DRAFT", "trajectory_pass", "More than 95 %"),
    ],
)
def test_figures_in_the_criteria(policy: Policy, switch: str, criterion: str, figure: str) -> None:
    assert figure in next(c.text for c in policy.switches.switch(switch).criteria if c.id == criterion)


def test_gate_times(policy: Policy) -> None:
    t = policy.switches.times
    assert (t.dwell_ms, t.hold_ms, t.reflex_fail_ms, t.reflex_warn_ms, t.lockout_ms) == (1500, 1000, 250, 350, 1000)
    assert (t.command_ttl_s, t.approval_ttl_s, t.observation_fresh_s, t.probe_stream_max_s) == (30, 600, 60, 60)


def test_graduated_containment_grows(policy: Policy) -> None:
    steps = {s.id: s.step for s in policy.switches.switches.values()}
    assert steps["FF_TENANT_BLOCK"] == "local"
    assert steps["FF_MODEL_ROUTE"] == "failover"
    assert steps["FF_GLOBAL_AI"] == "fail_closed"
    assert steps["FF_STATIC_RESPONSE"] == "failover"
    assert {steps[s] for s in ("FF_TOOL_REVOKE", "FF_INDEX_FREEZE", "FF_CACHE_BYPASS", "FF_AGENT_DRAFT")} == {"scoped"}


def test_every_action_of_the_requirements_is_in_the_catalogue(policy: Policy) -> None:
    wanted = [
        "model_version",
        "fallback_model",
        "stricter_safety_filter",
        "revoke_tool",
        "stop_memory_writes",
        "stop_external_calls",
        "stop_browser_access",
        "block_prompt_pattern",
        "read_only_mode",
        "static_response",
        "human_review_queue",
        "freeze_aliases",
        "reduce_traffic",
        "revoke_credentials",
        "revoke_signers",
        "emergency_policy_mode",
        "category_block",
        "failure_pattern_block",
        "fewer_reasoning_turns",
        "trust_level_3",
        "trust_level_4",
        "prefix_cache_off",
        "cognitive_forcing",
        "backup_reviewers",
        "address_block",
        "egress_block",
        "zero_token_budget",
        "workspace_read_only",
        "conservative_sampling",
    ]
    assert set(wanted) <= set(policy.triage.actions)
    assert set(policy.switches.actions) == set(policy.triage.actions)
    bound = {action.switch for action in policy.triage.actions.values() if action.switch}
    assert bound == set(policy.switches.switches)


def test_ten_branches_in_the_order_of_the_walk(policy: Policy) -> None:
    assert list(policy.triage.branches) == [
        "retrieval", "prompt", "tool", "model", "routing", "policy", "ui_trust", "human_review", "cost", "security",
    ]  # fmt: skip


def test_every_runbook_and_surface_is_used(policy: Policy) -> None:
    reached = {route.runbook for route in policy.triage.routes} | set(policy.taxonomy.playbooks.values())
    assert len(policy.runbook_titles) == 13
    assert reached == set(policy.runbook_titles)
    used = {surface for branch in policy.triage.branches.values() for surface in branch.surfaces}
    assert len(policy.surface_names) == 7
    assert used == set(policy.surface_names)


def test_a_wrong_citation_does_not_end_in_a_global_kill(policy: Policy) -> None:
    route = policy.triage.first_route("citation")
    assert route.runbook == "citation_failure"
    assert policy.triage.runbook("citation", "ui_trust") == "citation_failure"


def test_three_infrastructure_questions(policy: Policy) -> None:
    assert [question.infra_answer for question in policy.triage.infra_questions] == ["no", "no", "yes"]


def test_command_roles(policy: Policy) -> None:
    canon = [role.id for role in policy.roles.roles.values() if role.source == "C"]
    assert len(canon) == 15
    heading_missing = [role for role in canon if "title" in policy.roles.roles[role].inferred]
    assert heading_missing == ["tool_owner", "platform_lead", "executive"]
    for added in ("safety_lead", "product_owner", "platform_administrator", "sre_on_call", "investigator"):
        assert policy.roles.roles[added].inferred
    assert policy.roles.room_levels == ("SEV-0", "SEV-1")
    assert policy.roles.role("saga_coordinator").id == "tool_owner"


def test_levels_pages_and_questions(policy: Policy) -> None:
    levels = policy.severity.levels
    assert tuple(levels) == LEVELS
    assert all("incident_commander" in levels[level].pages for level in ("SEV-0", "SEV-1"))
    assert "incident_commander" not in levels["SEV-2"].pages
    assert {"governance_lead", "executive"} <= set(levels["SEV-0"].pages)
    for field in ("acknowledge_s", "first_mitigation_s"):
        times = [getattr(level, field) for level in levels.values()]
        assert times == sorted(times)
        assert len(set(times)) == 5
    answers = {i: (v.freeze_releases, v.notify_customers, v.page_leadership) for i, v in levels.items()}
    assert answers == {
        "SEV-0": (True, True, True),
        "SEV-1": (True, True, True),
        "SEV-2": (True, False, False),
        "SEV-3": (True, False, False),
        "SEV-4": (False, False, False),
    }


def test_those_who_must_be_in_the_room_are_paged(policy: Policy) -> None:
    for level in policy.roles.room_levels:
        assert set(policy.roles.room_roles) <= set(policy.severity.levels[level].pages)


def test_the_diagonal_of_the_matrix_is_the_source_table(policy: Policy) -> None:
    model = policy.severity
    diagonal = [model.matrix[pair] for pair in zip(model.scopes, model.urgencies, strict=True)]
    assert diagonal == list(LEVELS)


def test_four_ladders(policy: Policy) -> None:
    assert {i: list(ladder.spans) for i, ladder in policy.severity.ladders.items()} == {
        "G": ["Critical", "High", "Medium", "Low"],
        "P": ["Sev 0", "Sev 1", "Sev 2"],
        "F": ["SEV-1", "SEV-2", "SEV-3"],
        "R": ["Sev 1", "Sev 2", "Sev 3", "Sev 4"],
    }


def test_causes_and_layers(policy: Policy) -> None:
    own = [cause for cause in policy.taxonomy.causes.values() if cause.source == "R"]
    assert len(own) == 8
    assert all(cause.nature for cause in own)
    assert policy.taxonomy.cause("provider_weight_update").id == "model_version_regression"
    assert {cause.source for cause in policy.taxonomy.causes.values()} == {"R", "C", "P"}
    assert set(policy.taxonomy.other_layers) == {"evaluator", "registry", "package_integrity"}


def test_the_range(policy: Policy) -> None:
    inventory = policy.inventory
    assert {item.kind for item in inventory.items.values()} == set(KINDS)
    tenants = [item for item in inventory.items.values() if item.kind == "tenant"]
    assert [tenant.name for tenant in tenants] == ["borealis", "cascade", "dunmore", "estuary"]
    assert len({tenant.workspace for tenant in tenants}) == 4
    assert inventory.item("tenant.borealis").regulated
    assert inventory.probe_identities == {"environment.range": "range-probe"}
    for switch, target in (
        ("FF_GLOBAL_AI", "environment.range"),
        ("FF_TENANT_BLOCK", "tenant.borealis"),
        ("FF_TENANT_BLOCK", "tenant.estuary"),
        ("FF_TOOL_REVOKE", "tool.payments"),
        ("FF_MODEL_ROUTE", "model.orion-2"),
        ("FF_AGENT_DRAFT", "surface.agent"),
    ):
        assert inventory.adapter_names(switch, target) == "simulator"
    assert inventory.adapter_names("FF_INDEX_FREEZE", "index.policies") == "simulator"
    assert inventory.adapter_names("FF_TRAFFIC", "surface.agent") == ""
    assert inventory.item("segment.policies-intake").of == "index.policies"
    assert inventory.item("pattern.override").text
    assert "model.orion-1" in inventory.item("model.orion-2").derived_from
