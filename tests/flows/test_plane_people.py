"""`plane invite | grant | revoke | backup | restore` as processes, with the plane running and stopped; a restore's end.

What an operator types, what is printed, and what a restored plane does with old commands and a gateway ahead of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.commands import plane_backup
from console.domain.errors import ConsoleError
from console.plane import watching
from console.plane.blobs import MAGIC
from console.plane.db import Database, database_url
from console.plane.ledger import find
from tests.fakes.gateway import FakeGateway
from tests.fakes.people import OTHER_DESK
from tests.fakes.planes import BLOCK, BOREALIS, Client, World, fresh_id
from tests.flows.test_plane_api import refused as problem
from tests.flows.test_plane_process import call, certify, init, refused, running
from tests.flows.test_plane_trust import enrolment
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plane looks at its back-ends ten times a second here, so that waiting for it is short."""
    monkeypatch.setattr(watching, "EVERY_S", 0.1)


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as serving:
        yield serving
        serving.release()


def people(folder: Path, command: str, *arguments: str) -> Any:
    return call(command, *arguments, "--root-key", folder / "root.key", "--database", folder / "plane.db")


def test_invite_grant_and_revoke_while_it_is_stopped_and_while_it_runs(tmp_path: Path) -> None:
    init(tmp_path, "--exercise")
    done = people(tmp_path, "invite", "ada@example.org", "--role", "sre_on_call", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["person"], told["roles"]) == ("ada@example.org", ["sre_on_call"])
    with running(tmp_path) as (_, line), Client(line["url"], OTHER_DESK) as ada:
        assert ada.post("/v1/enrol", enrolment(told["code"])).json()["person"] == "ada@example.org"
        ada.log_in()
        second = people(tmp_path, "invite", "bob@example.org")
        code = second.stdout.decode().strip()
        assert (second.returncode, len(code)) == (0, 19)
        assert code not in second.stderr.decode()
        assert people(tmp_path, "grant", "bob@example.org", "incident_commander").returncode == 0
        assert ada.bodies("role.granted")[-1] == {"person": "bob@example.org", "role": "incident_commander"}
        assert code not in json.dumps(ada.journal())
        refused(people(tmp_path, "grant", "bob@example.org", "emperor"), "There is no role 'emperor'")
        taken = ("bob@example.org", "incident_commander", "--reason", "moved")
        assert people(tmp_path, "withdraw", *taken).returncode == 0
        assert ada.bodies("role.withdrawn")[-1]["person"] == "bob@example.org"
        refused(people(tmp_path, "withdraw", *taken), "does not hold the role incident_commander")
        refused(people(tmp_path, "revoke", "eve@example.org", "--reason", "x"), "Nobody called eve@example.org")
        refused(people(tmp_path, "revoke", "f" * 64, "--reason", "x"), "No device of that id")
        assert people(tmp_path, "revoke", OTHER_DESK.id, "--reason", "stolen").returncode == 0
        problem(ada.post("/v1/token", ada.token_request()), 403, "forbidden")
        assert code not in (tmp_path / "log").read_text()
    assert people(tmp_path, "revoke", "bob@example.org", "--reason", "left").returncode == 0
    refused(people(tmp_path, "invite", " "), "printable characters")
    elsewhere = ("--database", tmp_path / "elsewhere.db")
    refused(call("invite", "ada", "--root-key", tmp_path / "root.key", *elsewhere), "There is no plane in")
    refused(call("invite", "ada", "--root-key", tmp_path / "root.key", "--port", "1"), "No plane answers")
    wrong = call("invite", "ada", "--root-key", tmp_path / "plane-device.key", "--database", tmp_path / "plane.db")
    refused(wrong, "does not hold a organisation root key")


def test_a_backup_made_while_it_runs_is_put_back_under_a_new_epoch(tmp_path: Path) -> None:
    founded = init(tmp_path, "--exercise")
    database = ("--database", tmp_path / "plane.db")
    with running(tmp_path) as (_, line):
        certify(tmp_path, founded["root_chain"], line["url"])
        with Client(line["url"]) as desk:
            desk.log_in()
            incident = fresh_id()
            early, late = desk.note(incident), desk.note(incident)
            evidence = [stored(desk, b"in the backup")]
            first = desk.push(early)[0]
            assert call("backup", tmp_path / "backup", *database).returncode == 0
            desk.push(late)
            evidence.append(stored(desk, b"not in it"))
            before = desk.get("/v1/journal").json()
        refused(call("restore", tmp_path / "backup", *database), "Another plane runs")
        refused(call("backup", tmp_path / "backup", *database), "never overwritten")
    lost = tmp_path / "plane-blobs" / evidence[0][:2] / evidence[0][2:]
    lost.unlink()
    done = call("restore", tmp_path / "backup", *database)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["entries"], told["blobs"]) == (before["size"] - 1, 1)
    with running(tmp_path) as (_, line), Client(line["url"]) as desk:
        desk.log_in()
        assert desk.get("/v1/config").json()["epoch"] == told["epoch"] != before["epoch"]
        problem(desk.get(f"/v1/journal?epoch={before['epoch']}"), 410, "epoch_changed")
        (began,) = desk.bodies("epoch.began")
        assert (began["previous"], began["size"]) == (before["epoch"], before["size"] - 1)
        again = desk.push(early, late)
        assert [r["status"] for r in again] == ["accepted", "accepted"]
        assert (again[0]["gpos"], again[0]["server_sig"] == first["server_sig"]) == (first["gpos"], False)
        assert [desk.get(f"/v1/blobs/{name}").status_code for name in evidence] == [200, 200]


