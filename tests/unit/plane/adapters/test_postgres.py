"""What the adapter makes of settings, refusals and servers that are not as they should be; no server is needed."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from console.domain.inventory import Inventory
from console.plane.adapters import postgres
from console.plane.back_end_settings import PostgresSettings
from console.plane.settings import PlaneSettings, Secrets


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("/run/postgresql", "disable"), ("127.0.0.1", "disable"), ("::1", "disable"), ("localhost", "disable"),
        ("10.0.0.7", "verify-full"), ("db.example.org", "verify-full"), ("localhost.example.org", "verify-full"),
    ],
)  # fmt: skip
def test_another_machine_is_reached_over_checked_tls_only(host: str, mode: str) -> None:
    transport = postgres._transport(PostgresSettings(host))
    assert transport["sslmode"] == mode
    assert transport.get("sslrootcert", "system") == "system"
    assert postgres._transport(PostgresSettings("db.example.org", tls_ca=Path("ca.pem")))["sslrootcert"] == "ca.pem"


def test_a_refusal_that_names_nobody_is_nobodys() -> None:
    assert postgres._refusers(psycopg.Error("no detail at all")) == ()


def test_a_server_that_is_not_named_is_not_driven() -> None:
    assert postgres.connect(PlaneSettings(), Secrets(), Inventory({}, (), {})) is None


def test_every_ability_is_declared_for_what_was_measured_only() -> None:
    freeze = postgres.CAPABILITIES["FF_INDEX_FREEZE"]
    others = [postgres.CAPABILITIES[switch] for switch in ("FF_ROW_QUARANTINE", "FF_TENANT_BLOCK")]
    assert all(freeze.flags().values())
    assert not any(one.cuts_streams or one.ends_sessions for one in others)
