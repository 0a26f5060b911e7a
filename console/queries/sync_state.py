"""How the record stands to its plane: what waits, what was refused, what is in doubt, and the last checkpoint.

The connection itself is no row: whoever shows the page has it from the desk and hands its state in.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.domain.errors import InputError
from console.proof.checkpoint import parse_checkpoint, parse_note
from console.proof.words import eight_words
from console.store import quarantine
from console.store.projection_tables import TAIL
from console.store.readers import Rows


@dataclass(frozen=True, slots=True)
class Alarm:
    """A sign that something is not what it was; `settled_at` (RFC 3339) is "" while nobody has dealt with it."""

    alarm_id: str
    kind: str
    sentence: str
    raised_at: str
    settled_at: str


@dataclass(frozen=True, slots=True)
class KnownCheckpoint:
    """The newest checkpoint that agreed with our copy of the journal; `words` are to be compared aloud."""

    size: int
    words: tuple[str, ...]
    received_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPage:
    """Everything the sync page shows, of one moment; times are RFC 3339, "" for none.

    `connection` is what the desk says of its line (online, offline, connecting, stopped, alarm). `queued` events wait,
    the oldest since `oldest_queued`; `rejected` of ours were refused, `not_at_plane` of them without a place in this
    journal: they are here only. `quarantined` came and do not fit; `withheld` positions may not be read here.
    `position` of `size` entries of the journal `epoch` at `origin` are held. `recoveries` is how often the journal was
    followed from 0 again.
    """

    connection: str
    queued: int
    oldest_queued: str
    rejected: int
    not_at_plane: int
    quarantined: int
    withheld: int
    open_alarms: tuple[Alarm, ...]
    settled_alarms: tuple[Alarm, ...]
    checkpoint: KnownCheckpoint | None
    origin: str
    epoch: str
    position: int
    size: int
    recoveries: int


@dataclass(frozen=True, slots=True)
class SyncCounts:
    """How much of the sync page waits for a person: alarms nobody settled, open conflicts, rejected events of ours."""

    alarms: int
    conflicts: int
    rejected: int


_SETTLED_SHOWN = 50
_WAITING_FOR_A_PERSON = """
SELECT (SELECT count(*) FROM alarm WHERE settled_at = ''), (SELECT count(*) FROM held WHERE in_conflict = 1),
  (SELECT count(*) FROM timeline t JOIN event e ON e.n = t.n WHERE t.status = 'rejected' AND e.origin = 'own')
"""
_COUNTS = """
SELECT (SELECT count(*) FROM outbox),
  ifnull((SELECT e.stored_at FROM outbox o JOIN event e ON e.n = o.n ORDER BY o.n LIMIT 1), ''),
  (SELECT count(*) FROM timeline t JOIN event e ON e.n = t.n WHERE t.status = 'rejected' AND e.origin = 'own'),
  (SELECT count(*) FROM timeline t JOIN event e ON e.n = t.n
    WHERE t.status = 'rejected' AND e.origin = 'own' AND t.gpos = ?),
  (SELECT count(*) FROM withheld WHERE event_id = '' AND pull = (SELECT pull FROM sync_state))
"""


def sync_page(db: Rows, connection: str) -> SyncPage:
    """The sync page; `connection` is the state of the desk's connection at this moment."""
    queued, oldest, rejected, unplaced, withheld = db.tuples(_COUNTS, (TAIL,))[0]
    state = db.row("SELECT origin, epoch, cursor, largest_size, pull FROM sync_state") or {}
    return SyncPage(
        connection=connection,
        queued=queued,
        oldest_queued=oldest,
        rejected=rejected,
        not_at_plane=unplaced,
        quarantined=quarantine.quarantined(db),
        withheld=withheld,
        open_alarms=_alarms(db, "settled_at = '' ORDER BY raised_at DESC, alarm_id DESC LIMIT -1"),
        settled_alarms=_alarms(db, f"settled_at <> '' ORDER BY settled_at DESC, alarm_id DESC LIMIT {_SETTLED_SHOWN}"),
        checkpoint=_checkpoint(db),
        origin=state["origin"],
        epoch=state["epoch"],
        position=state["cursor"],
        size=max(state["largest_size"], state["cursor"]),
        recoveries=max(state["pull"] - 1, 0),
    )


def sync_counts(db: Rows) -> SyncCounts:
    """What the bars say about sync, cheaply."""
    return SyncCounts(*db.tuples(_WAITING_FOR_A_PERSON)[0])


def _alarms(db: Rows, where: str) -> tuple[Alarm, ...]:
    columns = "alarm_id, kind, sentence, raised_at, settled_at"
    return tuple(Alarm(*row) for row in db.tuples(f"SELECT {columns} FROM alarm WHERE {where}"))  # noqa: S608 - literals


def _checkpoint(db: Rows) -> KnownCheckpoint | None:
    found = db.row(
        "SELECT size, note, received_at FROM checkpoint WHERE pull = (SELECT pull FROM sync_state) "
        "ORDER BY size DESC LIMIT 1"
    )
    if found is None:
        return None
    try:
        root = parse_checkpoint(parse_note(found["note"]).text).root
    except InputError:
        return None
    return KnownCheckpoint(found["size"], eight_words(root), found["received_at"])
