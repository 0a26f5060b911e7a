"""`incident-console plane invite | grant | withdraw | revoke`: what the holder of the organisation's root key decides.

Each works whether the plane runs or not. The one-time code of an invitation is printed once, on standard output, and
stands nowhere else.
"""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Annotated

import typer

from console.commands.plane_settings import CONFIG, DATABASE, PORT, settings_of
from console.domain.errors import InputError

_MOST = 200
_ROOT_KEY = Annotated[Path, typer.Option(metavar="FILE", help="The organisation's root key, as `plane init` made it.")]


def invite(
    person: Annotated[str, typer.Argument(help="Who is invited, for example ada@example.org.")],
    root_key: _ROOT_KEY,
    role: Annotated[list[str] | None, typer.Option(metavar="ROLE", help="A role to hold; may be repeated.")] = None,
    label: Annotated[str, typer.Option(help="What to call the device that comes by the invitation.")] = "",
    name: Annotated[str, typer.Option(help="The person's name as it is shown; by default as given.")] = "",
    hours: Annotated[int, typer.Option(min=1, max=24 * 30, help="How long the code can be used.")] = 72,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line instead of the code alone.")] = False,
    config: CONFIG = None,
    database: DATABASE = None,
    port: PORT = None,
) -> None:
    """Invite a person: prints the one-time code that enrols one device of theirs, and the words of the root key."""
    from console.plane.founding import ROOT_KEY, read_key
    from console.plane.rooting import invitation, write_as_root
    from console.plane.service import wall_clock
    from console.proof.words import root_words

    settings = settings_of(config, database)
    for text, what in ((person, "person"), (label or "-", "label"), (name or "-", "name")):
        _check(text, what)
    roles = [_role(one, settings.policy) for one in role or ()]
    made = invitation(person, name or person, roles, label[:80], hours, wall_clock())
    root = read_key(root_key, ROOT_KEY)
    event_id = write_as_root(settings, root, lambda _: made.entries, wall_clock, port)
    words = " ".join(root_words(root.public_hex))
    if as_json:
        told = {"code": made.code, "person": person, "roles": roles, "expires": made.expires, "invite": event_id}
        told["root_words"] = words
        typer.echo(json.dumps(told))
        return
    typer.echo(made.code)
    typer.echo(f"incident-console: this code enrols one device of {person} until {made.expires}.", err=True)
    typer.echo(f"incident-console: tell them these eight words by another way, to be compared: {words}", err=True)


def grant(
    person: Annotated[str, typer.Argument(help="Who is to hold the role.")],
    role: Annotated[str, typer.Argument(help="The role, by its id or another name of it.")],
    root_key: _ROOT_KEY,
    config: CONFIG = None,
    database: DATABASE = None,
    port: PORT = None,
) -> None:
    """Give a role to a person who is known or invited."""
    from console.plane.founding import ROOT_KEY, read_key
    from console.plane.rooting import grant as granting
    from console.plane.rooting import write_as_root
    from console.plane.service import wall_clock

    settings = settings_of(config, database)
    _check(person, "person")
    known = _role(role, settings.policy)
    write_as_root(settings, read_key(root_key, ROOT_KEY), granting(person, known), wall_clock, port)
    typer.echo(f"{person} holds the role {known}.")


def withdraw(
    person: Annotated[str, typer.Argument(help="Who is to hold the role no longer.")],
    role: Annotated[str, typer.Argument(help="The role, by its id or another name of it.")],
    root_key: _ROOT_KEY,
    reason: Annotated[str, typer.Option(help="Why; it stands in the record.")],
    config: CONFIG = None,
    database: DATABASE = None,
    port: PORT = None,
) -> None:
    """Take a role back from a person; what they lent of it ends at once."""
    from console.plane.founding import ROOT_KEY, read_key
    from console.plane.rooting import withdrawal, write_as_root
    from console.plane.service import wall_clock

    settings = settings_of(config, database)
    _check(person, "person")
    _check(reason, "reason")
    known = _role(role, settings.policy)
    write_as_root(settings, read_key(root_key, ROOT_KEY), withdrawal(person, known, reason), wall_clock, port)
    typer.echo(f"{person} no longer holds the role {known}.")


def revoke(
    subject: Annotated[str, typer.Argument(metavar="DEVICE|PERSON", help="A device's id, or a person.")],
    root_key: _ROOT_KEY,
    reason: Annotated[str, typer.Option(help="Why; it stands in the record.")],
    config: CONFIG = None,
    database: DATABASE = None,
    port: PORT = None,
) -> None:
    """Turn a device or a person away: what they wrote before stays valid, nothing more is taken."""
    from console.plane.founding import ROOT_KEY, read_key
    from console.plane.rooting import revocation, write_as_root
    from console.plane.service import wall_clock

    settings = settings_of(config, database)
    _check(subject, "device or person")
    _check(reason, "reason")
    write_as_root(settings, read_key(root_key, ROOT_KEY), revocation(subject, reason), wall_clock, port)
    typer.echo(f"{subject} is turned away from now on.")


def _check(text: str, what: str) -> None:
    plain = unicodedata.is_normalized("NFC", text) and text.isprintable() and text.strip() == text
    if not text or len(text) > _MOST or not plain:
        raise InputError(f"The {what} must be 1 to {_MOST} printable characters on one line; '{text[:40]!r}' is not.")


def _role(name: str, policy: Path | None) -> str:
    """The id of a role, given under any of its names."""
    from console.policy import default_path, load

    return load(policy or default_path()).roles.role(name).id
