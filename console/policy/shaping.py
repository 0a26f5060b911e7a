"""From a parsed file to its shape, with every mismatch told in words at its line.

A file that does not parse has no shape; its tree is still kept for the check of names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from console.policy.findings import Findings, no_such
from console.policy.shapes import FORMS, Shape
from console.policy.yaml_tree import parse

AnyShape = TypeVar("AnyShape", bound=Shape)

_WORDS = (
    ("Input should be", "must be"),
    ("Dictionary should", "must"),
    ("List should", "must"),
    ("String should", "must"),
    ("valid dictionary", "mapping"),
    ("valid list", "list"),
    ("valid integer", "whole number"),
    ("valid number", "number"),
    ("valid boolean", "true or false"),
    ("a true or false", "true or false"),
    ("greater than or equal to", "at least"),
    ("less than or equal to", "at most"),
)


def read_shape(findings: Findings, file: str, files: Mapping[str, bytes], shape: type[AnyShape]) -> AnyShape | None:
    """The content of `file` as `shape`, or None when it is absent or broken; what is wrong goes into `findings`."""
    if file not in files:
        return None
    tree, defects = parse(files[file])
    findings.trees[file] = tree
    for defect in defects:
        findings.add(file, defect.text, defect.path, defect.line)
    try:
        return shape.model_validate(tree.plain()) if not defects else None
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            path = tuple(part for part in detail["loc"] if part != "[key]")
            findings.add(file, _in_words(detail, shape, path), path)
        return None


def _in_words(detail: ErrorDetails, shape: type[Shape], path: tuple[str | int, ...]) -> str:
    """One clause for a person about one error of a shape; it never repeats more than 60 letters of the file."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return no_such("field", str(path[-1]), _fields_at(shape, path[:-1]))
    if kind == "missing":
        return "is missing; add it."
    if kind == "literal_error":
        return f"must be {context['expected']}, not {_shown(detail['input'])}."
    if kind == "string_pattern_mismatch":
        return f"{_shown(detail['input'])} is not of the right form; {FORMS[context['pattern']]}."
    if kind == "string_type" and not isinstance(detail["input"], dict | list):
        return f"must be text; put {_shown(detail['input'])} in quotes."
    message = detail["msg"].removesuffix(" after validation, not 0")
    for pydantic_says, we_say in _WORDS:
        message = message.replace(pydantic_says, we_say)
    return f"{message}, but {_shown(detail['input'])} stands here; correct it."


def _shown(value: object) -> str:
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)[:60]


def _fields_at(shape: type[Shape], path: tuple[str | int, ...]) -> list[str]:
    """The fields that the model at `path` has, by walking the annotations; empty when that cannot be told."""
    found: list[type[Shape]] = [shape]
    for part in path:
        field = next((f for n, f in found[0].model_fields.items() if part in (n, f.alias)), None) if found else None
        if field is not None:
            found = _models_in(field.annotation)
    return [field.alias or name for name, field in found[0].model_fields.items()] if found else []


def _models_in(annotation: object) -> list[type[Shape]]:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]