def stored(desk: Client, text: bytes) -> str:
    """The name of a blob that was put there."""
    data = MAGIC + text
    sha256 = hashlib.sha256(data).hexdigest()
    headers = {"Upload-Offset": "0", "Upload-Length": str(len(data))}
    assert desk.ask("PUT", f"/v1/blobs/{sha256}", data=data, headers=headers).json()["complete"]
    return sha256


def test_a_database_put_back_by_hand_is_noticed_at_the_start(tmp_path: Path) -> None:
    world = World(tmp_path)
    with running(tmp_path) as (process, line):
        certify(tmp_path, {"seq": 2, "hash": world.founded.root_chain.hash}, line["url"])
        with Client(line["url"]) as desk:
            desk.log_in()
            plane_backup.backup(tmp_path / "backup", database=str(tmp_path / "plane.db"))
            desk.push(desk.note(fresh_id()))
            guard = tmp_path / "plane-guard.json"
            size = desk.get("/v1/journal").json()["size"]
            wait_until(lambda: json.loads(guard.read_text())["gpos"] == size, what="the guard to follow")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    for part in tmp_path.glob("plane.db-*"):
        part.unlink()
    shutil.copyfile(tmp_path / "backup", tmp_path / "plane.db")
    with running(tmp_path) as (_, line), Client(line["url"]) as desk:
        (began,) = desk.log_in().bodies("epoch.began")
        assert f"{size} were acknowledged" in began["reason"]
    with running(tmp_path) as (_, line), Client(line["url"]) as desk:
        assert len(desk.log_in().bodies("epoch.began")) == 1  # once is enough


def test_killed_and_started_again_the_epoch_stays(tmp_path: Path) -> None:
    world = World(tmp_path)
    for _ in range(2):
        with running(tmp_path) as (process, line):
            with Client(line["url"], world.root) as root:
                assert root.log_in().bodies("epoch.began") == []
            os.kill(process.pid, signal.SIGKILL)
            process.wait()


def restored(world: World, backup: Path) -> None:
    plane_backup.restore(backup, database=str(world.folder / "plane.db"))


def test_a_restored_plane_learns_the_generation_its_gateway_is_at(
    tmp_path: Path, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(tmp_path)
    with world.running(gateway.url) as (_, desk):
        plane_backup.backup(tmp_path / "backup", database=str(tmp_path / "plane.db"))
        for want in ("stopped", "stopped"):
            assert desk.stop(fresh_id())["state"] == "verified", want
        reached = gateway.held(BLOCK, BOREALIS).generation
        assert reached == 2
    restored(world, tmp_path / "backup")
    asked = len(gateway.orders)
    with world.running(gateway.url, certify=False) as (_, desk):
        incident = fresh_id()
        wait_until(lambda: desk.select(incident)["generation"] == reached, what="the generation to be learnt")
        assert (len(gateway.orders), gateway.held(BLOCK, BOREALIS).state) == (asked, "stopped")
        status = desk.stop(incident)
        assert (status["state"], status["generation"]) == ("verified", reached + 1)
    assert "epoch" in capsys.readouterr().out


def test_a_restored_plane_sends_no_old_command_again(
    tmp_path: Path, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    """The backup holds a command that was on its way; nobody restored it since, and it has not ended either."""
    world = World(tmp_path)
    gateway.holds = "effect"
    with world.running(gateway.url) as (_, desk):
        incident = fresh_id()
        order = desk.order(incident, desk.select(incident))
        assert desk.send(order).status_code == 202
        wait_until(lambda: gateway.orders, what="the gateway to have the order")
        plane_backup.backup(tmp_path / "backup", database=str(tmp_path / "plane.db"))
        gateway.restart(keeps=False)
    gateway.release()
    gateway.throw(BLOCK, BOREALIS, "running", 0, "")
    restored(world, tmp_path / "backup")
    assert commanded(tmp_path, order.command_id) in ("acknowledged", "dispatched", "unknown")
    gateway.orders.clear()
    with world.running(gateway.url, certify=False) as (_, desk):
        state = wait_until(lambda: over(desk, order.command_id), what="the old command to be ended")
        assert state == "expired"
        assert "restored from a backup" in desk.bodies("switch.ended", incident)[-1]["sentence"]
        assert gateway.orders == []
        stale = desk.send(desk.order(incident, desk.select(incident) | {"epoch": order.epoch}))
        problem(stale, 410, "epoch_changed")
    assert "epoch" in capsys.readouterr().out


def over(desk: Client, command: str) -> str:
    state: str = desk.status(command)["state"]
    return "" if state in ("acknowledged", "dispatched", "unknown") else state


def commanded(folder: Path, command: str) -> str:
    database = Database.opened(database_url(str(folder / "plane.db")))
    try:
        row = database.write_now(lambda tx: find(tx.connection, command))
    finally:
        database.close()
    assert row is not None
    return row.state


def test_a_restore_needs_a_backup_of_this_plane(tmp_path: Path) -> None:
    World(tmp_path)
    with pytest.raises(ConsoleError, match="There is no backup"):
        plane_backup.restore(tmp_path / "none", database=str(tmp_path / "plane.db"))
