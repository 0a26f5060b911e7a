"""Settings files: what they may hold, and a sentence with file, line and field for what they may not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from console.config import Settings, SettingsError, load, read


@dataclass(frozen=True)
class Limits:
    seconds: float
    tries: int = 3


@dataclass(frozen=True)
class Example:
    name: str
    folder: Path | None = None
    mode: Literal["slow", "fast"] = "slow"
    loud: bool = False
    hosts: tuple[str, ...] = ()
    limits: Limits = field(default_factory=lambda: Limits(1.0))


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def test_a_probe_table_names_paths_and_token_files_by_environment(settings: Path) -> None:
    settings.write_text(
        '[probe]\nenvironment.range = "http://127.0.0.1:8080"\n\n[probe.token_file]\nrange = "range.token"\n', "utf-8"
    )
    probe = load(settings).probe
    assert dict(probe.environment) == {"range": "http://127.0.0.1:8080"}
    assert dict(probe.token_file) == {"range": settings.parent / "range.token"}
    settings.write_text("[probe.environment]\nrange = 8080\n", "utf-8")
    with pytest.raises(SettingsError, match=r"line 2: probe\.environment\.range must be text"):
        load(settings)
    settings.write_text('[probe]\nenvironment = "http://127.0.0.1"\n', "utf-8")
    with pytest.raises(SettingsError, match=r"probe\.environment must be a table"):
        load(settings)


def test_no_file_means_the_defaults(settings: Path) -> None:
    assert load(settings) == Settings()


def test_every_kind_of_field(settings: Path) -> None:
    settings.write_text(
        'name = "x"\nfolder = "there"\nmode = "fast"\nloud = true\nhosts = ["a", "b"]\n'
        "[limits]\nseconds = 2\ntries = 4\n"
    )
    assert read(settings, Example) == Example(
        "x", settings.parent / "there", "fast", True, ("a", "b"), Limits(seconds=2.0, tries=4)
    )


def test_home_and_absolute_paths_stay(settings: Path) -> None:
    settings.write_text('store = "~/store"\n')
    assert load(settings).store == Path("~/store").expanduser()


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('name = "x"\nnmae = "y"\n', 2, "nmae is not a setting; did you mean name?"),
        ('name = "x"\n\nloud = "yes"\n', 3, "loud must be true or false"),
        ("name = 1\n", 1, "name must be text"),
        ('name = "x"\nmode = "medium"\n', 2, "mode must be one of slow, fast"),
        ('name = "x"\nhosts = "a"\n', 2, "hosts must be a list"),
        ('name = "x"\nhosts = [1]\n', 2, "hosts must be text"),
        ('name = "x"\nlimits = 3\n', 2, "limits must be a table"),
        ('name = "x"\n[limits]\nseconds = 1\ntries = 2.5\n', 4, "limits.tries must be a whole number"),
        ('name = "x"\n[limits]\nseconds = 1\ntries = true\n', 4, "limits.tries must be a whole number"),
        ('name = "x"\n[limits]\ntries = 1\n', None, "limits.seconds is missing"),
        ('name = "x"\n[other]\ny = 1\n', 2, "other is not a setting"),
        ("", None, "name is missing"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(settings: Path, text: str, line: int | None, says: str) -> None:
    settings.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read(settings, Example)
    where = f"{settings}, line {line}: " if line else f"{settings}: "
    assert caught.value.sentence == f"{where}{says}."


def test_a_field_of_the_same_name_elsewhere_is_not_blamed(settings: Path) -> None:
    settings.write_text('tries = 1\nname = "x"\n[limits]\nseconds = "soon"\n')
    with pytest.raises(SettingsError, match=r"line 1: tries is not a setting"):
        read(settings, Example)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"name = \n", "line 1"), (b"name = \xff\n", "not UTF-8"), (b'name = "a"\nname = "b"\n', "line 2")],
)
def test_what_is_not_toml_is_refused_in_a_sentence(settings: Path, content: bytes, says: str) -> None:
    settings.write_bytes(content)
    with pytest.raises(SettingsError, match=says):
        read(settings, Example)


def test_a_folder_is_not_a_settings_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path)
