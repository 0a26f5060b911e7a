"""Reading what the gateway answers: every member checked for kind and form, anything else is a fault of the back-end.

Pure functions from parsed JSON to the values of `plane.backends`; each raises BackEndFault naming what is malformed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from console.domain.errors import InputError
from console.domain.switches import RUNNING, STOPPED
from console.domain.times import parse_utc
from console.plane.backends import (
    ABILITIES,
    Applied,
    BackEndFault,
    Batch,
    Capability,
    Counts,
    Held,
    Measured,
    ReadBack,
    Refuser,
    Sample,
)
from console.protocol import data_path

_ID = re.compile(r"[0-9A-Za-z._-]{0,100}")
_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,12})?")
_DIMS = ("tenant", "surface", "region", "model")


def capabilities(value: Mapping[str, Any]) -> dict[str, Capability]:
    """`GET /control/capabilities`."""
    found: dict[str, Capability] = {}
    for switch, entry in value.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("kinds"), list):
            raise _malformed("capabilities")
        kinds = tuple(str(kind) for kind in entry["kinds"])
        flags = {name: entry.get(name) is True for name in ABILITIES}
        found[_label(switch, "capabilities")] = Capability(kinds, **flags)
    return found


def applied(value: Mapping[str, Any]) -> Applied:
    """`PUT /control/switches/...`."""
    if value.get("applied") is not True:
        raise _malformed("switch answer")
    return Applied(
        _state(value.get("state")),
        _whole(value.get("generation"), "generation"),
        _whole(value.get("streams_cut"), "streams_cut"),
        value.get("durable") is True,
    )


def read_back(value: Mapping[str, Any]) -> ReadBack:
    """`GET /control/state`; a durable form that is missing or unreadable is None."""
    durable = value.get("durable")
    return ReadBack(
        _label(value.get("boot_id"), "boot_id"),
        _switches(value.get("switches")),
        _switches(durable) if isinstance(durable, list) else None,
    )


def counts(value: Mapping[str, Any]) -> Counts:
    """`GET /control/counts`."""
    at, by_id = value.get("counted_at"), value.get("counts")
    if not isinstance(at, str) or not isinstance(by_id, dict):
        raise _malformed("counts")
    try:
        parse_utc(at)
    except InputError as error:
        raise _malformed("counts") from error
    return Counts(at, {_label(one, "counts"): _counts_of(entry) for one, entry in by_id.items()})


def measured(value: Mapping[str, Any]) -> Measured:
    """`POST /control/validate`."""
    measures = value.get("measures")
    if not isinstance(measures, dict) or not all(
        isinstance(text, str) and _DECIMAL.fullmatch(text) for text in measures.values()
    ):
        raise _malformed("validation")
    return Measured(
        _whole(value.get("cases"), "cases"),
        _whole(value.get("passed"), "passed"),
        {_label(name, "measures"): str(text) for name, text in measures.items()},
    )


def items(value: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """`GET /control/capture`: the items as they came, hostile text and all, with their five members only."""
    found = value.get("items")
    names = ("dimension", "name", "media_type", "captured_at", "content_b64")
    if not isinstance(found, list) or not all(
        isinstance(item, dict) and all(isinstance(item.get(name), str) for name in names) for item in found
    ):
        raise _malformed("capture")
    return [{name: item[name] for name in names} for item in found]


def batch(block: bytes) -> Batch | None:
    """One block of the telemetry stream; None for a comment or a block without data."""
    number, data = 0, b""
    for line in block.split(b"\n"):
        if line.startswith(b"id:") and line[3:].strip().isdigit():
            number = int(line[3:].strip())
        elif line.startswith(b"data:"):
            data += line[5:].strip()
    if not data:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _malformed("telemetry") from error
    if not isinstance(value, dict) or not isinstance(value.get("samples"), list):
        raise _malformed("telemetry")
    samples = [sample for entry in value["samples"] if (sample := _sample(entry)) is not None]
    t_us = _whole(value.get("t"), "t")
    relayed = [
        {"metric": s.metric, "dims": dict(s.dims), "n": s.n, "sum": s.sum, "min": s.min, "max": s.max} for s in samples
    ]
    return Batch(number, t_us, samples, {"t": t_us, "samples": relayed})


def refusers(value: Mapping[str, Any]) -> tuple[Refuser, ...]:
    """The switches a refusal names, as `protocol.data_path` reads them."""
    try:
        return data_path.refusers(value)
    except InputError as error:
        raise BackEndFault(error.sentence) from error


def _sample(entry: object) -> Sample | None:
    """A sample, or None when it is malformed: one bad sample must not silence the others."""
    if not isinstance(entry, dict) or not isinstance(entry.get("dims"), dict):
        return None
    dims, n = entry["dims"], entry.get("n")
    if not isinstance(n, int) or isinstance(n, bool) or n < 0 or not isinstance(entry.get("metric"), str):
        return None
    numbers = [float(x) for x in map(entry.get, ("sum", "min", "max")) if isinstance(x, int | float)]
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        return None
    labels = {name: dims.get(name, "") for name in _DIMS}
    if not all(isinstance(text, str) and _ID.fullmatch(text) for text in (*labels.values(), entry["metric"])):
        return None
    return Sample(entry["metric"], labels, n, *numbers)


def _switches(value: object) -> dict[tuple[str, str], Held]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise _malformed("state")
    return {
        (_label(entry.get("switch"), "switch"), _label(entry.get("target"), "target")): Held(
            _state(entry.get("state")),
            _whole(entry.get("generation"), "generation"),
            _label(entry.get("command_id"), "command_id"),
        )
        for entry in value
    }


def _counts_of(entry: object) -> dict[str, int]:
    if not isinstance(entry, dict):
        raise _malformed("counts")
    return {_label(name, "counts"): _whole(number, str(name)[:40]) for name, number in entry.items()}


def _state(value: object) -> str:
    if value not in (RUNNING, STOPPED):
        raise _malformed("state")
    return str(value)


def _whole(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise _malformed(what)
    return value


def _label(value: object, what: str) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise _malformed(what)
    return value


def _malformed(what: str) -> BackEndFault:
    return BackEndFault(f"The gateway's {what} is malformed; it is not relied upon. Check its version.")
