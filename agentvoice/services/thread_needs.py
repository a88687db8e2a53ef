"""What a thread's relays ask of its events, read from their documents (NIP-11) before it is signed.

A thread is signed once, for all of its relays, so it is made to fit the strictest of them. A relay
that asks for more than any thread can give is left to refuse it, in its own words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from agentvoice.core.ports import Clock, Relays
from agentvoice.core.project import public_address
from agentvoice.core.relay_limits import UNSAID, RelayLimits
from agentvoice.errors import ConnectFailed, TimedOut
from agentvoice.protocols.nostr.clean import MAX_CONTENT_CHARS, NOTE_LIMIT, TextLimit

ASKING_S = 3.0
"""How long the relays together may take to say it; signing waits for it."""

ENVELOPE_BYTES = 2_000
"""Room for what is not the text: ids, keys, signature, tags, and a thread's longest title."""

MIN_NOTE_CHARS = 280
"""Smaller notes would make hundreds out of a call: such a relay refuses them instead."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ThreadNeeds:
    """How long the text of an event may be, and the bits of proof of work that it needs (NIP-13)."""

    limit: TextLimit = NOTE_LIMIT
    pow_bits: int = 0


def fit_all(limits: Sequence[RelayLimits], max_pow_bits: int) -> ThreadNeeds:
    """Return what suits every relay that can be suited; `max_pow_bits` is the work we are ready to do."""
    bits = [each.min_pow_bits for each in limits if each.min_pow_bits is not None]
    chars = [each.max_content_chars for each in limits if each.max_content_chars is not None]
    json_bytes = [
        each.max_message_bytes - ENVELOPE_BYTES for each in limits if each.max_message_bytes is not None
    ]
    possible_chars = [most for most in chars if most >= MIN_NOTE_CHARS]
    possible_bytes = [most for most in json_bytes if most >= MIN_NOTE_CHARS]
    limit = TextLimit(min([MAX_CONTENT_CHARS, *possible_chars]), min(possible_bytes, default=None))
    return ThreadNeeds(limit, max((wanted for wanted in bits if wanted <= max_pow_bits), default=0))


async def ask_relays(
    relays: Relays,
    names: Sequence[str],
    dial_address: Callable[[str], str],
    clock: Clock,
    max_pow_bits: int,
) -> ThreadNeeds:
    """Return what the named relays need; one that does not say so in time needs nothing that we know."""
    found: dict[str, RelayLimits] = {}

    async def ask(name: str) -> None:
        try:
            found[name] = await relays.limits(dial_address(name))
        except ConnectFailed:  # the embedded relay, while it does not run
            found[name] = UNSAID

    try:
        async with clock.deadline(ASKING_S), asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(ask(name))
    except TimedOut:
        silent = [public_address(name) for name in names if name not in found]
        log.info("relay_limits_unknown", relays=silent)
    return fit_all(tuple(found.values()), max_pow_bits)
