"""The last act: somebody who did not respond looks at the sealed package, verifies it, signs; the commander closes."""

from __future__ import annotations

import json

from console.actions.evidence import record_look, record_verification
from console.actions.incidents import close
from console.actions.recovery import request_review, sign_review
from console.commands.demo.cast import COMMANDER, INVESTIGATOR
from console.commands.demo.opening import Case, page
from console.commands.demo.stage import Stage
from console.domain.errors import EnvironmentFault
from console.evidence.trust import Signer, Trust, trust_object
from console.evidence.verification import verify_package


def review(stage: Stage, case: Case) -> None:
    """The investigator verifies with keys from outside the package, the two identities included, and signs."""
    investigator, seal = stage.cast.actor(INVESTIGATOR), int(case.told["seal"]["seal"])
    stage.act(request_review, case.incident, seal, investigator.person, actor=stage.cast.actor(COMMANDER))
    stage.act(record_look, case.incident, seal, "", "review before closing", actor=investigator)
    verdict = verify_package(
        stage.settings.out / "evidence", Trust.from_object(trust(stage)), [stage.escrow, stage.custodian]
    )
    findings = [str(finding)[:300] for finding in verdict.findings]
    stage.act(record_verification, case.incident, seal, verdict.ok, findings, actor=investigator)
    case.told["verified"] = verdict.ok
    if not verdict.ok:
        raise EnvironmentFault(f"The package does not verify: {' '.join(findings)[:300]}")
    stage.act(sign_review, case.incident, seal, "evidence_sufficient", [], actor=investigator)
    stage.say(f"{investigator.person} verifies the package, every item opened and compared, and signs the review.")


def close_incident(stage: Stage, case: Case) -> None:
    """Closes: restored, sealed, reviewed. Resolution is another thing and is not claimed."""
    resolution = (
        "Answers to one tenant stopped resting on their sources. The tenant was blocked, the fault removed, behaviour "
        "measured normal again. Regression coverage of the failure is still to come, so this is not called resolved."
    )
    before = page(stage, case).row
    stage.act(close, case.incident, resolution, before.opened, actor=stage.cast.actor(COMMANDER))
    stage.say(f"Closed: {page(stage, case).row.state}. Restored, sealed, reviewed; not yet called resolved.")


def trust(stage: Stage) -> dict[str, object]:
    """Whom a stranger must trust to judge the package: given beside it, never inside."""
    commander = stage.cast.actor(COMMANDER)
    persons = {stage.cast.actor(part).person: key.public_hex for part, key in stage.cast.keys.items()}
    value = trust_object(
        origin=stage.plane_ready["origin"],
        root_public_key=stage.founded["root_public_key"],
        signers=[Signer(commander.person, stage.cast.keys[COMMANDER].public_hex, (commander.role,))],
        devices=[stage.desk.settings.device_key.public_hex, stage.founded["plane_public_key"]],
        persons=persons,
    )
    return json.loads(json.dumps(value))  # type: ignore[no-any-return]
