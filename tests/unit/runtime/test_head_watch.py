"""The newest event kept outside the store: an older copy put back is found before anything is written, offline too."""

import shutil
from pathlib import Path

import pytest

from console.remote.kept_head import KeyringHead
from console.remote.keychain import KeychainSilent
from console.runtime.desk import Desk, DeskSettings
from tests.fakes.desks import note
from tests.fakes.people import DESK


class Drawer:
    """A place outside the store."""

    def __init__(self, text: str = "") -> None:
        self.text, self.kept = text, 0

    def load(self) -> str:
        return self.text

    def keep(self, text: str) -> None:
        self.text, self.kept = text, self.kept + 1


def desk(folder: Path, drawer: Drawer) -> Desk:
    return Desk(DeskSettings(folder=folder, device_key=DESK, exercise=True, head_keeper=drawer))


def alarms(opened: Desk) -> list[str]:
    return [kind for (kind,) in opened.query(lambda db: db.tuples("SELECT kind FROM alarm"))]


def chains(opened: Desk) -> list[tuple[int, str]]:
    return opened.query(lambda db: db.tuples("SELECT incarnation, type FROM event ORDER BY n"))


def test_an_older_copy_is_found_without_a_plane_and_goes_on_with_new_chains(tmp_path: Path) -> None:
    drawer = Drawer()
    with desk(tmp_path / "store", drawer) as opened:
        opened.act(note, "in the copy").result(5)
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    with desk(tmp_path / "store", drawer) as opened:
        opened.act(note, "not in the copy").result(5)
        assert alarms(opened) == []
    with desk(tmp_path / "copy", drawer) as restored:
        assert alarms(restored) == ["fork"]
        restored.act(note, "after it").result(5)
        assert chains(restored) == [(1, "note.added"), (2, "chain.restarted"), (2, "note.added")]
    with desk(tmp_path / "copy", drawer) as again:
        assert alarms(again) == ["fork"], "found once, not at every start"


def test_many_events_are_not_many_writes_outside(tmp_path: Path) -> None:
    drawer = Drawer()
    with desk(tmp_path / "store", drawer) as opened:
        for n in range(20):
            opened.act(note, str(n)).result(5)
        newest = opened.query(lambda db: db.value("SELECT hash FROM event ORDER BY n DESC"))
    assert drawer.text.endswith(newest)
    assert drawer.kept <= 2


@pytest.mark.parametrize("text", ["", "nonsense", "x y z", "1 2"])
def test_what_cannot_be_read_says_nothing(tmp_path: Path, text: str) -> None:
    with desk(tmp_path / "store", Drawer(text)) as opened:
        assert alarms(opened) == []


class Keychain:
    """A keyring in memory that may be locked."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.locked = False

    def load(self, name: str) -> str | None:
        self._unlocked()
        return self.secrets.get(name)

    def store(self, name: str, value: str) -> None:
        self._unlocked()
        self.secrets[name] = value

    def _unlocked(self) -> None:
        if self.locked:
            raise KeychainSilent("The keyring does not answer.")


def test_the_keyring_keeps_it_under_the_name_of_the_store(tmp_path: Path) -> None:
    keychain = Keychain()
    kept = KeyringHead(tmp_path, keychain)
    kept.keep("before there is an identity")
    assert (kept.load(), keychain.secrets) == ("", {})
    (tmp_path / "identity.name").write_text("desk-0123\n", "ascii")
    kept.keep("1 a b")
    assert (kept.load(), list(keychain.secrets)) == ("1 a b", ["desk-0123-head"])
    keychain.locked = True
    kept.keep("2 a b")
    assert kept.load() == ""
