"""Every file in tests/data/policy/bad is broken in one way, and says in its last lines what the loader must say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from console.policy import Policy, PolicyError, load

DATA = Path(__file__).parents[2] / "data" / "policy"
BAD = sorted((DATA / "bad").glob("*.yml"))
MARK = "# expect: "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good policy folder of its own, named `data` as in the sentences."""
    return Path(shutil.copytree(DATA / "good", tmp_path / "data"))


def test_the_good_folder_is_good(folder: Path) -> None:
    assert isinstance(load(folder), Policy)


def test_there_are_bad_files_for_every_file() -> None:
    assert len(BAD) >= 90
    assert {path.name.partition("__")[0] for path in BAD} == {
        str(path.relative_to(DATA / "good").with_suffix("")).replace("/", "-")
        for path in (DATA / "good").rglob("*.yml")
    }


@pytest.mark.parametrize("bad", BAD, ids=lambda path: path.stem)
def test_a_broken_file_names_file_line_and_field(bad: Path, folder: Path) -> None:
    place = bad.name.partition("__")[0].replace("-", "/") + ".yml"
    shutil.copy(bad, folder / place)
    expected = [line.removeprefix(MARK) for line in bad.read_text().splitlines() if line.startswith(MARK)]
    with pytest.raises(PolicyError) as caught:
        load(folder)
    assert expected
    assert [problem.sentence for problem in caught.value.problems] == expected
    first, more = expected[0], len(expected) - 1
    assert caught.value.sentence.startswith(first)
    assert (f"({more} more" in caught.value.sentence) == (more > 0)
    assert caught.value.problems[0].line > 0
    assert caught.value.exit_code == 2


def test_problems_of_several_files_come_together(folder: Path) -> None:
    for bad in ("roles__alias_of_nobody", "triage__unknown_action", "switches__unknown_kind"):
        shutil.copy(DATA / "bad" / f"{bad}.yml", folder / f"{bad.partition('__')[0]}.yml")
    with pytest.raises(PolicyError) as caught:
        load(folder)
    assert [problem.file for problem in caught.value.problems] == [
        "data/roles.yml",
        "data/switches.yml",
        "data/triage.yml",
    ]
    assert caught.value.sentence.endswith("(2 more problems in these files.)")


def test_a_mistyped_role_gets_a_suggestion(folder: Path) -> None:
    shutil.copy(DATA / "bad" / "switches__unknown_owner_role.yml", folder / "switches.yml")
    with pytest.raises(PolicyError) as caught:
        load(folder)
    assert caught.value.sentence == (
        "data/switches.yml line 17: switches.FF_TENANT_BLOCK.owner_role: there is no role 'incident_comander'; "
        "did you mean incident_commander?"
    )
