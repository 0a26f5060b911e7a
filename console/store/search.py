"""Full text over titles, notes and reasons: newest first, every word a prefix; evidence is never in it.

The words of an event lie in its line of the timeline; they are folded into the index every FOLD_EVERY events, so that a
commit pays next to nothing, and a search looks at the index and at the lines after it. Words are made here alone, so
that both sides cut text in the same way.
"""

from __future__ import annotations

import re
import unicodedata

from console.store._sqlite import Connection
from console.store.readers import Rows

FOLD_EVERY = 256
"""Events between two foldings; by local number, so that a rebuild folds at the same places."""

MAX_WORDS = 16
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> str:
    """The words of `text` without case and accents, in order, a space between two."""
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(char for char in apart if not unicodedata.combining(char))
    return " ".join(_WORD.findall(text.lower()))


def fold(conn: Connection, n: int) -> None:
    """Takes the FOLD_EVERY timeline lines that end with local number `n` into the index."""
    conn.execute(
        "INSERT INTO search (rowid, words) SELECT n, words FROM timeline WHERE n > ? AND n <= ? AND words <> ''",
        (n - FOLD_EVERY, n),
    )


def found_events(db: Rows, text: str, limit: int = 100) -> list[str]:
    """Ids of the newest events that hold a word beginning with each word of `text`; none for a text without words."""
    wanted = words_of(text).split()[:MAX_WORDS]
    if not wanted:
        return []
    newest = int(db.value("SELECT ifnull(max(n), 0) FROM timeline"))
    unfolded = "SELECT n, words FROM timeline WHERE n > ? ORDER BY n DESC"
    tail = [n for n, words in db.tuples(unfolded, (newest - newest % FOLD_EVERY,)) if _holds(words, wanted)]
    match = " ".join(f'"{word}"*' for word in wanted)
    sql = "SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid DESC LIMIT ?"
    numbers = [*tail, *(row[0] for row in db.tuples(sql, (match, limit)))][:limit]
    return [str(db.value("SELECT event_id FROM timeline WHERE n = ?", (n,))) for n in numbers]


def _holds(words: str, wanted: list[str]) -> bool:
    padded = f" {words}"
    return all(f" {word}" in padded for word in wanted)
