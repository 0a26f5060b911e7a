"""The range as it runs for real: two processes, real requests, kill -9, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from console.simulator.folder import SECRETS_FILE, SWITCH_FILE
from tests.flows.range_process import SECRETS, RangeProcess, command, wait_gone
from tests.waiting import wait_until

QUIET: dict[str, Any] = {"speed": 0, "seed": 1}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RangeProcess]:
    """One range without load, for tests that leave it as they found it."""
    with RangeProcess(QUIET, tmp_path_factory.mktemp("range")) as running:
        yield running


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
    with RangeProcess({"speed": 4, "seed": 7}, tmp_path) as running:
        running.mean_of("grounding_score", "tenant.borealis", 40, lambda mean: mean > 0.83)
        fault = {"fault": "grounding_fall", "target": "tenant.borealis", "intensity": 1}
        fault_id = running.range("POST", "/faults", fault)["id"]
        running.mean_of("grounding_score", "tenant.borealis", 40, lambda mean: mean < 0.5)
        running.mean_of("http_error_rate", "tenant.borealis", 20, lambda mean: mean == 0)
        running.mean_of("latency_ms", "tenant.borealis", 20, lambda mean: mean < 1000)
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


def test_secrets_are_in_no_command_line_environment_or_log(quiet: RangeProcess) -> None:
    for pid in (quiet.process.pid, quiet.gateway_pid):
        for name in ("cmdline", "environ"):
            seen = Path(f"/proc/{pid}/{name}").read_bytes()
            assert not any(secret.encode() in seen for secret in SECRETS.values())
    for path in [*Path(quiet.ready["state_dir"]).iterdir(), quiet.log]:
        assert not any(secret.encode() in path.read_bytes() for secret in SECRETS.values()), path


def test_each_interface_takes_its_own_token_and_name_only(quiet: RangeProcess) -> None:
    range_url = quiet.ready["range_url"] + "/range"
    for url, wrong in ((range_url, "control_token"), (quiet.ready["url"] + "/control/state", "range_token")):
        for token in ("", SECRETS["probe_token"], SECRETS[wrong]):
            headers = {"Authorization": f"Bearer {token}"}
            assert quiet.session.get(url, headers=headers, timeout=10).status_code == 401
    rebound = {"Authorization": f"Bearer {SECRETS['range_token']}", "Host": "rebound.example"}
    assert quiet.session.get(range_url, headers=rebound, timeout=10).status_code == 421


def test_range_control_refuses_what_makes_no_sense(quiet: RangeProcess) -> None:
    headers = {"Authorization": f"Bearer {SECRETS['range_token']}"}
    good = {"fault": "grounding_fall", "target": "tenant.borealis", "intensity": 1}
    for method, path, sent, expected in (
        ("POST", "/faults", {**good, "fault": "meteor"}, 422),
        ("POST", "/faults", {**good, "target": "tenant.nobody"}, 422),
        ("POST", "/faults", {**good, "intensity": 2}, 422),
        ("POST", "/faults", {**good, "more": 2}, 422),
        ("DELETE", "/faults/none", None, 404),
        ("POST", "/restart-gateway", {"signal": "STOP"}, 422),
        ("POST", "/restart-gateway", {}, 422),
    ):
        url = f"{quiet.ready['range_url']}/range{path}"
        answer = quiet.session.request(method, url, json=sent, headers=headers, timeout=10)
        assert answer.status_code == expected, answer.text
    assert quiet.range("GET", "")["faults"] == []


def test_a_taken_port_and_a_folder_in_use_are_refused_in_one_sentence(quiet: RangeProcess, tmp_path: Path) -> None:
    code, said = refused(tmp_path, {**QUIET, "state_dir": quiet.ready["state_dir"]})
    assert (code, said.count("\n")) == (3, 1)
    assert "Another simulator holds the folder" in said
    code, said = refused(tmp_path, QUIET, "--port", str(quiet.ready["port"]))
    assert (code, said.count("\n")) == (3, 1)
    assert f"port {quiet.ready['port']}" in said
    assert "--port" in said


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
