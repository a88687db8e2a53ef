"""Relays over websockets: connections are opened on first use and kept.

Most events share one connection to a relay. Protected events (NIP-70) have one for each author,
because some relays let a connection speak for one author only. Gift wraps (NIP-59) have one too:
a relay that saw them beside an author's AUTH would know who wrote them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from agentvoice.adapters.relay_auth import AUTH_ROUNDS
from agentvoice.adapters.relay_connection import RelayConnection
from agentvoice.adapters.relay_dialing import Dialer, Rest
from agentvoice.adapters.relay_documents import RelayDocuments
from agentvoice.adapters.relay_flight import Again, Outcome
from agentvoice.adapters.relay_words import show_address
from agentvoice.adapters.signer import KeySigner
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Clock, RelayAnswer, Signer
from agentvoice.core.relay_limits import UNSAID, RelayLimits
from agentvoice.errors import ConnectionLost, TransportError
from agentvoice.protocols.nostr.answers import (
    LARGE_EVENT_BYTES,
    TOO_LARGE_PREFIX,
)
from agentvoice.protocols.nostr.nip01 import encode_publish
from agentvoice.protocols.nostr.nip59 import KIND_GIFT_WRAP
from agentvoice.protocols.nostr.nip70 import is_protected

FindSigner = Callable[[str], Awaitable[Signer | None]]
"""Give a hex public key, get its signer if we hold it: a relay may ask who we are (NIP-42)."""

MAX_RESENDS = 8
"""An event whose connection ends so often under others is left to the next attempt of its delivery."""

OWN_LANES = 8
"""Connections to our own relay: it commits what comes on one event by event, on several together."""

EVENTS_A_LANE = 8
"""A further connection is used when as many events are in flight on those before."""

IsOwn = Callable[[str], bool]
"""Whether an address is that of the relay which this process runs."""


NOBODY = "nobody"
"""Stands for the author on the connection of gift wraps, whose keys are thrown away."""


class _Line(NamedTuple):
    """Which connection to a relay."""

    relay: str
    speaker: str = ""
    """The one author whose events go over it, or NOBODY; "": those of all."""
    lane: int = 0


@dataclass(slots=True)
class _Peer:
    """What this process knows of one line."""

    stranger: Signer | None
    """A key that belongs to nobody, made for AUTH where no author can give it."""
    connection: RelayConnection | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    sending: int = 0
    needs_care: bool = False
    """The next connection sends one event at a time: an answer of the last one could not be placed."""


class WebsocketRelays:
    """The core.ports.Relays of a process. Addresses are ws:// or wss://."""

    def __init__(
        self,
        settings: RelaySettings,
        clock: Clock,
        find_signer: FindSigner,
        is_own: IsOwn = lambda relay: False,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._find_signer = find_signer
        self._is_own = is_own
        self._dialer = Dialer(settings, clock)
        self._documents = RelayDocuments(clock)
        self._peers: dict[_Line, _Peer] = {}
        self._rests: dict[str, Rest] = {}

    async def publish(self, relay: str, event: SignedEvent) -> RelayAnswer:
        """Send an event and return the relay's answer; AUTH is answered as the event's author.

        For a gift wrap it is answered as a key that belongs to nobody. Any number of callers may do so at once. An answer that is still `auth-required:` means the
        relay did not accept our AUTH, or that we hold no signer for the author. A connection that
        breaks on a large event twice is answered `too-large:`. Raises ConnectFailed, ConnectionLost
        or TimedOut.
        """
        line = self._find_line(relay, event)
        peer = self._peer(line)
        peer.sending += 1
        try:
            return await self._publish_on(line, peer, event)
        finally:
            peer.sending -= 1

    async def _publish_on(self, line: _Line, peer: _Peer, event: SignedEvent) -> RelayAnswer:
        frame = encode_publish(event)
        breaks = 0
        for _ in range(MAX_RESENDS):
            connection, is_reused = await self._connection(line)
            try:
                outcome = await self._publish(peer, connection, event, frame)
            except ConnectionLost:
                breaks += 1
                is_large = len(frame) > LARGE_EVENT_BYTES
                if connection.was_closed_by_us or breaks > 1 or not (is_reused or is_large):
                    if breaks > 1 and is_large and not connection.was_closed_by_us:
                        return RelayAnswer(False, f"{TOO_LARGE_PREFIX}: the connection breaks on this event")
                    raise
                continue  # the relay may have closed an idle connection at the very moment we used it
            if isinstance(outcome, RelayAnswer):
                return outcome
            if outcome is Again.ALONE:
                peer.needs_care = True
        raise ConnectionLost(f"{show_address(line.relay)}: the connection broke {MAX_RESENDS} times")

    async def fetch(self, relay: str, filters: Sequence[dict[str, object]]) -> tuple[SignedEvent, ...]:
        """Return the stored events that match, as the relay sent them: nothing is verified here.

        Raises a TransportError, RemoteProtocolError, or RelayRejected if the request is refused.
        """
        connection, is_reused = await self._connection(_Line(relay))
        try:
            return await connection.fetch(filters)
        except ConnectionLost:
            if not is_reused or connection.was_closed_by_us:
                raise
        connection, _ = await self._connection(_Line(relay))
        return await connection.fetch(filters)

    @asynccontextmanager
    async def listen(
        self, relay: str, filters: Sequence[dict[str, object]]
    ) -> AsyncIterator[AsyncIterator[SignedEvent]]:
        """Give the events that match as they come, stored ones first, until the block ends.

        What is published to the relay inside the block is sent after the request. Nothing is
        verified. Entering raises a TransportError; the iterator ends with the one that broke the
        connection, or with RelayRejected. Nobody listens again by himself: enter it anew.
        """
        connection, _ = await self._connection(_Line(relay))
        async with connection.listen(filters) as events:
            yield events

    async def limits(self, relay: str) -> RelayLimits:
        """See core.ports.Relays."""
        try:
            await self._connection(_Line(relay))
        except TransportError:
            return UNSAID
        return await self._documents.limits(relay)

    async def probe(self, relay: str) -> bool:
        """See core.ports.Relays."""
        line = _Line(relay)
        rest, connection = self._rest(relay), self._peer(line).connection
        if rest.was_reached or rest.until_s > self._clock.monotonic_s():
            return False
        if connection is not None and connection.is_open:  # a further connection was refused: it is not away
            return False
        try:
            await self._connection(line)
        except TransportError:
            return False
        return True

    async def close(self) -> None:
        """Close every connection."""
        connections = [peer.connection for peer in self._peers.values() if peer.connection is not None]
        self._peers.clear()
        self._rests.clear()
        await asyncio.gather(*(connection.close() for connection in connections), self._documents.close())
        self._dialer.close()

    async def _publish(
        self, peer: _Peer, connection: RelayConnection, event: SignedEvent, frame: str
    ) -> Outcome:
        speaker = peer.stranger.pubkey if peer.stranger is not None else event.pubkey
        for _ in range(AUTH_ROUNDS):
            seen_rounds = connection.auth_rounds(speaker)
            outcome = await connection.publish(event, frame, speaker)
            if not isinstance(outcome, RelayAnswer):
                return outcome
            if not connection.wants_auth(outcome, speaker, seen_rounds):
                return outcome
            signer = peer.stranger or await self._find_signer(speaker)
            if signer is None or signer.pubkey != speaker:  # never as anybody but the author
                return outcome
            if not await connection.authenticate(signer, seen_rounds):
                return outcome
        return await connection.publish(event, frame, speaker)

    def _peer(self, line: _Line) -> _Peer:
        if line not in self._peers:
            stranger = KeySigner.generate() if line.speaker == NOBODY else None
            self._peers[line] = _Peer(stranger)
        return self._peers[line]

    def _rest(self, relay: str) -> Rest:
        return self._rests.setdefault(relay, Rest())

    def _find_line(self, relay: str, event: SignedEvent) -> _Line:
        speaker = ""
        if event.kind == KIND_GIFT_WRAP:
            speaker = NOBODY
        elif is_protected(event.tags):
            speaker = event.pubkey
        if not self._is_own(relay):
            return _Line(relay, speaker)
        lines = [_Line(relay, speaker, lane) for lane in range(OWN_LANES)]
        load = [self._peer(line).sending for line in lines]
        return next(
            (line for line, busy in zip(lines, load, strict=True) if busy < EVENTS_A_LANE),
            lines[load.index(min(load))],
        )

    async def _connection(self, line: _Line) -> tuple[RelayConnection, bool]:
        """Return an open connection, and whether it was used before."""
        peer, rest = self._peer(line), self._rest(line.relay)
        async with peer.opening:
            if peer.connection is not None and peer.connection.is_open:
                return peer.connection, True
            if peer.connection is not None:
                await peer.connection.close()
            rest.refuse_until_over(self._clock)
            try:
                socket = await self._dialer.dial(line.relay)
            except TransportError as error:
                rest.note_failure(error, self._clock)
                raise
            rest.note_success()
            is_careful, peer.needs_care = peer.needs_care, False
            peer.connection = RelayConnection(
                line.relay, socket, self._settings, self._clock, is_careful=is_careful
            )
            return peer.connection, False
