"""What must hold between the fields of one file, beyond their shapes: systems, roles and switches.

Each check notes every breach with its place; it is only asked of files whose shape is right.
"""

from __future__ import annotations

from console.policy.findings import Findings
from console.policy.references import ROLES, SWITCHES
from console.policy.shapes import RolesShape, SwitchesShape, SystemsShape

BY_HAND = "hand"


def check_systems(findings: Findings, file: str, shape: SystemsShape, switches: SwitchesShape | None) -> None:
    """One environment; workspaces of tenants only, and unique; a switch only where it can be thrown."""
    environments = [item for item in shape.items if item.startswith("environment.")]
    if environments != [shape.environment]:
        findings.add(file, "a file describes exactly one environment, the one named on top.", ("environment",))
    seen: dict[str, str] = {}
    for item_id, item in shape.items.items():
        is_tenant = item_id.startswith("tenant.")
        if is_tenant != bool(item.workspace):
            text = "a tenant needs the UUID of its workspace." if is_tenant else "only a tenant has a workspace."
            findings.add(file, text, ("items", item_id, "workspace"))
        elif item.workspace and item.workspace in seen:
            text = f"{seen[item.workspace]} has the same workspace; each tenant has its own."
            findings.add(file, text, ("items", item_id, "workspace"))
        seen.setdefault(item.workspace, item_id)
        if item.tenants and (is_tenant or item_id.startswith("environment.")):
            findings.add(file, "leave it out for tenants and the environment.", ("items", item_id, "tenants"))
    for adapter, table in shape.enforcement.items():
        for switch, targets in table.items():
            kinds = switches.switches[switch].kinds if switches and switch in switches.switches else None
            for place, target in enumerate(targets):
                if kinds is not None and target.partition(".")[0] not in kinds:
                    text = f"{switch} cannot be thrown on {target}; it is for: {', '.join(kinds)}."
                    findings.add(file, text, ("enforcement", adapter, switch, place))


def check_roles(findings: Findings, shape: RolesShape) -> None:
    """An alias is another name, never that of a role."""
    for alias in shape.aliases:
        if alias in shape.roles:
            findings.add(ROLES, "this is a role of its own; an alias needs another name.", ("aliases", alias))


def check_switches(findings: Findings, shape: SwitchesShape) -> None:
    """Reflex times in order; a statement has a signer; a step stands exactly where no switch gives it."""
    times = shape.times
    if times.reflex_fail_ms > times.reflex_warn_ms:
        text = f"must not be above reflex_warn_ms ({times.reflex_warn_ms}); a failed reflex is a warned one too."
        findings.add(SWITCHES, text, ("times", "reflex_fail_ms"))
    for switch_id, switch in shape.switches.items():
        for criterion_id, criterion in switch.criteria.items():
            if criterion.evidence == "statement" and not criterion.signed_by:
                path = ("switches", switch_id, "criteria", criterion_id)
                findings.add(SWITCHES, "a statement needs signed_by; name the role that signs it.", path)
    for action_id, action in shape.actions.items():
        if action.by == BY_HAND and action.step is None:
            text = "what is done by hand needs its step; add one of local, scoped, failover, fail_closed."
            findings.add(SWITCHES, text, ("actions", action_id))
        if action.by != BY_HAND and action.step is not None:
            text = f"the step of {action.by} counts; take this one out."
            findings.add(SWITCHES, text, ("actions", action_id, "step"))
