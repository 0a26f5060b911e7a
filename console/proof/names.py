"""The names under which keys sign and the origins of what they sign, bounded so that no tool misreads them.

One spelling fits a signed note (no spaces, no plus sign), a line of OpenSSH's allowed signers (no patterns, commas or
quotes), an awk column and a terminal; whatever does not fit is refused where the name enters, never escaped later.
"""

from __future__ import annotations

import re

from console.domain.errors import InputError

MAX_NAME = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:/-]{0,199}")


def check_key_name(name: str) -> str:
    """`name` when a key may sign under it, such as `ic@example.org`; raises InputError otherwise."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name[:40]!a} cannot name a signing key; use up to {MAX_NAME} letters, digits and . _ @ : / - "
            "beginning with a letter or digit."
        )
    return name


def check_origin(origin: str) -> str:
    """`origin` when it may stand in the first line of a checkpoint; raises InputError otherwise."""
    if not _NAME.fullmatch(origin):
        raise InputError(
            f"{origin[:40]!a} cannot be the origin of a checkpoint; use up to {MAX_NAME} letters, digits and "
            ". _ @ : / - beginning with a letter or digit."
        )
    return origin
