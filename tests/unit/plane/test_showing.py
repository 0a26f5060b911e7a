"""A preview over several back-ends shows no more than all of them show."""

from __future__ import annotations

from datetime import UTC, datetime

from console.plane.backends import NO_ANSWER, SERVED, SWITCHED_OFF, Capability, ProbeReply, Refuser
from console.plane.desired import Desired, Enforced
from console.plane.showing import Sight, sight_of, together

AT = datetime(2026, 1, 1, tzinfo=UTC)
WANTED = Desired("FF_X", "tenant.x", "stopped", 3, "c-3")
MARKS = [Enforced("a", "FF_X", "tenant.x", 3, "c-3"), Enforced("b", "FF_X", "tenant.x", 4, "again")]


def off(named: str) -> ProbeReply:
    return ProbeReply(SWITCHED_OFF, AT, (Refuser("FF_X", "tenant.x", 3, named),))


def test_all_show_the_same() -> None:
    assert sight_of([off("c-3"), off("again")], WANTED, MARKS) == Sight("stopped", "probe", "c-3")
    assert sight_of([off("c-3"), off("other")], WANTED, MARKS) == Sight("stopped", "probe", "")
    served = ProbeReply(SERVED, AT)
    assert sight_of([served, served], WANTED, MARKS) == Sight("running", "probe", "")


def test_where_they_differ_nothing_is_known() -> None:
    assert sight_of([off("c-3"), ProbeReply(SERVED, AT)], WANTED, MARKS) == Sight("unknown", "probe", "")
    assert sight_of([off("c-3"), ProbeReply(NO_ANSWER, AT)], WANTED, MARKS) == Sight("unknown", "probe", "")
    silent = ProbeReply(NO_ANSWER, AT)
    assert sight_of([silent, silent], WANTED, MARKS) == Sight("unknown", "none", "")


def test_they_can_do_what_all_of_them_can() -> None:
    both = Capability(("tenant", "surface"), refuses_new=True, cuts_streams=True)
    one = Capability(("tenant",), refuses_new=True, durable=True)
    assert together([both, one]) == Capability(("tenant",), refuses_new=True)
    assert together([both, None]) is None
    assert together([]) is None
