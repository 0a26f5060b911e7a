"""Settings: a TOML or JSON file read into a frozen dataclass, nothing more.

A missing file means the defaults; a broken one is refused with one sentence that names file, line and field. Secrets
never stand in a settings file. The plane and the range read dataclasses of their own through the same `read`.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

T = TypeVar("T")

LogLevel = Literal["debug", "info", "warning", "error"]

_TABLE = re.compile(r"^\s*\[([^\[\]]+)\]")
_WORDS: dict[type, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}


class SettingsError(Exception):
    """A settings file cannot be used as it stands; `sentence` says where and why, `exit_code` is the command line's."""

    exit_code = 2

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class ProbeTable:
    """Where this desk may look for itself, by environment (`environment.range = "http://127.0.0.1:8080"`).

    Attributes:
        environment: address of each environment's data path; it wins over data/systems.
        token_file: file (mode 0600) with the probe token of each environment; without one the keyring is asked.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    token_file: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """What a person may set for the desk; the command line's flags win over it.

    Attributes:
        name: what this person is called on this desk; asked for at the first start.
        store: folder of the desk's store; None means `console.paths.store_dir()`.
        plane: address of the control plane; None means work alone.
        plane_ca: file of the authority (PEM) that the plane's certificate comes from; None means the system's.
        log_level: the least serious records that go to the log file.
        idle_lock_s: lock after so many idle seconds; it can only shorten what the policy says. None means as it says.
        probe: where this desk may look for itself.
    """

    name: str | None = None
    store: Path | None = None
    plane: str | None = None
    plane_ca: Path | None = None
    log_level: LogLevel = "info"
    idle_lock_s: int | None = None
    probe: ProbeTable = field(default_factory=ProbeTable)


def load(path: Path) -> Settings:
    """Read the desk's settings; raises `SettingsError`."""
    return read(path, Settings) if path.exists() else Settings()


def remember(path: Path, *, name: str, plane: str) -> None:
    """Keeps name and plane ("" for none) in the settings file; every other line of it stays as it is.

    Raises `OSError` when it cannot be written, `SettingsError` for a file that cannot be used as it is.
    """
    load(path)
    lines = _text_of(path).splitlines() if path.exists() else []
    kept = [line for line in lines if not re.match(r"\s*(name|plane)\s*=", line)]
    # What JSON writes in quotes is a TOML string as well, the delete character apart.
    fresh = [f"{key} = {json.dumps(value)}" for key, value in (("name", name), ("plane", plane)) if value]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text("\n".join([*fresh, *kept]).replace("\x7f", "\\u007f") + "\n", encoding="utf-8")
    new.replace(path)


def read(path: Path, into: type[T]) -> T:
    """Read a TOML file (or, by its name, a JSON file) into the frozen dataclass `into`.

    Fields may be str, int, float, bool, Path, a Literal, a tuple or a Mapping (by name) of one of these, another
    dataclass (a table), or any of them or None. A relative Path is taken from the file's own folder. Raises
    `SettingsError` for a file that cannot be read, is not TOML or JSON, or holds an unknown, missing or wrong field.
    """
    text = _text_of(path)
    try:
        table = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is not a settings file: {error}.") from error
    if not isinstance(table, dict):
        raise SettingsError(f"{path} is not a settings file: it must hold one JSON object.")
    return _Reader(path, text).table(table, into, ())


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text (byte {error.start}).") from error


@dataclass(frozen=True)
class _Reader:
    """One file being read: turns tables into dataclasses and knows on which line a field stands."""

    path: Path
    text: str

    def table(self, table: dict[str, Any], into: type[T], at: tuple[str, ...]) -> T:
        hints = typing.get_type_hints(into)
        fields = {field.name: field for field in dataclasses.fields(into)}  # type: ignore[arg-type]
        for name in table:
            if name not in fields:
                near = difflib.get_close_matches(name, fields, 1)
                raise self._error((*at, name), "is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
        for name, one in fields.items():
            if name not in table and one.default is one.default_factory is dataclasses.MISSING:
                raise self._error((*at, name), "is missing")
        return into(**{name: self._value(value, hints[name], (*at, name)) for name, value in table.items()})

    def _value(self, value: Any, kind: Any, at: tuple[str, ...]) -> Any:
        if typing.get_origin(kind) in (types.UnionType, typing.Union):
            kind = next(one for one in typing.get_args(kind) if one is not type(None))
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            if not isinstance(value, dict):
                raise self._error(at, "must be a table")
            return self.table(value, kind, at)
        if typing.get_origin(kind) is Mapping:
            if not isinstance(value, dict):
                raise self._error(at, "must be a table")
            return {name: self._value(one, typing.get_args(kind)[1], (*at, name)) for name, one in value.items()}
        if typing.get_origin(kind) is tuple:
            if not isinstance(value, list):
                raise self._error(at, "must be a list")
            return tuple(self._value(one, typing.get_args(kind)[0], at) for one in value)
        if typing.get_origin(kind) is Literal:
            choices = typing.get_args(kind)
            if value not in choices:
                raise self._error(at, f"must be one of {', '.join(map(str, choices))}")
            return value
        return self._plain(value, kind, at)

    def _plain(self, value: Any, kind: type, at: tuple[str, ...]) -> Any:
        if kind is Path and isinstance(value, str):
            return self.path.parent / Path(value).expanduser()
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:  # a bool is an int to isinstance, and never meant as one
            raise self._error(at, f"must be {_WORDS.get(kind, kind.__name__)}")
        return value

    def _error(self, at: tuple[str, ...], what: str) -> SettingsError:
        line = self._line_of(at)
        where = f"{self.path}, line {line}" if line else str(self.path)
        return SettingsError(f"{where}: {'.'.join(at)} {what}.")

    def _line_of(self, at: tuple[str, ...]) -> int | None:
        return self._line_in_json(at[-1]) if self.path.suffix == ".json" else self._line_in_toml(at)

    def _line_in_json(self, name: str) -> int | None:
        """The line of the only member of that name, in whichever table."""
        member = re.compile(rf"{re.escape(json.dumps(name))}\s*:")
        found = [number for number, line in enumerate(self.text.splitlines(), start=1) if member.search(line)]
        return found[0] if len(found) == 1 else None

    def _line_in_toml(self, at: tuple[str, ...]) -> int | None:
        *tables, name = at
        assignment = re.compile(rf"""^\s*["']?{re.escape(name)}["']?\s*=""")
        header, here = ".".join(tables), ""
        for number, line in enumerate(self.text.splitlines(), start=1):
            if found := _TABLE.match(line):
                here = found[1].replace(" ", "")
                if here == ".".join(at):
                    return number
            elif here == header and assignment.match(line):
                return number
        return None
