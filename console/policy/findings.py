"""What is wrong with the policy files: every problem with file, line and field, gathered before anything is refused.

A sentence names what is wrong and what to do about it; the first one is the error, the others are counted and kept.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from console.domain.errors import InputError
from console.policy.yaml_tree import Node

_SHOWN_NAMES = 12


@dataclass(frozen=True, slots=True)
class Problem:
    """One defect: `file` as shown ("data/switches.yml"), `line` from 1 (0: the whole file), `field` "" for the file."""

    file: str
    line: int
    field: str
    text: str

    @property
    def sentence(self) -> str:
        """As a person reads it."""
        where = f"{self.file} line {self.line}" if self.line else self.file
        return f"{where}: {self.field}: {self.text}" if self.field else f"{where}: {self.text}"


class PolicyError(InputError):
    """The policy cannot be used; `problems` holds every defect, the sentence shows the first and counts the rest."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - 1
        counted = f" ({more} more {'problem' if more == 1 else 'problems'} in these files.)" if more else ""
        super().__init__(self.problems[0].sentence + counted)


class Findings:
    """Gathers problems; `root` is how the folder is called in sentences."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._found: list[Problem] = []
        self.trees: dict[str, Node] = {}

    def add(self, file: str, text: str, path: tuple[str | int, ...] = (), line: int = 0) -> None:
        """Notes a problem at `path` of `file`; without a line, that of the nearest part of the path that exists."""
        if not line and path and file in self.trees:
            line = self.trees[file].line_of(path)
        problem = Problem(f"{self._root}/{file}", line, field_name(path), text)
        if problem not in self._found:
            self._found.append(problem)

    def touches(self, file: str) -> bool:
        """Whether that file has a problem already."""
        return any(problem.file == f"{self._root}/{file}" for problem in self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def error(self) -> PolicyError:
        """The error for what was found; call it only when something was."""
        return PolicyError(sorted(self._found, key=lambda problem: (problem.file, problem.line)))


def field_name(path: Iterable[str | int]) -> str:
    """`switches.FF_TENANT_BLOCK.thrown_by[0]` from the parts of a path; list positions count from 0."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def no_such(kind: str, name: str, known: Collection[str] | Mapping[str, object], place: str = "") -> str:
    """`there is no role 'x'; did you mean y?`, or what may be chosen when nothing is near."""
    shown = f"there is no {kind} '{name[:60]}'"
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    if near:
        return f"{shown}; did you mean {near[0]}?"
    names = ", ".join(list(known)[:_SHOWN_NAMES]) + (", ..." if len(known) > _SHOWN_NAMES else "")
    return f"{shown}; choose one of {names or '(none)'}{f', or add it to {place}' if place else ''}."
