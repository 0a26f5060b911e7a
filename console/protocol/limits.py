"""Sizes that both sides hold each other to; a desk asks `/v1/config` and uses the smaller of the two.

All sizes are bytes, all times seconds unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The plane's limits as `/v1/config` serves them; `gzip_requests` 1 says that bodies may come packed by gzip."""

    events_per_push: int = 500
    push_bytes: int = 1024 * 1024
    event_bytes: int = 64 * 1024
    journal_page: int = 1000
    long_poll_s: int = 25
    command_bytes: int = 64 * 1024
    token_ttl_s: int = 900
    clock_skew_s: int = 120
    blob_bytes: int = 1024 * 1024 * 1024
    blob_chunk_bytes: int = 4 * 1024 * 1024
    gzip_requests: int = 1


DEFAULT_LIMITS = Limits()
