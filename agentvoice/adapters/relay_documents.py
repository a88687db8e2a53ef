"""What relays say of themselves (NIP-11), read over http beside the websocket."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import structlog

from agentvoice.adapters.relay_words import show_address, show_reason
from agentvoice.core.ports import Clock
from agentvoice.core.relay_limits import UNSAID, RelayLimits
from agentvoice.errors import AgentVoiceError, ConnectFailed, RemoteProtocolError, TimedOut
from agentvoice.protocols.nostr.nip11 import ACCEPT_HEADER, RelayDocument, decode_document, document_address

MAX_DOCUMENT_BYTES = 65_536
"""Ten times the largest document in use; what sends more is no relay's document."""

DOCUMENT_TIMEOUT_S = 5.0
"""A relay that is slower with its document counts as one without."""

FIRST_WAIT_S = 1.0
"""Publishing waits so long for a relay's first document, once; it counts from when it has come."""

MAX_AGE_S = 3_600.0
"""A relay that changes its limits is believed within the hour."""

HTTP_OK = 200

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Known:
    """What is known of one relay."""

    limits: RelayLimits = UNSAID
    read_at_s: float | None = None
    reading: asyncio.Task[None] | None = None
    was_waited_for: bool = False


class RelayDocuments:
    """The limits of the relays of a process, each read once, aside, and again when old."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def limits(self, relay: str) -> RelayLimits:
        """Return what is known; never raises. Only for the first document is waited, and not long."""
        known = self._known.setdefault(relay, _Known())
        if known.reading is None and self._is_due(known):
            known.reading = asyncio.create_task(self._read(relay, known), name="relay document")
        if known.reading is not None and known.read_at_s is None and not known.was_waited_for:
            with suppress(TimedOut):
                async with self._clock.deadline(FIRST_WAIT_S):
                    await asyncio.wait([known.reading])
            known.was_waited_for = True
        return known.limits

    async def close(self) -> None:
        """Read no more, and forget."""
        readings = [known.reading for known in self._known.values() if known.reading is not None]
        self._known.clear()
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)

    def _is_due(self, known: _Known) -> bool:
        return known.read_at_s is None or self._clock.monotonic_s() - known.read_at_s >= MAX_AGE_S

    async def _read(self, relay: str, known: _Known) -> None:
        try:
            known.limits = (await read_document(relay, self._clock)).limits
        except AgentVoiceError as error:
            known.limits = UNSAID
            _log.debug("relay_without_document", relay=show_address(relay), error=str(error))
        finally:
            known.read_at_s, known.reading = self._clock.monotonic_s(), None


async def read_document(relay: str, clock: Clock, timeout_s: float = DOCUMENT_TIMEOUT_S) -> RelayDocument:
    """Return what a relay says of itself, asked at its own address; no redirect is followed.

    Raises ConnectFailed, TimedOut, or RemoteProtocolError (no document, or none that can be read).
    """
    shown = show_address(relay)
    try:
        async with clock.deadline(timeout_s):
            return decode_document(await _read(document_address(relay)))
    except TimedOut as error:
        raise TimedOut(f"{shown}: no relay document within {timeout_s:g} s") from error
    except RemoteProtocolError as error:
        raise RemoteProtocolError(f"{shown}: {error}") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ConnectFailed(f"{shown}: no relay document: {show_reason(error)}") from error


async def _read(address: str) -> str:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=None)  # the limit is the caller's deadline
    headers = {"Accept": ACCEPT_HEADER, "User-Agent": "agentvoice", "Accept-Encoding": "identity"}
    async with (
        aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(address, headers=headers, allow_redirects=False) as answer,
    ):
        if answer.status != HTTP_OK:
            raise RemoteProtocolError(f"relay document: got HTTP status {answer.status}, want {HTTP_OK}")
        body = await _read_bounded(answer)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise RemoteProtocolError("relay document: got bytes that are no UTF-8, want JSON") from error


async def _read_bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_DOCUMENT_BYTES:
            raise RemoteProtocolError(f"relay document: got more than {MAX_DOCUMENT_BYTES} bytes")
    return bytes(body)
