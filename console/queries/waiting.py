"""What waits for a person over all incidents: requests for a second person on both sides, and looks that are owed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from console.queries.reviews import OwedReview, owed_reviews
from console.queries.switches import PendingRequests, pending_requests
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class Waiting:
    """`mine` are the looks that this person may take, `others` those that only somebody else may; oldest first."""

    requests: PendingRequests
    mine: tuple[OwedReview, ...]
    others: tuple[OwedReview, ...]


NOTHING_WAITS = Waiting(PendingRequests((), ()), (), ())


def waiting(reader: Rows, now: datetime, me: str) -> Waiting:
    """What waits at `now` (the plane's clock) for `me`, "" for nobody."""
    owed = owed_reviews(reader)
    own = owed_reviews(reader, me) if me else ()
    return Waiting(pending_requests(reader, now, me), own, tuple(one for one in owed if one not in own))
