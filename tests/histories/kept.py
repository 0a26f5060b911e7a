"""Seeds that once failed, each with what it found; they are run again for ever, beside the first ones.

`CAUGHT_BY` names for each seeded bug a seed known to catch it, so that the tests show quickly that the checker can
fail; `python -m tests.histories --bugs` finds them anew.
"""

from __future__ import annotations

KEPT: dict[int, str] = {}

CAUGHT_BY: dict[str, int] = {}
