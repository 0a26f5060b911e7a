"""Whether the record has the very key for a person that they hold at this desk.

Whoever took the plane over could let somebody else in under a person's name. The desk where the person enrolled is
the one place that knows better.
"""

from __future__ import annotations

from console.store.readers import Rows

KEY_CHANGED = "own_key"
"""The kind of the alarm."""
FORGED = (
    "The plane recorded another key for {person} (it begins with {found}) than the one that was made at this desk: "
    "somebody else can sign in this name. Sign nothing here, phone whoever holds the organisation's root key."
)
REPLACED = (
    "Since this desk was enrolled, another key was recorded for {person} (it begins with {found}), so that nothing "
    "signed here counts. Did you enrol at another desk? If not, phone whoever holds the root key and be revoked."
)
_SHOWN = 16
_ENROLLED_HERE = """
SELECT p.public_key FROM enrolled_person p JOIN enrolled_device d ON d.invite = p.invite JOIN timeline t ON t.n = p.n
WHERE d.device = ? AND p.person = ? ORDER BY t.gpos DESC LIMIT 1
"""


def key_fault(reader: Rows, person: str, public_key: str, device: str) -> str:
    """Why the key that the person holds at this device is not theirs in the record, or "".

    Nothing is said before the enrolment at this very device is in the record: an older key of the person, from
    another desk, may come before it. Somebody whom the root certified itself has no such enrolment.
    """
    here = reader.value(_ENROLLED_HERE, (device, person), "")
    if not here:
        return ""
    if here != public_key:
        return FORGED.format(person=person[:80], found=here[:_SHOWN])
    now = reader.value("SELECT public_key FROM person_now WHERE person = ?", (person,), "")
    return REPLACED.format(person=person[:80], found=now[:_SHOWN]) if now not in ("", public_key) else ""
