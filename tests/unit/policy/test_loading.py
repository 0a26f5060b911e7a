"""Loading a folder: what is read, what is refused, what the hash is over, and what a keeper keeps."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.policy import PolicyError, PolicyKeeper, Problem, default_path, load
from console.policy.reading import MAX_FILE_BYTES

GOOD = Path(__file__).parents[2] / "data" / "policy" / "good"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOOD, tmp_path / "data"))


def problems(path: Path) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load(path)
    return [problem.sentence for problem in caught.value.problems]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert problems(tmp_path / "none") == [
        f"{tmp_path}/none: there is no such folder; name the folder of the policy files."
    ]


def test_a_file_instead_of_a_folder(folder: Path) -> None:
    assert "there is no such folder" in problems(folder / "roles.yml")[0]


def test_an_empty_folder_names_every_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    found = problems(tmp_path / "data")
    assert len(found) == 9
    assert "data/roles.yml: the file is missing; restore it." in found
    assert "data/systems/*.yml: there is no systems inventory; add a file for each environment." in found


def test_a_missing_file_is_the_only_problem(folder: Path) -> None:
    (folder / "switches.yml").unlink()
    assert problems(folder) == ["data/switches.yml: the file is missing; restore it."]


@pytest.mark.parametrize("name", ["swiches.yml", "systems/other.yaml", "runbooks/new.yml"])
def test_a_file_that_nothing_reads(folder: Path, name: str) -> None:
    (folder / name).write_text("a: 1\n")
    assert problems(folder) == [f"data/{name}: nothing reads this file; correct its name or move it out of the policy."]


def test_other_folders_are_for_others_but_count_in_the_hash(folder: Path) -> None:
    before = load(folder).hash
    (folder / "drills").mkdir()
    (folder / "drills" / "one.yml").write_text("anything: &goes 1\n")
    assert load(folder).hash != before


def test_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "roles.yml", tmp_path / "elsewhere.yml")
    (folder / "roles.yml").symlink_to(tmp_path / "elsewhere.yml")
    assert problems(folder) == ["data/roles.yml: this is a link; put the file itself here."]


def test_a_linked_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "systems", tmp_path / "systems")
    (folder / "systems").symlink_to(tmp_path / "systems")
    assert "data/systems: this is a link; put the file itself here." in problems(folder)


def test_a_pipe_is_refused_without_waiting(folder: Path) -> None:
    (folder / "roles.yml").unlink()
    os.mkfifo(folder / "roles.yml")
    assert problems(folder) == ["data/roles.yml: this is not a regular file; put a file here."]


def test_a_file_too_large_is_refused(folder: Path) -> None:
    with (folder / "roles.yml").open("a") as file:
        file.write("#" * MAX_FILE_BYTES)
    assert problems(folder) == [f"data/roles.yml: the file is larger than {MAX_FILE_BYTES} bytes; split it."]


def test_text_that_is_not_utf8_is_refused_at_its_line(folder: Path) -> None:
    text = (folder / "roles.yml").read_bytes().replace(b"boss:", b"b\xf6ss:")
    (folder / "roles.yml").write_bytes(text)
    assert problems(folder) == ["data/roles.yml line 5: the file is not UTF-8 text; save it as UTF-8."]


def test_an_unreadable_control_character_is_refused(folder: Path) -> None:
    text = (folder / "roles.yml").read_bytes().replace(b"boss:", b"b\x00ss:")
    (folder / "roles.yml").write_bytes(text)
    assert problems(folder)[0].startswith("data/roles.yml line 5: this is not readable as YAML")


def test_the_same_item_in_two_systems_files(folder: Path) -> None:
    shutil.copy(folder / "systems" / "tiny.yml", folder / "systems" / "twin.yml")
    found = problems(folder)
    assert (
        "data/systems/twin.yml line 5: items.tenant.one: systems/tiny.yml has this item too; an id names one thing."
        in found
    )


def test_two_environments_stand_side_by_side(folder: Path) -> None:
    text = (folder / "systems" / "tiny.yml").read_text()
    for old, new in (("tiny", "twin"), ("tenant.one", "tenant.two"), ("tool.pay", "tool.post"), ("0001", "0002")):
        text = text.replace(old, new)
    (folder / "systems" / "twin.yml").write_text(text)
    inventory = load(folder).inventory
    assert inventory.probe_identities == {"environment.tiny": "tiny-probe", "environment.twin": "twin-probe"}
    assert inventory.blast_radius("environment.tiny").ids == ("environment.tiny", "tenant.one", "tool.pay")


def test_the_hash_is_what_sha256sum_and_sort_give(folder: Path) -> None:
    (folder / "templates").mkdir()
    (folder / "templates" / "status page.txt").write_bytes(b"\xff\x00 any bytes")
    command = r"find . -type f -printf '%P\0' | xargs -0 sha256sum | LC_ALL=C sort | sha256sum"
    shell = subprocess.run(["bash", "-c", command], cwd=folder, check=True, capture_output=True, text=True)
    assert load(folder).hash == shell.stdout.split()[0]


def test_the_hash_sees_a_comment_and_a_name_but_not_tools(folder: Path) -> None:
    hashes = [load(folder).hash]
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x.yml").write_text("x")
    (folder / ".switches.yml.swp").write_text("x")
    assert load(folder).hash == hashes[0]
    with (folder / "roles.yml").open("a") as file:
        file.write("# one more comment\n")
    hashes.append(load(folder).hash)
    shutil.move(folder / "systems" / "tiny.yml", folder / "systems" / "renamed.yml")
    hashes.append(load(folder).hash)
    assert len(set(hashes)) == 3


def test_a_keeper_keeps_the_last_good_copy(folder: Path) -> None:
    keeper = PolicyKeeper(folder)
    good = keeper.current
    original = (folder / "switches.yml").read_text()
    (folder / "switches.yml").write_text(original.replace("dwell_ms: 1500", "dwell_ms: none"))
    error = keeper.reload()
    assert error is not None
    assert error.sentence.startswith("data/switches.yml line 2: times.dwell_ms: must be a whole number")
    assert keeper.current is good
    (folder / "switches.yml").write_text(original.replace("dwell_ms: 1500", "dwell_ms: 2500"))
    assert keeper.reload() is None
    assert keeper.current.switches.times.dwell_ms == 2500
    assert keeper.current.hash != good.hash
    shutil.rmtree(folder)
    assert keeper.reload() is not None
    assert keeper.current.switches.times.dwell_ms == 2500


def test_a_keeper_needs_a_good_policy_to_begin_with(folder: Path) -> None:
    (folder / "roles.yml").write_text("")
    with pytest.raises(PolicyError):
        PolicyKeeper(folder)


def test_loading_what_is_shipped_is_fast() -> None:
    path = default_path()
    load(path)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        load(path)
        times.append(time.perf_counter() - began)
    assert statistics.median(times) < 0.3


@given(st.data())
def test_a_damaged_file_gives_a_sentence_or_a_policy_and_nothing_else(data: st.DataObject) -> None:
    """Cut a run of bytes out of one file, put some in: whatever comes of it, nothing but a PolicyError may escape."""
    names = sorted(str(path.relative_to(GOOD)) for path in GOOD.rglob("*.yml"))
    name = data.draw(st.sampled_from(names))
    content = (GOOD / name).read_bytes()
    at = data.draw(st.integers(0, len(content)))
    cut = data.draw(st.integers(0, 40))
    put = data.draw(
        st.one_of(st.binary(max_size=12), st.sampled_from([b"\n", b": ", b"- ", b"[", b"}", b'"', b"*a", b"? "]))
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(GOOD, Path(place, "data")))
        (folder / name).write_bytes(content[:at] + put + content[at + cut :])
        found = _problems_or_none(folder)
    assert found is None or (found and all(problem.file.startswith("data/") for problem in found))


def _problems_or_none(folder: Path) -> tuple[Problem, ...] | None:
    try:
        load(folder)
    except PolicyError as error:
        return error.problems
    return None
