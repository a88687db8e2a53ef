"""What relays say of themselves (NIP-11), read over http beside the websocket."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

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
"""Publishing waits for it: a relay that is slow with its document counts as one without."""

MAX_AGE_S = 3_600.0
"""A relay that changes its limits is believed within the hour, even on a connection that stays."""

HTTP_OK = 200

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Known:
    """What is known of one relay; `epoch` is the connection it was read beside."""

    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    limits: RelayLimits = UNSAID
    epoch: object = None
    read_at_s: float = 0.0


class RelayDocuments:
    """The limits of the relays of a process, each read once a connection."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def limits(self, relay: str, epoch: object) -> RelayLimits:
        """Return the limits; never raises. They are read anew for another `epoch`, and when old."""
        known = self._known.setdefault(relay, _Known())
        async with known.reading:
            age_s = self._clock.monotonic_s() - known.read_at_s
            if known.epoch is not epoch or age_s >= MAX_AGE_S:
                known.limits = await self._read_limits(relay)
                known.epoch, known.read_at_s = epoch, self._clock.monotonic_s()
            return known.limits

    async def _read_limits(self, relay: str) -> RelayLimits:
        try:
            return (await read_document(relay, self._clock)).limits
        except AgentVoiceError as error:
            _log.debug("relay_without_document", relay=show_address(relay), error=str(error))
            return UNSAID


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
