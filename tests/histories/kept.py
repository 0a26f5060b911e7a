"""Seeds that once failed, each with what it found; they are run again for ever, beside the first ones.

`CAUGHT_BY` names for each seeded bug a seed known to catch it, so that the tests show quickly that the checker can
fail; `python -m tests.histories --bugs` finds them anew.
"""

from __future__ import annotations

KEPT: dict[int, str] = {
    0: "Events behind one that the plane cannot read never reached it.",
    4: "After a restore under a new epoch, receipts of the old one looked forged.",
    21: "An order that a rolled-back plane had forgotten was shown as never done.",
    54: "A plane that died between intent and dispatch left the order acknowledged for ever.",
    93: "A desk that died before it sent an order may not say that a rolled-back plane never had it.",
    124: "A rolled-back desk wrote before its heads were compared, and lost the end of what it wrote.",
}

CAUGHT_BY: dict[str, int] = {
    "cursor before data": 0,
    "data before cursor": 0,
    "engine ahead of disk": 0,
    "outbox in a second transaction": 0,
    "idempotency for a while": 6,
    "placed again": 2,
    "rejection dropped": 5,
    "rejection hidden": 0,
    "receipt for the whole batch": 0,
    "long poll never asked again": 0,
    "epoch ignored": 10,
    "position ignored": 16,
    "hash not compared": 66,
    "fork overwritten": 16,
    "fork unsaid": 16,
    "no jitter": 1,
    "alarm not raised": 6,
    "sign dropped": 6,
    "nothing offered again": 6,
    "pull from the middle": 6,
    "one blocks all": 0,
    "answered before commit": 45,
    "holes in the journal": 0,
    "token never renewed": 0,
    "either world": 0,
    "order of arrival": 0,
    "queued while offline": 0,
    "sent while offline": 0,
    "sent again after a time-out": 6,
    "sent again at start": 3,
    "sent after its end": 3,
    "never looked up": 5,
    "lost is refused": 10,
    "expired said too soon": 35,
    "offset backwards": 1,
    "verified by state": 83,
    "verified by the reply": 246,
    "expired nowhere": 8,
    "stale at the actuator": 59,
    "stale at the plane": 5,
    "approval reused": 15,
    "actuator forgets": 7,
    "drill on the live system": 1,
    "resolved by sending": 6,
    "never resolved": 6,
    "order taken twice": 27,
    "no place is an answer": 6,
    "broken chain written on": 0,
    "forgetful plane believed": 131,
}
