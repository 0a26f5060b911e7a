"""The real range as a child process, driven as a control plane and a range master would drive it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from console.domain.times import format_utc
from tests.waiting import wait_until

SECRETS = {
    "control_token": "control-" + "c" * 24,
    "probe_token": "probe-" + "p" * 24,
    "range_token": "range-" + "r" * 24,
}
ASK = {
    "tenant": "tenant.borealis", "surface": "surface.assistant", "region": "region.north", "input": "What is the fee?",
    "max_tokens": 40,
}  # fmt: skip


def command(settings: dict[str, Any], folder: Path, *more: str) -> list[str]:
    """The command line of a range with these settings."""
    path = folder / "range.json"
    path.write_text(json.dumps({"state_dir": str(folder / "state"), **settings}), encoding="utf-8")
    return [sys.executable, "-m", "console.cli", "simulator", "run", "--config", str(path), *more]


class RangeProcess:
    """One running range; leave it as a context manager and it is gone, whatever happened meanwhile."""

    def __init__(self, settings: dict[str, Any], folder: Path, *more: str) -> None:
        self.log = folder / "range.log"
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                command(settings, folder, "--secrets-stdin", *more),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink, start_new_session=True,
            )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(SECRETS).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        self.ready: dict[str, Any] = json.loads(line) if line else {}
        self.session = requests.Session()
        self.session.trust_env = False

    def __enter__(self) -> Self:
        assert self.ready.get("ready") is True, self.log.read_text(encoding="utf-8")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.session.close()
        process = self.process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def gateway_pid(self) -> int:
        """The process id of the gateway now."""
        return int(self.range("GET", "")["gateway"]["pid"])

    def range(self, method: str, path: str, body: object = None) -> Any:
        """A range control request that must succeed."""
        return self._call(method, f"{self.ready['range_url']}/range{path}", SECRETS["range_token"], body)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """A control request to the gateway that must succeed."""
        return self._call(method, self.ready["url"] + path, SECRETS["control_token"], body)

    def throw(self, want: str, generation: int, target: str = "tenant.borealis") -> Any:
        """A tenant switch command."""
        body = {
            "want": want, "generation": generation, "command_id": f"command-{target}-{generation}".replace(".", "-"),
            "expires": format_utc(datetime.now(UTC) + timedelta(seconds=30)),
        }  # fmt: skip
        return self.control("PUT", f"/control/switches/FF_TENANT_BLOCK/{target}", body)

    def probe(self, **more: Any) -> requests.Response:
        """One probe through the data path."""
        headers = {"x-probe": SECRETS["probe_token"]}
        return self.session.post(
            self.ready["url"] + "/v1/chat", json=ASK | more, headers=headers, timeout=10, stream="hold" in more
        )  # fmt: skip

    def batches(self) -> Iterator[dict[str, Any]]:
        """Telemetry batches from now on, until the stream ends."""
        headers = {"Authorization": f"Bearer {SECRETS['control_token']}"}
        with self.session.get(
            self.ready["url"] + "/telemetry/stream", headers=headers, stream=True, timeout=10
        ) as response:  # fmt: skip
            for line in response.iter_lines():
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])

    def mean_of(self, metric: str, tenant: str, least: int, accept: Callable[[float], bool]) -> float:
        """The mean of a metric over at least `least` samples in a row, once `accept` takes it; at most 200 batches."""
        total = count = 0.0
        mean = float("nan")
        for tried, batch in enumerate(self.batches()):
            for sample in batch["samples"]:
                if sample["metric"] == metric and sample["dims"]["tenant"] == tenant:
                    total, count = total + sample["sum"], count + sample["n"]
            if count >= least:
                mean = total / count
                if accept(mean):
                    return mean
                total = count = 0.0
            if tried >= 200:
                break
        raise AssertionError(f"{metric} of {tenant} stayed at {mean}")

    def _call(self, method: str, url: str, token: str, body: object) -> Any:
        response = self.session.request(
            method, url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )  # fmt: skip
        assert response.ok, response.text
        return response.json() if response.content else None


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody waited for counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def wait_gone(*pids: int) -> None:
    """Waits until these processes have ended."""
    wait_until(lambda: all(is_gone(pid) for pid in pids), 20.0, f"the end of {pids}")
