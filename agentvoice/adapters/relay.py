"""Relays over websockets: one connection per address, opened on first use and kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agentvoice.adapters.relay_auth import AUTH_ROUNDS
from agentvoice.adapters.relay_connection import RelayConnection
from agentvoice.adapters.relay_dialing import Dialer, Rest
from agentvoice.adapters.relay_documents import RelayDocuments
from agentvoice.adapters.relay_flight import Again, Outcome
from agentvoice.adapters.relay_words import show_address
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


@dataclass(slots=True)
class _Peer:
    """What this process knows of one address; of our own relay, one for each connection."""

    connection: RelayConnection | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    rest: Rest = field(default_factory=Rest)
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
        self._peers: dict[tuple[str, int], _Peer] = {}

    async def publish(self, relay: str, event: SignedEvent) -> RelayAnswer:
        """Send an event and return the relay's answer; AUTH is answered as the event's author.

        Any number of callers may do so at once. An answer that is still `auth-required:` means the
        relay did not accept our AUTH, or that we hold no signer for the author. A connection that
        breaks on a large event twice is answered `too-large:`. Raises ConnectFailed, ConnectionLost
        or TimedOut.
        """
        peer = self._peer(relay, self._find_lane(relay))
        peer.sending += 1
        try:
            return await self._publish_on(peer, relay, event)
        finally:
            peer.sending -= 1

    async def _publish_on(self, peer: _Peer, relay: str, event: SignedEvent) -> RelayAnswer:
        frame = encode_publish(event)
        breaks = 0
        for _ in range(MAX_RESENDS):
            connection, is_reused = await self._connection(relay, peer)
            try:
                outcome = await self._publish(connection, event, frame)
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
        raise ConnectionLost(f"{show_address(relay)}: the connection broke {MAX_RESENDS} times")

    async def fetch(self, relay: str, filters: Sequence[dict[str, object]]) -> tuple[SignedEvent, ...]:
        """Return the stored events that match, as the relay sent them: nothing is verified here.

        Raises a TransportError, RemoteProtocolError, or RelayRejected if the request is refused.
        """
        connection, is_reused = await self._connection(relay)
        try:
            return await connection.fetch(filters)
        except ConnectionLost:
            if not is_reused or connection.was_closed_by_us:
                raise
        connection, _ = await self._connection(relay)
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
        connection, _ = await self._connection(relay)
        async with connection.listen(filters) as events:
            yield events

    async def limits(self, relay: str) -> RelayLimits:
        """See core.ports.Relays."""
        try:
            connection, _ = await self._connection(relay)
        except TransportError:
            return UNSAID
        return await self._documents.limits(relay, connection)

    async def probe(self, relay: str) -> bool:
        """See core.ports.Relays."""
        rest = self._peer(relay).rest
        if rest.was_reached or rest.until_s > self._clock.monotonic_s():
            return False
        try:
            await self._connection(relay)
        except TransportError:
            return False
        return True

    async def close(self) -> None:
        """Close every connection."""
        connections = [peer.connection for peer in self._peers.values() if peer.connection is not None]
        self._peers.clear()
        await asyncio.gather(*(connection.close() for connection in connections))
        self._dialer.close()

    async def _publish(self, connection: RelayConnection, event: SignedEvent, frame: str) -> Outcome:
        for _ in range(AUTH_ROUNDS):
            seen_rounds = connection.auth_rounds(event.pubkey)
            outcome = await connection.publish(event, frame)
            if not isinstance(outcome, RelayAnswer):
                return outcome
            if not connection.wants_auth(outcome, event.pubkey, seen_rounds):
                return outcome
            signer = await self._find_signer(event.pubkey)
            if signer is None or signer.pubkey != event.pubkey:  # never as anybody but the author
                return outcome
            if not await connection.authenticate(signer, seen_rounds):
                return outcome
        return await connection.publish(event, frame)

    def _peer(self, relay: str, lane: int = 0) -> _Peer:
        return self._peers.setdefault((relay, lane), _Peer())

    def _find_lane(self, relay: str) -> int:
        if not self._is_own(relay):
            return 0
        load = [self._peer(relay, lane).sending for lane in range(OWN_LANES)]
        return next((lane for lane, busy in enumerate(load) if busy < EVENTS_A_LANE), load.index(min(load)))

    async def _connection(self, relay: str, peer: _Peer | None = None) -> tuple[RelayConnection, bool]:
        """Return an open connection, and whether it was used before."""
        peer = peer or self._peer(relay)
        async with peer.opening:
            if peer.connection is not None and peer.connection.is_open:
                return peer.connection, True
            if peer.connection is not None:
                await peer.connection.close()
            peer.rest.refuse_until_over(self._clock)
            try:
                socket = await self._dialer.dial(relay)
            except TransportError as error:
                peer.rest.note_failure(error, self._clock)
                raise
            peer.rest.note_success()
            is_careful, peer.needs_care = peer.needs_care, False
            peer.connection = RelayConnection(
                relay, socket, self._settings, self._clock, is_careful=is_careful
            )
            return peer.connection, False
