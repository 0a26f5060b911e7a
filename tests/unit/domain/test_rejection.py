"""What is offered for a rejected event, and what never is."""

from __future__ import annotations

import pytest

from console.domain.rejection import ASK_COMMANDER, EXPORT, WRITE_AGAIN, again_fault, remedies


@pytest.mark.parametrize("event_type", ["switch.confirmed", "approval.given", "role.granted", "switch.observed"])
def test_what_is_over_is_never_written_again(event_type: str) -> None:
    assert again_fault(event_type, signed_in=True)
    assert remedies(event_type, in_incident=True) == (ASK_COMMANDER, EXPORT)


def test_what_needs_a_signature_is_written_again_only_by_whoever_is_signed_in() -> None:
    assert again_fault("incident.closed", signed_in=True) == ""
    assert "sign in" in again_fault("incident.closed", signed_in=False)


def test_outside_an_incident_nobody_is_asked() -> None:
    assert remedies("note.added", in_incident=False) == (WRITE_AGAIN, EXPORT)
