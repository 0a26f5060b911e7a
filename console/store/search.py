"""Full text over titles, notes and reasons: newest first, every word a prefix; evidence is never in it.

The text of an event lies in its line of the timeline; it is folded into the index every FOLD_EVERY events, so that a
commit pays next to nothing, and a search looks at the index and at the lines after it.
"""

from __future__ import annotations

import json
import re
import unicodedata

from console.store._sqlite import Connection
from console.store.readers import Rows

FOLD_EVERY = 256
"""Events between two foldings; by local number, so that a rebuild folds at the same places."""

MAX_WORDS = 16
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """The words of `text` as the index cuts them: without case and accents, in order."""
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(char for char in apart if not unicodedata.combining(char))
    return _WORD.findall(text.lower())


def fold(conn: Connection, n: int) -> None:
    """Takes the FOLD_EVERY timeline lines that end with local number `n` into the index."""
    conn.execute(
        "INSERT INTO search (rowid, text) SELECT n, text FROM timeline WHERE n > ? AND n <= ? AND text <> ''",
        (n - FOLD_EVERY, n),
    )


def found_events(db: Rows, text: str, limit: int = 100) -> list[str]:
    """Ids of the newest events that hold a word beginning with each word of `text`; none for a text without words."""
    numbers = found_numbers(db, text, limit)
    sql = "SELECT event_id FROM timeline WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n DESC"
    return [str(event_id) for (event_id,) in db.tuples(sql, (json.dumps(numbers),))]


def found_numbers(db: Rows, text: str, limit: int = 100) -> list[int]:
    """Local numbers of those events, newest first."""
    wanted = words_of(text)[:MAX_WORDS]
    if not wanted:
        return []
    newest = int(db.value("SELECT ifnull(max(n), 0) FROM timeline"))
    unfolded = "SELECT n, text FROM timeline WHERE n > ? ORDER BY n DESC"
    tail = [n for n, line in db.tuples(unfolded, (newest - newest % FOLD_EVERY,)) if _holds(line, wanted)]
    match = " ".join(f'"{word}"*' for word in wanted)
    sql = "SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid DESC LIMIT ?"
    return [*tail, *(row[0] for row in db.tuples(sql, (match, limit)))][:limit]


def _holds(text: str, wanted: list[str]) -> bool:
    if text.isascii() and not all(word in text.lower() for word in wanted):
        return False  # nearly every line; cutting it into words takes ten times as long
    words = words_of(text)
    return all(any(word.startswith(start) for word in words) for start in wanted)
