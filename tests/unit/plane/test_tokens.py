"""Tokens: who gets one, for how long, and that a proof is good once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from console.domain.times import format_utc, from_epoch_us
from console.plane.db import Database, database_url
from console.plane.identities import Identities
from console.plane.tables import PLANE
from console.plane.tokens import Tokens, token_problem, use_nonce
from console.proof.journal import sign_token_request
from console.proof.keys import SigningKey
from console.protocol.limits import DEFAULT_LIMITS
from console.protocol.messages import TokenRequest
from tests.fakes.people import DESK, OTHER_DESK, ROOT, T0_MS
from tests.fakes.people import PLANE as PLANE_KEY

NOW = from_epoch_us(T0_MS * 1000)
ORIGIN = "exercise/5e1c"
KNOWN = Identities(ROOT.public_hex, PLANE_KEY.id, devices={DESK.id: DESK.public_hex})


def request(key: SigningKey = DESK, **changes: Any) -> TokenRequest:
    made = {"device": key.id, "nonce": "0" * 64, "time": format_utc(NOW), "origin": ORIGIN} | changes
    signature = sign_token_request(key, made["nonce"], made["time"], made["origin"])
    return TokenRequest(**{"sig": signature} | made)


def kind(made: TokenRequest) -> str:
    problem = token_problem(made, KNOWN, ORIGIN, NOW)
    return problem.kind if problem is not None else ""


def test_a_certified_device_and_the_root_get_one() -> None:
    assert (kind(request()), kind(request(ROOT))) == ("", "")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (request(OTHER_DESK), "unauthenticated"),
        (request(device=OTHER_DESK.id), "unauthenticated"),
        (request(sig="AAAA"), "unauthenticated"),
        (request(origin="production/5e1c"), "wrong_world"),
        (request(time=format_utc(NOW + timedelta(seconds=121))), "unauthenticated"),
        (request(time=format_utc(NOW - timedelta(seconds=121))), "unauthenticated"),
        (request(time="2026-13-01T00:00:00.000000Z"), "malformed"),
    ],
    ids=["unknown", "in another's name", "forged", "another world", "future", "past", "no such month"],
)
def test_who_gets_none(made: TokenRequest, expected: str) -> None:
    assert kind(made) == expected


def test_a_token_is_its_devices_until_its_end() -> None:
    tokens = Tokens()
    grant = tokens.grant(DESK.id, NOW)
    assert tokens.device_of(grant.token, NOW) == DESK.id
    assert tokens.device_of(grant.token, NOW + timedelta(seconds=DEFAULT_LIMITS.token_ttl_s)) == ""
    assert tokens.device_of(grant.token[:-1] + "x", NOW) == ""
    assert tokens.device_of("", NOW) == ""


def test_old_tokens_are_forgotten() -> None:
    tokens = Tokens()
    tokens.grant(DESK.id, NOW)
    tokens.grant(DESK.id, NOW + timedelta(days=1))
    assert len(tokens._held) == 1


def test_a_nonce_is_good_once_even_across_a_restart(tmp_path: Path) -> None:
    database = Database.created(database_url(str(tmp_path / "plane.db")))
    database.write_now(lambda tx: tx.connection.execute(insert(PLANE).values(id=1)))
    assert database.write_now(lambda tx: use_nonce(tx, "n", NOW))
    database.close()
    again = Database.opened(database.url)
    assert not again.write_now(lambda tx: use_nonce(tx, "n", NOW))
    assert again.write_now(lambda tx: use_nonce(tx, "n", NOW + timedelta(hours=1)))
    again.close()
