"""A plain subset of YAML as a tree that knows its lines: mappings, lists, text, numbers, true and false.

Anchors, aliases, tags, directives, merge keys, several documents and repeated keys are refused: a file that people
review must mean what it says on the line where it says it. Only `true` and `false` are booleans; `yes`, `no` and dates
stay text. The text must be printable and in normal form C, since parts of it end up in signed events.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_DEPTH = 12
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is some twenty times as fast
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Defect:
    """Something the subset does not allow, with its line (from 1) and the field it is at."""

    line: int
    path: tuple[str | int, ...]
    text: str


@dataclass(slots=True)
class Node:
    """A part of a file: `value` is a dict of nodes, a list of nodes, or a scalar; `line` counts from 1."""

    line: int
    value: Any = None
    key_lines: dict[str, int] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value without its lines."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def line_of(self, path: tuple[str | int, ...]) -> int:
        """The line of the part at `path`, or of the nearest part around it."""
        node, line = self, self.line
        for part in path:
            if isinstance(node.value, dict) and part in node.value:
                line, node = node.key_lines[str(part)], node.value[part]
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.line
            else:
                break
        return line

    def matches(self, pattern: tuple[str, ...]) -> Iterator[tuple[tuple[str | int, ...], Node]]:
        """(path, node) of every part that fits `pattern`, where "*" is any key and "[]" any place of a list."""
        if not pattern:
            yield (), self
            return
        head, rest = pattern[0], pattern[1:]
        children: list[tuple[str | int, Node]] = []
        if head == "[]" and isinstance(self.value, list):
            children = list(enumerate(self.value))
        elif isinstance(self.value, dict):
            children = [(key, node) for key, node in self.value.items() if head in ("*", key)]
        for part, node in children:
            for path, found in node.matches(rest):
                yield (part, *path), found


def parse(data: bytes, loader: Any = _LOADER) -> tuple[Node, list[Defect]]:
    """The tree of one file and what is wrong with it; when it could not be read to its end the tree is empty."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Node(1, {}), [Defect(line, (), "the file is not UTF-8 text; save it as UTF-8.")]
    reader = _Reader()
    try:
        for event in yaml.parse(text, Loader=loader):
            reader.take(event)
    except yaml.YAMLError as error:
        return Node(1, {}), [*reader.defects, _syntax_defect(error, text)]
    except _GiveUpError:
        return Node(1, {}), reader.defects
    if reader.root is None:
        return Node(1, {}), [Defect(1, (), "the file is empty; restore its content.")]
    return reader.root, reader.defects


class _GiveUpError(Exception):
    """Reading on would only repeat a defect that was noted already."""


@dataclass(slots=True)
class _Open:
    """A mapping or list being read; `key` waits for its value."""

    node: Node
    path: tuple[str | int, ...]
    key: str | None = None
    key_line: int = 0


class _Reader:
    """Builds the tree from parser events; the parser keeps its own stack, so depth costs no recursion here."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.defects: list[Defect] = []
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._stop(line, "a second document begins here; keep one document a file.")
            if event.version or event.tags:
                self._stop(line, "directives are not allowed; remove the line that begins with %.")
        elif isinstance(event, yaml.AliasEvent):
            self._stop(line, f"the alias *{event.anchor} is not allowed; write the value out.")
        elif isinstance(event, yaml.NodeEvent):
            self._node(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()

    def _node(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            self._stop(line, f"the anchor &{event.anchor} is not allowed; write the value out where it is needed.")
        if event.tag is not None:
            self._stop(line, f"the tag {event.tag[:60]} is not allowed; write plain values.")
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.node.value, dict) and top.key is None:
            self._key(event, line, top)
            return
        path = self._here()
        if isinstance(event, yaml.ScalarEvent):
            self._place(Node(line, self._scalar(event, line, path)))
            return
        node = Node(line, {} if isinstance(event, yaml.MappingStartEvent) else [])
        self._place(node)
        if len(self._open) >= MAX_DEPTH:
            self._stop(line, f"this is nested deeper than {MAX_DEPTH} levels; flatten it.")
        self._open.append(_Open(node, path))

    def _key(self, event: Any, line: int, top: _Open) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            self._stop(line, "a key must be plain text; do not use a list or mapping as a key.")
        key = event.value
        if key == "<<":
            self._stop(line, "the merge key << is not allowed; write the fields out.")
        self._check_text(key, line, top.path)
        if key in top.node.value:
            first = top.node.key_lines[key]
            self.defects.append(Defect(line, (*top.path, key), f"stands here twice, first in line {first}; keep one."))
        top.key, top.key_line = key, line

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        top = self._open[-1]
        if isinstance(top.node.value, list):
            top.node.value.append(node)
            return
        top.node.value[top.key] = node
        top.node.key_lines[str(top.key)] = top.key_line
        top.key = None

    def _here(self) -> tuple[str | int, ...]:
        if not self._open:
            return ()
        top = self._open[-1]
        if isinstance(top.node.value, list):
            return (*top.path, len(top.node.value))
        return (*top.path, top.key) if top.key is not None else top.path

    def _scalar(self, event: Any, line: int, path: tuple[str | int, ...]) -> str | int | float | bool:
        text: str = event.value
        if not event.implicit[0]:  # quoted
            self._check_text(text, line, path)
            return text
        if text in ("", "~", "null"):
            self.defects.append(Defect(line, path, "has no value; give it one, or take the line out."))
            return ""
        if text in ("true", "false"):
            return text == "true"
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        self._check_text(text, line, path)
        return text

    def _check_text(self, text: str, line: int, path: tuple[str | int, ...]) -> None:
        bad = next((char for char in text if not char.isprintable()), "")
        if bad:
            self.defects.append(Defect(line, path, f"holds the invisible character U+{ord(bad):04X}; remove it."))
        elif not unicodedata.is_normalized("NFC", text):
            self.defects.append(
                Defect(line, path, "is not in Unicode normal form C; type the letters with accents anew.")
            )

    def _stop(self, line: int, text: str) -> None:
        self.defects.append(Defect(line, self._here(), text))
        raise _GiveUpError


def _syntax_defect(error: yaml.YAMLError, text: str) -> Defect:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark is not None else text.count("\n", 0, int(getattr(error, "position", 0))) + 1
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is malformed"
    return Defect(line, (), f"this is not readable as YAML ({what}); correct it here or just above.")
