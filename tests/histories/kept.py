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
}

CAUGHT_BY: dict[str, int] = {
    "engine ahead of disk": 0,
    "cursor before data": 0,
    "outbox in a second transaction": 0,
    "data before cursor": 0,
    "rejection dropped": 0,
    "placed again": 0,
    "idempotency for a while": 4,
    "long poll never asked again": 0,
    "rejection hidden": 0,
    "receipt for the whole batch": 0,
    "position ignored": 4,
    "epoch ignored": 4,
    "no jitter": 3,
    "alarm not raised": 4,
    "sign dropped": 4,
    "nothing offered again": 4,
    "one blocks all": 0,
    "holes in the journal": 0,
    "pull from the middle": 4,
    "token never renewed": 0,
    "either world": 0,
    "order of arrival": 0,
    "queued while offline": 0,
    "sent while offline": 0,
    "sent again at start": 2,
    "sent after its end": 2,
    "sent again after a time-out": 7,
    "never looked up": 5,
    "lost is refused": 7,
    "offset backwards": 1,
    "stale at the plane": 2,
    "approval reused": 5,
    "drill on the live system": 1,
    "actuator forgets": 7,
    "resolved by sending": 5,
    "order taken twice": 5,
    "stale at the actuator": 23,
    "expired nowhere": 42,
    "fork overwritten": 70,
    "fork unsaid": 70,
    "never resolved": 15,
    "hash not compared": 18,
    "answered before commit": 35,
    "expired said too soon": 44,
    "verified by state": 91,
}
