"""Why an action on the incident page cannot be done now, in one sentence that says what is missing; "" when it can.

Pure: what the page shows and what a key does ask the same question, and the writer checks again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from console.domain.incident import CLOSED, STATES, entry_faults
from console.domain.next_step import ready_state
from console.queries.standing import Standing
from console.ui.ages import moment_of
from console.ui.session import Session

NOTHING_CHOSEN = "No incident is chosen; choose one on the board (Ctrl+1), or open one by hand (Ctrl+I)."
OVER = "This incident is closed; what is recorded stays."
QUIET = timedelta(seconds=3)
"""A capture that has brought nothing for so long is taken for complete."""
SIGN_IN = "This needs your signature; sign in with your key first."


@dataclass(frozen=True, slots=True)
class Seat:
    """Who sits here and what is at hand: `offline` is why the plane cannot be asked, "" when it can.

    `no_export` likewise for packages; `now` is the desk's clock, RFC 3339 ("" when it does not matter).
    """

    person: str
    signed_in: bool
    offline: str = ""
    no_export: str = ""
    now: str = ""


def seat_of(session: Session, offline: str, now: str) -> Seat:
    """The seat of this sitting."""
    missing = "" if session.evidence_identity and session.openers else (
        "There is no custodian and escrow key to encrypt a package to; the organisation's roles name them."
    )  # fmt: skip
    return Seat(session.person, session.signed_in, offline, missing, now)


def blocked(action_id: str, standing: Standing | None, seat: Seat) -> str:
    """Why this action is not possible now, or "". An action that is not of this page never is."""
    rule = _RULES.get(action_id)
    if rule is None:
        return ""
    if standing is None:
        return NOTHING_CHOSEN
    if standing.page.row.state == CLOSED and action_id not in _AFTERWARDS:
        return OVER
    return rule(standing, seat)


_Rule = Callable[[Standing, Seat], str]
_AFTERWARDS = ("incident.next_step", "incident.export")


def _never(_: Standing, __: Seat) -> str:
    return ""


def _acknowledge(standing: Standing, _: Seat) -> str:
    return "It is acknowledged already." if standing.page.facts.acknowledged else ""


def _take_command(standing: Standing, seat: Seat) -> str:
    return "You are in command already." if standing.page.facts.commander == seat.person else ""


def _enter_state(standing: Standing, _: Seat) -> str:
    facts = standing.page.facts
    if ready_state(facts):
        return ""
    place = STATES.index(facts.state) if facts.state in STATES else 0
    missing = next((entry_faults(state, facts) for state in STATES[place + 1 :] if entry_faults(state, facts)), ())
    return missing[0] if missing else "There is no further state but closing."


def _seal(standing: Standing, seat: Seat) -> str:
    if not standing.progress.captured:
        return "Nothing is captured yet; capture evidence first."
    if not standing.page.facts.unsealed_items:
        return "Everything that was captured is sealed."
    if not seat.signed_in:
        return SIGN_IN
    if _is_arriving(standing.captured_at, seat.now):
        return f"Evidence is still arriving ({standing.progress.captured} items); seal it when it is complete."
    return ""


def _is_arriving(last: str, now: str) -> bool:
    then, present = moment_of(last), moment_of(now)
    return then is not None and present is not None and timedelta(0) <= present - then < QUIET


def _validate(_: Standing, seat: Seat) -> str:
    return seat.offline


def _request_criterion(standing: Standing, _: Seat) -> str:
    signed = [one for one in standing.progress.criteria if one.signed_by]
    if not signed:
        return "Nothing is stopped whose restoring somebody has to sign off."
    owed = [one for one in signed if not one.met]
    if not owed:
        return "Every signature that restoring asks for is there."
    return "" if any(not one.requested for one in owed) else f"Asked already; wait for {_titles(owed[0].signed_by)}."


def _export(standing: Standing, seat: Seat) -> str:
    if not standing.seal:
        return "Nothing is sealed yet; seal the evidence first."
    if standing.sealer != seat.person:
        return f"The seal was signed by {standing.sealer}; only they can export it under their name."
    return seat.no_export or ("" if seat.signed_in else SIGN_IN)


def _request_review(standing: Standing, _: Seat) -> str:
    if not standing.seal:
        return "Nothing is sealed yet; a reviewer judges the sealed package."
    if standing.progress.reviewer:
        return f"{standing.progress.reviewer} was asked and has not answered yet."
    return "" if reviewers(standing) else "Nobody else is certified here who did not respond to this incident."


def _close(standing: Standing, seat: Seat) -> str:
    missing = entry_faults(CLOSED, standing.page.facts)
    return " ".join(missing) if missing else "" if seat.signed_in else SIGN_IN


_RULES: Mapping[str, _Rule] = {
    "incident.next_step": _never,
    "incident.acknowledge": _acknowledge,
    "incident.take_command": _take_command,
    "incident.grade": _never,
    "incident.assign_role": _never,
    "incident.enter_state": _enter_state,
    "incident.seal": _seal,
    "incident.validate": _validate,
    "incident.request_criterion": _request_criterion,
    "incident.export": _export,
    "incident.request_review": _request_review,
    "incident.close": _close,
}


def reviewers(standing: Standing) -> tuple[str, ...]:
    """Who may review it: certified people who did not respond, investigators first."""
    free = [one for one in standing.people.values() if one.person not in standing.page.facts.responders]
    return tuple(one.person for one in sorted(free, key=lambda one: ("investigator" not in one.roles, one.person)))


def _titles(role: str) -> str:
    return f"the {role.replace('_', ' ')}"
