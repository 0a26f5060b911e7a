"""Whom to call, and in which order, when nobody is being paged."""

from console.domain.roster import Roster, RosterEntry

ADA = RosterEntry("ada@example.org", "Ada", "+1", ("incident_commander",))
BOB = RosterEntry("bob@example.org", "Bob", "+2", ("security_lead", "scribe"))
EVE = RosterEntry("eve@example.org", "Eve", "+3", ("scribe",), "nights")
LIST = Roster((ADA, BOB, EVE), {"incident_commander": (EVE.person, BOB.person, "gone@example.org")})


def test_stand_ins_come_in_the_order_in_which_they_are_called() -> None:
    assert LIST.stand_ins_for("incident_commander") == (EVE, BOB)
    assert LIST.stand_ins_for("scribe") == ()
    assert (LIST.stands_in(BOB.person), LIST.stands_in(ADA.person)) == (("incident_commander",), ())


def test_the_phone_list_names_holders_then_stand_ins_each_once() -> None:
    assert LIST.phone_list(["incident_commander"]) == (ADA, EVE, BOB)
    assert LIST.phone_list(["incident_commander", "scribe"]) == (ADA, BOB, EVE)
    assert LIST.phone_list([]) == ()
    assert Roster().phone_list(["incident_commander"]) == ()
