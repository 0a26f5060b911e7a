"""The third act: evidence sealed, the cause taken away, the switch restored on proof, behaviour recovered."""

from __future__ import annotations

from console.actions.evidence import seal_evidence
from console.actions.incidents import enter_state
from console.actions.recovery import sign_criterion
from console.commands.demo.cast import COMMANDER, OWNER
from console.commands.demo.opening import TARGET, Case, lamps, page
from console.commands.demo.stage import Stage
from console.commands.demo.stopping import SWITCH, await_outcome, order_switch, tell_receipt
from console.domain.errors import EnvironmentFault
from console.domain.incident import BEHAVIOUR_RECOVERED, SERVICE_RECOVERED, entry_faults
from console.domain.switches import RUNNING
from console.proof.envelope import SignedEvent
from console.queries.evidence import SealRow, evidence
from console.runtime.packaging import Openers, export_package
from console.store.readers import Rows

RECOVERED_WITHIN_S = 120.0
CASES = 100


def seal(stage: Stage, case: Case) -> None:
    """Closes the tree over everything captured, under the commander's signature."""
    stage.act(seal_evidence, case.incident, stage.plane_ready["origin"], actor=stage.cast.actor(COMMANDER))
    closed = _seal(stage, case)
    case.told["seal"] = {"seal": closed.seal, "items": closed.size, "root": closed.root, "nested": closed.nested}
    opened_by = "two people together (escrow outside, custodian inside)" if closed.nested else "custodian or escrow"
    stage.say(f"Sealed: {closed.size} items under root {closed.root[:16]}..., to be opened by {opened_by}.")


def mend(stage: Stage, case: Case) -> None:
    """The range's fault is taken away; a measured run against the stopped target shows that it is."""
    stage.range.withdraw(case.fault)
    stage.say(f"The cause is taken away. {TARGET} stays stopped until its criteria are met.")
    answer = stage.desk.errand(lambda client: client.validate(case.incident, TARGET, CASES)).result().answer
    case.told["validation"] = {"cases": answer.cases, "passed": answer.passed, "measures": dict(answer.measures)}
    case.told["validation_event"] = answer.event_id
    measured = ", ".join(f"{name} {value}" for name, value in sorted(answer.measures.items())[:4])
    stage.say(f"Validation, delivered to nobody: {answer.passed} of {answer.cases} cases pass ({measured}).")
    seen = stage.wait_for(
        lambda: stage.desk.query(_event, answer.event_id), "The validation reaching the desk's record", 20.0
    )
    beyond = seen.envelope.body["beyond"]
    if beyond:
        raise EnvironmentFault(f"Still beyond their limits: {', '.join(beyond)}; the switch stays thrown.")
    stage.say("Every metric it measured is within its limits.")


def restore(stage: Stage, case: Case) -> None:
    """The owner signs off, the commander restores with every criterion's evidence, the probe sees it serve again."""
    owner = stage.cast.actor(OWNER)
    items = [row.item for row in stage.desk.query(evidence, case.incident).items]
    signed = stage.act(
        sign_criterion,
        case.incident,
        catalogue=stage.policy.switches,
        switch=SWITCH,
        target=TARGET,
        criterion="compliance_sign_off",
        evidence=[items[0], case.told["validation_event"]],
        statement="The tenant's files were gone through against the sealed items; they comply.",
        actor=owner,
    )
    stage.say(f"{owner.person} ({owner.role}) signs off the tenant's files on sealed items and the measured run.")
    await_sent(stage)
    case.restore = order_switch(
        stage,
        case,
        RUNNING,
        reason="The cause is removed, the validation passed and security has signed off.",
        typed_name=stage.policy.inventory.item(TARGET).name,
        criteria={"compliance_sign_off": signed.events, "behaviour_validation": (case.told["validation_event"],)},
    )
    tell_receipt(stage, await_outcome(stage, case.restore))


def see_it_recover(stage: Stage, case: Case) -> None:
    """Waits for service, then behaviour, to be measured normal again since the restore; two states, not one."""
    begun = stage.now()
    actor = stage.cast.actor(COMMANDER)
    for state in (SERVICE_RECOVERED, BEHAVIOUR_RECOVERED):
        stage.wait_for(
            lambda state=state: not entry_faults(state, page(stage, case).facts),  # type: ignore[misc]
            f"The state {state.replace('_', ' ')}",
            RECOVERED_WITHIN_S,
        )
        stage.act(enter_state, case.incident, state, [case.told["validation_event"]], actor=actor)
        seconds = (stage.now() - begun).total_seconds()
        stage.say(f"{state.replace('_', ' ').capitalize()} after {seconds:.1f} s (lamps: {', '.join(lamps(stage))}).")
        case.told[f"{state}_after_s"] = round(seconds, 1)


def export(stage: Stage, case: Case) -> None:
    """Writes the sealed package that a stranger can verify."""
    openers = Openers(custodian=stage.custodian.recipient, escrow=stage.escrow.recipient, identity=stage.evidence)
    dest, actor = stage.settings.out / "evidence", stage.cast.actor(COMMANDER)
    report = export_package(
        stage.desk, case.incident, _seal(stage, case).seal, dest, stage.plane_ready["origin"], openers, actor
    )
    case.told["package"] = {"bytes": report.bytes, "manifest_sha256": report.manifest_sha256, "items": report.size}
    stage.say(f"Exported: {report.size} items, {report.bytes} bytes, in {dest}.")


def _seal(stage: Stage, case: Case) -> SealRow:
    return stage.desk.query(evidence, case.incident).seals[-1]


def _event(reader: Rows, event_id: str) -> SignedEvent | None:
    return reader.event(event_id)


def await_sent(stage: Stage) -> None:
    """The plane judges criteria by its own journal, so what proves them must have arrived there first."""
    stage.desk.sync_now()
    stage.wait_for(lambda: stage.desk.connection.to_send == 0, "Everything written here reaching the plane", 20.0)
    if stage.desk.connection.state != "online":
        raise EnvironmentFault(f"The desk is not online: {stage.desk.connection.sentence}")
