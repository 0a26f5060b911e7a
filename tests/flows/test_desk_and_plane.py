"""The shipped desk and the shipped plane over real HTTP: nothing lost over a restart, and a kill that is proven."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from console.domain.changes import Changes
from console.domain.commands import Order
from console.domain.inventory import BlastRadius
from console.domain.times import format_utc, parse_utc
from console.proof.canonical import canonical
from console.protocol.messages import SelectAnswer
from console.runtime.desk import Desk, DeskSettings
from console.store.readers import Reader
from console.store.record import Record
from tests.fakes.desks import note, now
from tests.fakes.gateway import FakeGateway
from tests.fakes.people import fresh_id
from tests.fakes.planes import BLOCK, BOREALIS, COMMANDER, DESK, PEOPLE, POLICY, World
from tests.waiting import wait_until


def desk(folder: Path, url: str) -> Desk:
    return Desk(DeskSettings(folder=folder, device_key=DESK, exercise=True, plane_url=url, policy_hash=POLICY.hash))


def all_arrived(reader: Reader) -> bool:
    """Every event of ours accepted, with its receipt, and at a position of our copy of the journal."""
    mine = reader.value("SELECT count(*) FROM event WHERE origin = 'own'")
    placed = reader.value(
        "SELECT count(*) FROM event e JOIN journal j ON j.event_id = e.event_id AND j.event_hash = e.hash "
        "JOIN receipt r ON r.event_id = e.event_id WHERE e.origin = 'own' AND j.status = 'accepted' AND j.gpos = r.gpos"
    )
    return bool(mine == placed and reader.value("SELECT count(*) FROM outbox") == 0)


def test_what_is_written_while_the_plane_is_away_arrives_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.running() as (plane, _):
        url = plane.url
        with desk(tmp_path / "store", url) as opened:
            for n in range(10):
                opened.act(note, f"with the plane {n}").result(5)
            wait_until(lambda: opened.query(all_arrived), what="ten notes at the plane")
    with desk(tmp_path / "store", url) as opened:
        wait_until(lambda: opened.connection.state == "offline")
        for n in range(10):
            opened.act(note, f"without it {n}").result(5)
        assert opened.query(lambda db: db.value("SELECT count(*) FROM outbox")) == 10
    with world.running(certify=False) as (plane, client), desk(tmp_path / "store", plane.url) as opened:
        wait_until(lambda: opened.query(all_arrived), what="the other ten")
        ours = opened.query(lambda db: db.tuples("SELECT gpos, journal_hash FROM journal ORDER BY gpos"))
        theirs = [(entry["gpos"], entry["journal_hash"]) for entry in client.journal()]
        assert ours == theirs
        assert len(client.bodies("note.added")) == 20
        assert opened.query(lambda db: db.value("SELECT count(*) FROM alarm")) == 0


def order(record: Record, shown: SelectAnswer, incident: str) -> Order:
    at = now()
    return Order(
        command_id=fresh_id(), incident=incident, switch=BLOCK, target=BOREALIS, want="stopped", epoch=shown.epoch,
        generation=shown.generation, blast_radius=BlastRadius(shown.scope, tuple(shown.ids)), policy_hash=POLICY.hash,
        expires=format_utc(at + timedelta(seconds=30)), authorised_at=format_utc(at), reason="not grounded",
        typed_name=POLICY.inventory.item(BOREALIS).name, dwell_ms=2_000, gesture="hold", person=COMMANDER,
        role="incident_commander", for_owner="", device=record.device_key.id, exercise=True,
        select_token=shown.select_token, confirmation=fresh_id(), criteria={},
    )  # fmt: skip


def confirm(record: Record, shown: SelectAnswer, incident: str, keep: Callable[[Order], None]) -> Changes:
    made = order(record, shown, incident)
    text = canonical(made.as_object())
    with record.transaction() as tx:
        tx.insert_command(made, text.decode(), DESK.sign_text(text), PEOPLE[COMMANDER].sign_text(text))
    keep(made)
    return tx.changes


def row(opened: Desk, command_id: str) -> dict[str, Any]:
    return opened.query(lambda db: db.row("SELECT * FROM command WHERE command_id = ?", (command_id,))) or {}


def test_a_kill_goes_out_once_and_comes_back_proven(tmp_path: Path) -> None:
    world, incident, made = World(tmp_path), fresh_id(), list[Order]()
    with (
        FakeGateway() as gateway,
        world.running(gateway.url) as (plane, _),
        desk(tmp_path / "store", plane.url) as opened,
    ):
        wait_until(lambda: opened.connection.last_synced_us)
        shown = opened.errand(lambda client: client.select(incident, BLOCK, BOREALIS, "stopped")).result(10).answer
        opened.act(confirm, shown, incident, made.append).result(5)
        command_id = made[0].command_id
        wait_until(lambda: row(opened, command_id)["state"] == "verified", what="the stop to be verified")
        found = row(opened, command_id)
        assert [c["command_id"] for c in gateway.orders] == [command_id]
        assert gateway.held(BLOCK, BOREALIS).state == "stopped"
        clocks = [parse_utc(found[name]) for name in ("authorised_at", "sent_at", "acknowledged_at", "observed_at")]
        assert clocks[:3] == sorted(clocks[:3])
        assert clocks[1] <= clocks[3]
        assert found["offset_known"] == 1
        told = "SELECT count(*) FROM timeline WHERE incident = ? AND type IN ('switch.acknowledged', 'switch.observed')"
        wait_until(lambda: opened.query(lambda db: db.value(told, (incident,))) >= 2, what="the plane's own events")
