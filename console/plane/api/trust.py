"""What a desk checks the plane by: signed checkpoints, proofs over the journal's tree, where its own chains end."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from console.domain.errors import InputError
from console.plane import journal, tree
from console.plane.api.envelope import PROBLEMS, Caller, PlaneHere, problems, reply
from console.plane.commanding import Refused
from console.protocol.messages import (
    ChainEnd,
    CheckpointAnswer,
    ConsistencyAnswer,
    HeadsAnswer,
    InclusionAnswer,
)
from console.protocol.problems import Problem

T = TypeVar("T")

router = APIRouter(responses=PROBLEMS)

_BEYOND = problems(_404="The journal is not that long")

HEADS_PAGE = 1000
"""Chains in one answer."""

_Position = Annotated[int, Query(ge=0, lt=2**53)]


@router.get("/v1/checkpoint", response_model=CheckpointAnswer)
async def checkpoint(request: Request, plane: PlaneHere, _device: Caller) -> Response:
    """The newest signed checkpoint of the journal's tree."""
    frontier = await plane.database.read(journal.frontier)
    return reply(request, CheckpointAnswer, size=frontier.size, checkpoint=plane.checkpoints.note(frontier))


@router.get("/v1/proof/consistency", response_model=ConsistencyAnswer, responses=_BEYOND)
async def consistency(
    request: Request, plane: PlaneHere, _device: Caller, first: _Position, second: _Position
) -> Response:
    """Nodes that prove the tree of `second` entries to continue that of `first`; 404 beyond the journal's end."""

    def prove(connection: Connection) -> tuple[bytes, ...]:
        _check_size(connection, second)
        return tree.consistency(connection, first, second)

    path = await _proven(plane.database.read(prove))
    return reply(request, ConsistencyAnswer, first=first, second=second, path=[node.hex() for node in path])


@router.get("/v1/proof/inclusion", response_model=InclusionAnswer, responses=_BEYOND)
async def inclusion(request: Request, plane: PlaneHere, _device: Caller, gpos: _Position, size: _Position) -> Response:
    """Nodes that prove entry `gpos` to be in the tree of `size` entries; 404 beyond the journal's end."""

    def prove(connection: Connection) -> tuple[bytes, tuple[bytes, ...]]:
        _check_size(connection, size)
        path = tree.inclusion(connection, gpos, size)
        return tree.leaf(connection, gpos), path

    leaf, path = await _proven(plane.database.read(prove))
    nodes = [node.hex() for node in path]
    return reply(request, InclusionAnswer, gpos=gpos, size=size, leaf=leaf.hex(), path=nodes)


@router.get("/v1/heads", response_model=HeadsAnswer)
async def heads(
    request: Request,
    plane: PlaneHere,
    device: Caller,
    after_incident: Annotated[str, Query(max_length=36)] = "",
    after_incarnation: _Position = 0,
) -> Response:
    """Where the chains of the asking device end at this plane, in pages behind (incident, incarnation)."""
    after = (after_incident, after_incarnation)
    found = await plane.database.read(lambda c: journal.chain_ends(c, device, after, HEADS_PAGE + 1))
    ends = [
        ChainEnd(incident=end.incident, incarnation=end.incarnation, seq=end.head.seq, hash=end.head.hash)
        for end in found[:HEADS_PAGE]
    ]
    return reply(request, HeadsAnswer, heads=ends, more=len(found) > HEADS_PAGE)


def _check_size(connection: Connection, size: int) -> None:
    reached = journal.head(connection).gpos
    if size > reached:
        raise Refused(Problem("not_found", f"This journal holds {reached} entries, not {size}; ask for fewer."))


async def _proven(proof: Awaitable[T]) -> T:
    try:
        return await proof
    except InputError as error:
        raise Refused(Problem("malformed", error.sentence)) from error
