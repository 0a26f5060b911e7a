"""The second act: capture begins, the switch is thrown, and what was stopped is seen to have stopped and to stay so."""

from __future__ import annotations

import time
from concurrent.futures import Future

from console.actions.incidents import enter_state
from console.actions.switches import confirm_switch
from console.commands.demo.cast import COMMANDER
from console.commands.demo.opening import TARGET, Case
from console.commands.demo.stage import Stage
from console.domain.commands import ENDS, VERIFIED
from console.domain.confirmation import Confirmation, Preview
from console.domain.errors import EnvironmentFault
from console.domain.incident import CONTAINED
from console.domain.inventory import BlastRadius
from console.domain.switches import STOPPED
from console.protocol.messages import SelectAnswer
from console.queries.commands import CommandView, command
from console.runtime.capture import Captured, capture_target

SWITCH = "FF_TENANT_BLOCK"
ORDER_WITHIN_S = 40.0
RESTART_WITHIN_S = 40.0


def contain(stage: Stage, case: Case) -> None:
    """Previews and throws the switch while the capture of evidence runs beside it (SWI-8)."""
    capturing = _begin_capture(stage, case)
    case.stop = order_switch(stage, case, STOPPED)
    view = await_outcome(stage, case.stop)
    tell_receipt(stage, view)
    grounds = [result.evidence for result in view.results.values() if result.evidence]
    stage.act(enter_state, case.incident, CONTAINED, grounds, actor=stage.cast.actor(COMMANDER))
    captured = capturing.result(60)
    case.told["captured"] = {"items": sum(captured.items.values()), "bytes": captured.bytes, "by": captured.items}
    stage.say(
        f"Captured meanwhile: {sum(captured.items.values())} items, {captured.bytes} bytes, "
        f"{len(captured.items)} of 7 dimensions; all of it encrypted while it was copied."
    )


def prove_it_survives(stage: Stage, case: Case) -> None:
    """Kills the gateway's process, lets it come back, and waits for the plane's own probe of the new one."""
    restarted = stage.range.restart_gateway("KILL")
    stage.say(
        f"The gateway's process is killed and comes back after {restarted['downtime_ms']:.0f} ms, with another boot id."
    )

    def seen() -> CommandView | None:
        view = _view(stage, case.stop)
        return view if view.results["survives_restart"].result != "unknown" else None

    view = stage.wait_for(seen, "A probe of the restarted gateway", RESTART_WITHIN_S)
    result = view.results["survives_restart"].result
    stage.say(f"Probed before anything was asserted again: survives a restart: {result}.")
    if result != "true":
        raise EnvironmentFault("The stop did not survive the restart of its gateway; see the timeline.")


def order_switch(stage: Stage, case: Case, want: str, **confirmed: object) -> str:
    """Preview, confirmation, order: returns the command's id. The dwell is waited for, from when the numbers show."""
    answer = stage.desk.errand(lambda client: client.select(case.incident, SWITCH, TARGET, want)).result().answer
    preview = preview_of(answer)
    shown_at = time.monotonic()
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in sorted(preview.counts.items()))
    stage.say(
        f"Preview of {stage.policy.inventory.breadcrumb(TARGET, SWITCH)} -> {want}: now {preview.state}, generation "
        f"{preview.generation}; reaches {', '.join(preview.blast_radius.ids)} ({preview.blast_radius.scope}); {counts}."
    )
    case.told.setdefault("previews", []).append({"want": want, "counts": dict(preview.counts), "scope": answer.scope})
    times = stage.policy.switches.times
    if want != STOPPED:
        time.sleep(times.dwell_ms / 1000)  # a person reads; the gate measures that they did
    elif not stage.quick:
        time.sleep(times.hold_ms / 1000)  # the button is held down
    command_id = stage.new_id()
    confirmation = Confirmation(
        command_id=command_id,
        incident=case.incident,
        switch=SWITCH,
        target=TARGET,
        want=want,
        preview=preview,
        gesture="hold",
        dwell_ms=int((time.monotonic() - shown_at) * 1000),
        **confirmed,  # type: ignore[arg-type]
    )
    stage.act(
        confirm_switch,
        confirmation,
        inventory=stage.policy.inventory,
        catalogue=stage.policy.switches,
        policy_hash=stage.policy.hash,
        actor=stage.cast.actor(COMMANDER),
    )
    return command_id


def preview_of(answer: SelectAnswer) -> Preview:
    """The plane's answer as what a sheet shows."""
    return Preview(
        select_token=answer.select_token,
        epoch=answer.epoch,
        generation=answer.generation,
        state=answer.observation.state,
        observed_at=answer.observation.observed_at,
        blast_radius=BlastRadius(answer.scope, tuple(answer.ids)),
        policy_hash=answer.policy_hash,
        counts=answer.counts,
        counted_at=answer.counted_at,
        adapter=answer.adapter,
    )


def await_outcome(stage: Stage, command_id: str) -> CommandView:
    """Waits until the command is at an end; raises EnvironmentFault unless that end is *verified*."""

    def ended() -> CommandView | None:
        view = _view(stage, command_id)
        settled = view.state == VERIFIED and view.results["refuses_new"].evidence
        return view if settled or (view.state in ENDS and view.state != VERIFIED) else None

    view = stage.wait_for(ended, f"An outcome of command {command_id}", ORDER_WITHIN_S)
    if view.state != VERIFIED:
        raise EnvironmentFault(f"The command ended as {view.state}: {view.problem}")
    return view


def tell_receipt(stage: Stage, view: CommandView) -> None:
    """Says the four clocks and the three results, as measured."""
    clocks = ("authorised_at", "sent_at", "acknowledged_at", "observed_at")
    stage.say(f"{view.switch} {view.target} -> {view.want}: {view.state}.")
    for name in clocks:
        stage.say(f"    {name.removesuffix('_at'):<13}{getattr(view, name)}")
    for name, result in view.results.items():
        stage.say(f"    {name.replace('_', ' '):<18}{result.result}")


def _view(stage: Stage, command_id: str) -> CommandView:
    found = stage.desk.query(command, command_id)
    assert found is not None  # its row was committed with the confirmation
    return found


def _begin_capture(stage: Stage, case: Case) -> Future[Captured]:
    actor = stage.cast.actor(COMMANDER)
    return stage.helpers.submit(capture_target, stage.desk, case.incident, TARGET, stage.evidence.recipient, actor)
