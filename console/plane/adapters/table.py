"""The adapters there are, by the name that `data/systems` uses; the only place that names them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from console.domain.inventory import Inventory
from console.plane.adapters import haproxy, ofrep, openbao, postgres, redis, simulator, webhook
from console.plane.backends import BackEnd
from console.plane.settings import PlaneSettings, Secrets

ADAPTERS: Mapping[str, Callable[[PlaneSettings, Secrets, Inventory], BackEnd | None]] = {
    "simulator": simulator.connect,
    "haproxy": haproxy.connect,
    "ofrep": ofrep.connect,
    "redis": redis.connect,
    "webhook": webhook.connect,
    "postgres": postgres.connect,
    "openbao": openbao.connect,
}


def connected(settings: PlaneSettings, secrets: Secrets, inventory: Inventory) -> dict[str, BackEnd]:
    """Every back-end the settings give an address for, by adapter name."""
    found = {name: connect(settings, secrets, inventory) for name, connect in ADAPTERS.items()}
    return {name: back_end for name, back_end in found.items() if back_end is not None}
