"""Drives any system that takes signed webhooks: one message sets one state, and its answer must echo the generation.

What the receiver has no address for is declared as "cannot": without `state_url` nothing is read back, without
`probe_url` nothing is proven. It offers no streams.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from console.domain.inventory import Inventory, InventoryItem
from console.domain.switches import WANTS
from console.domain.times import parse_utc
from console.plane.back_end_settings import WebhookSettings
from console.plane.backends import (
    NO_ANSWER,
    SERVED,
    Applied,
    Assertion,
    BackEndFault,
    BackEndRefusal,
    Capability,
    ProbeReply,
    ProbeStream,
    ReadBack,
)
from console.plane.settings import PlaneSettings, Secrets
from console.plane.wires import gateway_answers, gateway_path
from console.plane.wires.webhook_call import Answer, SigningKey, Wire, check_url, networks
from console.proof.canonical import canonical

NAME = "webhook"
ANSWER_S = 3.0
"""Seconds that a question for the state may take."""

_REFUSALS = {404: "unmapped", 409: "stale", 410: "expired"}


def connect(settings: PlaneSettings, secrets: Secrets, inventory: Inventory) -> Receiver | None:
    """The receiver the settings name, None when they name none. Raises InputError for an address or a key of no use."""
    given = settings.webhook
    if given is None:
        return None
    allowed = networks(given.allow)
    for what, url in (("url", given.url), ("state_url", given.state_url), ("probe_url", given.probe_url)):
        if url or what == "url":
            check_url(url, what, allowed)
    return Receiver(given, Wire(SigningKey.read(secrets.of(NAME, "signing_key")), allowed), inventory)


class Receiver:
    """A system behind signed webhooks."""

    name = NAME

    def __init__(self, given: WebhookSettings, wire: Wire, inventory: Inventory) -> None:
        self._given, self._wire = given, wire
        self._pairs = {(one.switch, one.target) for one in inventory.enforcements if one.adapter == NAME}
        self._inventory = inventory

    async def capabilities(self) -> Mapping[str, Capability]:
        """What the settings give an address for; open streams are never known to be cut."""
        proven, known = bool(self._given.probe_url), bool(self._given.state_url)
        kinds: dict[str, set[str]] = {}
        for switch, target in self._pairs:
            kinds.setdefault(switch, set()).add(self._inventory.item(target).kind)
        return {
            switch: Capability(tuple(sorted(found)), refuses_new=proven, durable=known, read_back=known)
            for switch, found in kinds.items()
        }

    async def apply(self, assertion: Assertion, seconds: float) -> Applied:
        """Send the state; the same assertion again is the same message, which the receiver answers as before."""
        if (assertion.switch, assertion.target) not in self._pairs or assertion.want not in WANTS:
            raise BackEndRefusal("unmapped", "No webhook is set up for that switch there; see data/systems.")
        if parse_utc(assertion.expires) <= datetime.now(UTC):
            raise BackEndRefusal("expired", "The time of the order is over; nothing was sent.")
        message = {
            "switch": assertion.switch,
            "target": assertion.target,
            "want": assertion.want,
            "generation": assertion.generation,
            "command_id": assertion.assertion_id,
            "expires": assertion.expires,
        }
        body = canonical(message)
        answer = await self._call("POST", self._given.url, assertion.assertion_id, body, seconds)
        return _applied(answer, assertion)

    async def read_back(self) -> ReadBack:
        """What the receiver says it holds."""
        if not self._given.state_url:
            raise BackEndFault("The webhook's receiver has no address that says what it holds (webhook.state_url).")
        answer = await self._call("GET", self._given.state_url, str(uuid.uuid4()), b"", ANSWER_S)
        if answer.status != 200 or answer.value is None:
            raise BackEndFault(f"The webhook's receiver answers {answer.status} when it is asked what it holds.")
        return gateway_answers.read_back(answer.value)

    def can_probe(self, switch: str, item: InventoryItem) -> bool:
        """Whether there is an address to ask."""
        return bool(self._given.probe_url) and (switch, item.id) in self._pairs

    async def probe(self, switch: str, item: InventoryItem, seconds: float) -> ProbeReply:
        """Ask for what the switch forbids; never raises."""
        if not self.can_probe(switch, item):
            return ProbeReply(NO_ANSWER, _now())
        body = canonical({"switch": switch, "target": item.id})
        try:
            answer = await self._call("POST", self._given.probe_url, str(uuid.uuid4()), body, seconds)
            if answer.status == 200:
                return ProbeReply(SERVED, _now())
            return gateway_path._refusal(answer.status, json.dumps(answer.value).encode())
        except BackEndFault:
            return ProbeReply(NO_ANSWER, _now())

    async def open_stream(
        self, switch: str, item: InventoryItem, seconds: float
    ) -> tuple[ProbeReply, ProbeStream | None]:
        """There are no streams: the reply to a plain probe."""
        return await self.probe(switch, item, seconds), None

    async def close(self) -> None:
        """Close every connection."""
        await self._wire.close()

    async def _call(self, method: str, url: str, message_id: str, body: bytes, seconds: float) -> Answer:
        try:
            async with asyncio.timeout(seconds):
                return await self._wire.call(method, url, message_id, int(time.time()), body)
        except TimeoutError:
            raise BackEndFault(
                f"The webhook's receiver did not answer within {seconds:g} s; what it did is unknown."
            ) from None


def _applied(answer: Answer, assertion: Assertion) -> Applied:
    """What the answer claims; anything but an echo of the order is no claim."""
    value = answer.value or {}
    generation = value.get("generation")
    held = generation if isinstance(generation, int) and not isinstance(generation, bool) else 0
    if answer.status in _REFUSALS:
        kind = _REFUSALS[answer.status]
        raise BackEndRefusal(kind, f"The webhook's receiver refused with {answer.status} ({kind}).", held)
    if answer.status in (401, 403):
        raise BackEndFault(
            "The webhook's receiver refuses the signature; give plane and receiver the same signing key."
        )
    if answer.status != 200:
        raise BackEndFault(f"The webhook's receiver answered {answer.status}; what it did is unknown.")
    if held != assertion.generation or value.get("state") != assertion.want:
        raise BackEndFault("The webhook's receiver did not echo state and generation; what it did is unknown.")
    return Applied(assertion.want, held, 0, value.get("durable") is True)


def _now() -> datetime:
    return datetime.now(UTC)
