"""Facilitator's remote control of a running range: inject a fault, take it away, restart the gateway, ask how it goes.

Speaks to the supervisor on the loopback only; the token is the one the range was started with.
"""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from console.domain.errors import EnvironmentFault

ANSWER_WITHIN_S = 60.0
MAX_ANSWER = 1024 * 1024


class RangeClient:
    """One short connection a request; `range_url` is that of the simulator's ready line."""

    def __init__(self, range_url: str, token: str) -> None:
        parts = urlsplit(range_url)
        self._host, self._port, self._token = parts.hostname or "", parts.port or 0, token

    def state(self) -> dict[str, Any]:
        """Trace, speed, what was sent and shed, faults, the gateway's process and boot id."""
        return self._ask("GET", "/range")

    def inject(self, fault: str, target: str, intensity: float = 1.0) -> str:
        """Starts a fault at an inventory target; returns its id."""
        return str(self._ask("POST", "/range/faults", {"fault": fault, "target": target, "intensity": intensity})["id"])

    def withdraw(self, fault_id: str) -> None:
        """Ends a fault."""
        self._ask("DELETE", f"/range/faults/{fault_id}")

    def restart_gateway(self, signal: str = "KILL") -> dict[str, Any]:
        """Ends the gateway's process by `signal` (TERM or KILL) and starts it again; both boot ids, downtime in ms."""
        return self._ask("POST", "/range/restart-gateway", {"signal": signal})

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_WITHIN_S)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read(MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise EnvironmentFault(f"The range did not answer {method} {path} ({error}); see its log.") from error
        finally:
            connection.close()
        if answer.status >= 300:
            raise EnvironmentFault(f"The range refused {method} {path}: {text[:300].decode('utf-8', 'replace')}")
        value = json.loads(text) if text else {}
        return value if isinstance(value, dict) else {}
