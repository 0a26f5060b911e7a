"""Where a signed webhook may go, what its key must be, and which answers are no claim at all."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from console.domain.errors import InputError
from console.domain.inventory import Enforcement, Inventory, InventoryItem
from console.plane.adapters import webhook
from console.plane.back_end_settings import WebhookSettings
from console.plane.backends import NO_ANSWER, OVERLOADED, Applied, Assertion, BackEndFault, BackEndRefusal
from console.plane.settings import PlaneSettings, Secrets
from console.plane.wires.webhook_call import CheckedResolver, SigningKey, check_url, may_go_to, networks

HOUSE, SWITCH = "environment.stand", "FF_EGRESS_BLOCK"
ITEM = InventoryItem(HOUSE, "environment", "Stand", HOUSE)
INVENTORY = Inventory({HOUSE: ITEM}, (Enforcement(SWITCH, HOUSE, "webhook"),), {})
KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SECRETS = Secrets(back_ends={"webhook": {"signing_key": KEY}})
STOP = Assertion(SWITCH, HOUSE, "stopped", 5, "0198c0de-0000-7000-8000-000000000001", "2099-01-01T00:00:00.000000Z")
ECHO = {"state": "stopped", "generation": 5, "durable": True}


@pytest.mark.parametrize(
    "url",
    [
        "http://switches.example.org/v1",
        "ftp://127.0.0.1/",
        "https://",
        "https://user:word@example.org/",
        "https://example.org/#part",
        "https://10.0.0.7/",
        "https://169.254.169.254/latest",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.7]/",
        "http://10.0.0.7/",
        "https://example.org:port/",
        "https://[half",
    ],
)
def test_an_address_that_calls_may_not_go_to_is_refused_by_name(url: str) -> None:
    with pytest.raises(InputError, match=r"webhook\.state_url"):
        check_url(url, "state_url", ())


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8/x", "http://localhost/x", "https://example.org/x", "https://[::1]/"]
)
def test_this_machine_and_the_open_net_are_fine(url: str) -> None:
    check_url(url, "url", ())


def test_a_private_address_needs_to_be_listed() -> None:
    allowed = networks(["10.0.0.0/24", "fd00::1"])
    check_url("https://10.0.0.7/", "url", allowed)
    assert not may_go_to(ipaddress.ip_address("10.0.1.7"), allowed, loopback=True)
    assert not may_go_to(ipaddress.ip_address("127.0.0.1"), allowed, loopback=False)
    with pytest.raises(InputError, match=r"webhook\.allow"):
        networks(["10.0.0.0/240"])


class Turned(AbstractResolver):
    """A name server that answers with these addresses, whatever the name."""

    def __init__(self, *hosts: str) -> None:
        self._hosts = hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0) for one in self._hosts
        ]

    async def close(self) -> None:
        """Nothing is held."""


def test_a_name_cannot_be_turned_inwards() -> None:
    mixed = CheckedResolver((), Turned("192.168.0.1", "127.0.0.1", "93.184.215.14", "fe80::1%eth0"))
    assert [one["host"] for one in asyncio.run(mixed.resolve("example.org"))] == ["93.184.215.14"]
    with pytest.raises(OSError, match="not allowed"):
        asyncio.run(CheckedResolver((), Turned("127.0.0.1")).resolve("example.org"))
    assert asyncio.run(CheckedResolver((), Turned("127.0.0.1")).resolve("localhost"))


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_!!!!", KEY.removeprefix("whsec_"), "whsec_c2hvcnQ="])
def test_a_key_of_no_use_is_refused_and_never_quoted(text: str) -> None:
    with pytest.raises(InputError) as refusal:
        SigningKey.read(text)
    assert "signing_key" in refusal.value.sentence
    assert text in ("", "whsec_") or text not in refusal.value.sentence


def test_the_key_is_in_no_repr() -> None:
    assert "secret" not in repr(SigningKey.read(KEY))


def test_a_receiver_is_driven_only_when_it_is_named() -> None:
    assert webhook.connect(PlaneSettings(), SECRETS, INVENTORY) is None
    given = PlaneSettings(webhook=WebhookSettings("https://example.org/x"))
    with pytest.raises(InputError, match="signing_key"):
        webhook.connect(given, Secrets(), INVENTORY)
    with pytest.raises(InputError, match=r"webhook\.url"):
        webhook.connect(PlaneSettings(webhook=WebhookSettings("")), SECRETS, INVENTORY)


def test_without_addresses_nothing_is_promised() -> None:
    async def story() -> None:
        receiver = webhook.connect(PlaneSettings(webhook=WebhookSettings("https://example.org/x")), SECRETS, INVENTORY)
        assert receiver is not None
        can = (await receiver.capabilities())[SWITCH]
        assert can.kinds == ("environment",)
        assert not any(can.flags().values())
        assert not receiver.can_probe(SWITCH, ITEM)
        assert (await receiver.probe(SWITCH, ITEM, 1)).outcome == NO_ANSWER
        with pytest.raises(BackEndFault, match="state_url"):
            await receiver.read_back()

    asyncio.run(story())


def answered(status: int, body: object, headers: dict[str, str] | None = None) -> Applied:
    """What an order ends in when the receiver answers this."""

    async def story() -> Applied:
        async def hook(request: web.Request) -> web.Response:
            if isinstance(body, bytes):
                return web.Response(status=status, body=body, headers=headers)
            return web.json_response(body, status=status, headers=headers)

        app = web.Application()
        app.router.add_route("*", "/{any}", hook)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        given = WebhookSettings(f"{base}/hook", f"{base}/state", f"{base}/probe")
        receiver = webhook.connect(PlaneSettings(webhook=given), SECRETS, INVENTORY)
        assert receiver is not None
        try:
            probe = await receiver.probe(SWITCH, ITEM, 2)
            assert probe.outcome in (NO_ANSWER, OVERLOADED) or status == 200
            return await receiver.apply(STOP, 2)
        finally:
            await receiver.close()
            await runner.cleanup()

    return asyncio.run(story())


def test_an_echo_is_a_claim() -> None:
    assert answered(200, ECHO) == Applied("stopped", 5, 0, durable=True)
    assert not answered(200, ECHO | {"durable": "yes"}).durable


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, ECHO | {"generation": 4}),
        (200, ECHO | {"generation": True}),
        (200, ECHO | {"state": "running"}),
        (200, {}),
        (200, []),
        (200, b"not json"),
        (200, b"[" * 200_000),
        (200, b" " * (1024 * 1024 + 1)),
        (202, ECHO),
        (302, ECHO),
        (401, {}),
        (500, ECHO),
        (503, {}),
    ],
)
def test_anything_else_is_unknown(status: int, body: object) -> None:
    headers = {"Location": "http://127.0.0.1:1/"} if status == 302 else None
    with pytest.raises(BackEndFault):
        answered(status, body, headers)


@pytest.mark.parametrize(("status", "kind"), [(404, "unmapped"), (409, "stale"), (410, "expired")])
def test_a_refusal_says_what_is_held(status: int, kind: str) -> None:
    with pytest.raises(BackEndRefusal) as refusal:
        answered(status, {"generation": 9})
    assert (refusal.value.kind, refusal.value.generation) == (kind, 9)
