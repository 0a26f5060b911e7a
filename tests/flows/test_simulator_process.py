"""The range as it runs for real: two processes, real requests, kill -9, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from console.simulator.folder import SECRETS_FILE, SWITCH_FILE
from tests.flows.range_process import SECRETS, RangeProcess, command, wait_gone
from tests.waiting import wait_until

QUIET: dict[str, Any] = {"speed": 0, "seed": 1}


def refused(folder: Path, settings: dict[str, Any], *more: str) -> tuple[int, str]:
    """Exit code and standard error of a range that does not start."""
    done = subprocess.run(
        command(settings, folder, *more), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )  # fmt: skip
    assert done.stdout == b""
    return done.returncode, done.stderr.decode()


def test_it_serves_under_load_and_ends_on_sigterm(tmp_path: Path) -> None:
    with RangeProcess({"speed": 1, "seed": 7}, tmp_path) as running:
        ready = running.ready
        assert ready["url"] == f"http://127.0.0.1:{ready['port']}"
        wait_until(lambda: running.range("GET", "")["answered"] > 40, 30.0)
        state = running.range("GET", "")
        assert state["gateway"]["boot_id"] == ready["boot_id"] == running.control("GET", "/control/state")["boot_id"]
        assert state["trace"]["name"] == "generated, seed 7"
        assert (state["shed"], state["failed"], state["faults"]) == (0, 0, [])
        gateway = running.gateway_pid
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
        wait_gone(gateway)
        assert running.log.read_text(encoding="utf-8") == ""


def test_a_fault_shows_in_behaviour_alone_outlives_a_restart_and_goes_away(tmp_path: Path) -> None:
    with RangeProcess({"speed": 2, "seed": 7}, tmp_path) as running:
        running.mean_of("grounding_score", "tenant.borealis", 40, lambda mean: mean > 0.83)
        fault = {"fault": "grounding_fall", "target": "tenant.borealis", "intensity": 1}
        fault_id = running.range("POST", "/faults", fault)["id"]
        running.mean_of("grounding_score", "tenant.borealis", 40, lambda mean: mean < 0.5)
        running.mean_of("http_error_rate", "tenant.borealis", 40, lambda mean: mean == 0)
        running.mean_of("latency_ms", "tenant.borealis", 40, lambda mean: mean < 1000)
        running.range("POST", "/restart-gateway", {"signal": "TERM"})
        running.mean_of("grounding_score", "tenant.borealis", 40, lambda mean: mean < 0.5)
        running.mean_of("grounding_score", "tenant.cascade", 20, lambda mean: mean > 0.8)
        running.range("DELETE", f"/faults/{fault_id}")
        running.mean_of("grounding_score", "tenant.borealis", 40, lambda mean: mean > 0.83)
        assert running.range("GET", "")["faults"] == []


@pytest.mark.parametrize("how", ["TERM", "KILL"])
def test_a_stop_cuts_refuses_and_survives_a_restart(tmp_path: Path, how: str) -> None:
    with RangeProcess(QUIET, tmp_path) as running:
        stream = running.probe(hold=True)
        assert stream.status_code == 200
        answer = running.throw("stopped", 1)
        assert answer == {"applied": True, "state": "stopped", "generation": 1, "streams_cut": 1, "durable": True}
        text = b""
        with pytest.raises(requests.exceptions.ChunkedEncodingError):  # noqa: PT012 - what came before belongs to it
            for part in stream.iter_content(None):
                text += part
        assert b"event: cut" in text
        assert running.probe().json()["command_id"] == "command-tenant-borealis-1"
        before = running.range("GET", "")["gateway"]
        restarted = running.range("POST", "/restart-gateway", {"signal": how})
        after = running.range("GET", "")["gateway"]
        assert restarted["previous_boot_id"] == before["boot_id"] != restarted["boot_id"] == after["boot_id"]
        assert after["port"] == before["port"]
        assert 0 < restarted["downtime_ms"] < 20_000
        wait_gone(before["pid"])
        problem = running.probe()
        assert (problem.status_code, problem.json()["command_id"]) == (403, "command-tenant-borealis-1")
        assert running.throw("stopped", 1) == answer, "the ledger is durable too"
        running.throw("running", 2)
        assert running.probe().status_code == 200


def test_a_dropped_durable_state_is_found_out_by_a_restart(tmp_path: Path) -> None:
    with RangeProcess({**QUIET, "misbehave": {"drop_durable": True}}, tmp_path) as running:
        assert running.throw("stopped", 1)["durable"] is True
        assert running.probe().status_code == 403
        running.range("POST", "/restart-gateway", {"signal": "KILL"})
        assert running.probe().status_code == 200


def test_a_damaged_file_stops_everything_and_is_said_loudly(tmp_path: Path) -> None:
    with RangeProcess(QUIET, tmp_path) as running:
        (tmp_path / "state" / SWITCH_FILE).write_bytes(b"rubbish")
        running.range("POST", "/restart-gateway", {"signal": "TERM"})
        for tenant in ("tenant.borealis", "tenant.estuary"):
            assert running.probe(tenant=tenant).status_code == 403
        assert "damaged" in running.control("GET", "/control/state")["problem"]
        assert "everything is stopped" in running.log.read_text(encoding="utf-8")


def test_a_gateway_killed_from_outside_is_started_again(tmp_path: Path) -> None:
    with RangeProcess(QUIET, tmp_path) as running:
        running.throw("stopped", 1)
        dead = running.gateway_pid
        os.kill(dead, signal.SIGKILL)
        wait_until(lambda: running.gateway_pid not in (0, dead), 30.0)
        assert running.probe().status_code == 403
        assert "started again" in running.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("end", ["parent-gone", "killed"])
def test_nothing_outlives_whoever_started_it(tmp_path: Path, end: str) -> None:
    with RangeProcess({"speed": 1, "seed": 1}, tmp_path) as running:
        gateway = running.gateway_pid
        if end == "killed":
            running.process.kill()
        else:
            assert running.process.stdin is not None
            running.process.stdin.close()
        running.process.wait(20)
        wait_gone(gateway)


def test_secrets_are_in_no_command_line_environment_or_log(tmp_path: Path) -> None:
    with RangeProcess(QUIET, tmp_path) as running:
        for pid in (running.process.pid, running.gateway_pid):
            for name in ("cmdline", "environ"):
                seen = Path(f"/proc/{pid}/{name}").read_bytes()
                assert not any(secret.encode() in seen for secret in SECRETS.values())
        for path in [*(tmp_path / "state").iterdir(), running.log]:
            assert not any(secret.encode() in path.read_bytes() for secret in SECRETS.values()), path
        for url in (running.ready["range_url"] + "/range", running.ready["url"] + "/control/state"):
            for token in ("", SECRETS["probe_token"]):
                headers = {"Authorization": f"Bearer {token}"}
                assert running.session.get(url, headers=headers, timeout=10).status_code == 401
        assert running.session.get(
            running.ready["range_url"] + "/range", timeout=10,
            headers={"Authorization": f"Bearer {SECRETS['range_token']}", "Host": "rebound.example"},
        ).status_code == 421  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"fault": "meteor", "target": "tenant.borealis", "intensity": 1}, 422),
        ({"fault": "grounding_fall", "target": "tenant.nobody", "intensity": 1}, 422),
        ({"fault": "grounding_fall", "target": "tenant.borealis", "intensity": 2}, 422),
    ],
)
def test_range_control_refuses_what_makes_no_sense(
    tmp_path: Path, body: dict[str, Any], status: int
) -> None:  # fmt: skip
    with RangeProcess(QUIET, tmp_path) as running:
        headers = {"Authorization": f"Bearer {SECRETS['range_token']}"}
        for method, path, sent, expected in (
            ("POST", "/faults", body, status),
            ("DELETE", "/faults/none", None, 404),
            ("POST", "/restart-gateway", {"signal": "STOP"}, 422),
        ):
            answer = running.session.request(
                method, f"{running.ready['range_url']}/range{path}", json=sent, headers=headers, timeout=10
            )  # fmt: skip
            assert answer.status_code == expected, answer.text


def test_a_taken_port_and_a_folder_in_use_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with RangeProcess(QUIET, tmp_path) as running:
        code, said = refused(tmp_path, QUIET, "--port", str(running.ready["port"]))
        assert (code, said.count("\n")) == (3, 1)
        assert "Another simulator holds the folder" in said
        other = {**QUIET, "state_dir": str(tmp_path / "other")}
        code, said = refused(tmp_path, other, "--port", str(running.ready["port"]))
        assert (code, said.count("\n")) == (3, 1)
        assert f"port {running.ready['port']}" in said
        assert "--port" in said
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = refused(tmp_path, QUIET, "--port", str(taken.getsockname()[1]))
        assert (code, said.count("\n")) == (3, 1)


def test_a_broken_trace_or_settings_file_is_refused_before_anything_starts(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,\x1b[31mred\n", encoding="utf-8")
    code, said = refused(tmp_path, {"trace": str(trace)})
    assert (code, said.count("\n")) == (2, 1)
    assert "trace.csv" in said
    assert "line 2, field GeneratedTokens" in said
    assert "\x1b" not in said
    code, said = refused(tmp_path, {"speed": 600})
    assert (code, said.count("\n")) == (2, 1)
    assert "field speed" in said
    assert not (tmp_path / "state").exists()


def test_without_a_pipe_the_secrets_are_in_a_private_file(tmp_path: Path) -> None:
    process = subprocess.Popen(command(QUIET, tmp_path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        ready = json.loads(process.stdout.readline())
        path = Path(ready["secrets_file"])
        assert path == tmp_path / "state" / SECRETS_FILE
        assert path.stat().st_mode & 0o777 == 0o600
        token = json.loads(path.read_text(encoding="ascii"))["range_token"]
        with requests.get(
            ready["range_url"] + "/range", headers={"Authorization": f"Bearer {token}"}, timeout=10
        ) as found:
            gateway = found.json()["gateway"]["pid"]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        wait_gone(gateway)
