"""Switching one rule off in the program: a piece of its source is replaced for as long as a stack is open.

`old` must stand in the source exactly once; a rule that was written differently meanwhile is an error here, so that a
removal never silently removes nothing.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from collections.abc import Callable
from contextlib import ExitStack
from types import ModuleType
from typing import Any
from unittest.mock import patch

Put = Callable[[ExitStack], None]
Pairs = tuple[tuple[str, str], ...]
"""(old, new) pieces of source."""
_copies: dict[tuple[str, Pairs], ModuleType] = {}


def function(owner: Any, name: str, old: str, new: str, *also: Any) -> Put:
    """`owner.name` (and the same name in `also`) with `old` replaced; its globals stay those of its module."""

    def put(stack: ExitStack) -> None:
        original = inspect.unwrap(getattr(owner, name))
        source = _replaced(textwrap.dedent(inspect.getsource(original)), old, new, f"{owner.__name__}.{name}")
        made: dict[str, Any] = {}
        code = compile(source, original.__code__.co_filename, "exec", dont_inherit=True, flags=_ANNOTATIONS)
        exec(code, original.__globals__, made)  # noqa: S102 - the program's own source, with a rule less
        for place in (owner, *also):
            stack.enter_context(patch.object(place, name, made[name]))

    return put


def copy_of(module: ModuleType, pairs: Pairs) -> ModuleType:
    """The whole module with every `old` replaced, beside the real one, which stays as it is."""
    known = _copies.get((module.__name__, pairs))
    if known is None:
        known = ModuleType(module.__name__)
        known.__file__ = module.__file__
        source = inspect.getsource(module)
        for old, new in pairs:
            source = _replaced(source, old, new, module.__name__)
        exec(compile(source, str(module.__file__), "exec"), known.__dict__)  # noqa: S102 - as above
        _copies[module.__name__, pairs] = known
    return known


def imported(place: ModuleType, name: str, module: ModuleType, *pairs: tuple[str, str]) -> Put:
    """`place.name`, which `place` imported from `module`, as it is in an edited copy: nobody else's changes."""

    def put(stack: ExitStack) -> None:
        stack.enter_context(patch.object(place, name, getattr(copy_of(module, pairs), name)))

    return put


def module(name: str) -> ModuleType:
    """The module of that name."""
    return importlib.import_module(name)


def swapped(owner: Any, name: str, around: Callable[..., Any]) -> Put:
    """`around(original, *args, **known)` in place of `owner.name`."""

    def put(stack: ExitStack) -> None:
        original = getattr(owner, name)
        made = lambda *args, **known: around(original, *args, **known)  # noqa: E731 - it replaces a function
        stack.enter_context(patch.object(owner, name, made))

    return put


def all_of(*puts: Put) -> Put:
    """Several edits as one."""

    def put(stack: ExitStack) -> None:
        for one in puts:
            one(stack)

    return put


def _replaced(source: str, old: str, new: str, where: str) -> str:
    found = source.count(old)
    if found != 1:
        raise LookupError(f"'{old}' stands {found} times in {where}, not once; the rule has moved.")
    return source.replace(old, new)


_ANNOTATIONS = sys.modules["__future__"].annotations.compiler_flag
