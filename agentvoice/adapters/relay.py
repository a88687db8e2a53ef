"""Relays over websockets: one connection per address, opened on first use and kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from agentvoice.adapters.relay_connection import RelayConnection
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Clock, RelayAnswer, Signer
from agentvoice.errors import ConnectionLost
from agentvoice.protocols.nostr.answers import Verdict, judge_answer

FindSigner = Callable[[str], Awaitable[Signer | None]]
"""Give a hex public key, get its signer if we hold it: a relay may ask who we are (NIP-42)."""

AUTH_ROUNDS = 2
"""Some relays send the challenge that counts only after they refused an answer to an older one."""


class WebsocketRelays:
    """The core.ports.Relays of a process. Addresses are ws:// or wss://."""

    def __init__(self, settings: RelaySettings, clock: Clock, find_signer: FindSigner) -> None:
        self._settings = settings
        self._clock = clock
        self._find_signer = find_signer
        self._connections: dict[str, RelayConnection] = {}
        self._opening: dict[str, asyncio.Lock] = {}

    async def publish(self, relay: str, event: SignedEvent) -> RelayAnswer:
        """Send an event and return the relay's answer; AUTH is answered as the event's author.

        An answer that is still `auth-required:` means the relay did not accept our AUTH, or that
        we hold no signer for the author. Raises ConnectFailed, ConnectionLost or TimedOut.
        """
        connection, is_reused = await self._connection(relay)
        try:
            return await self._publish(connection, event)
        except ConnectionLost:
            if not is_reused:
                raise
        # The relay may have closed an idle connection at the very moment we used it.
        connection, _ = await self._connection(relay)
        return await self._publish(connection, event)

    async def fetch(self, relay: str, filters: Sequence[dict[str, object]]) -> tuple[SignedEvent, ...]:
        """Return the stored events that match, as the relay sent them: nothing is verified here.

        Raises a TransportError, RemoteProtocolError, or RelayRejected if the request is refused.
        """
        connection, is_reused = await self._connection(relay)
        try:
            return await connection.fetch(filters)
        except ConnectionLost:
            if not is_reused:
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

    async def close(self) -> None:
        """Close every connection."""
        connections = list(self._connections.values())
        self._connections.clear()
        await asyncio.gather(*(connection.close() for connection in connections))

    async def _publish(self, connection: RelayConnection, event: SignedEvent) -> RelayAnswer:
        answer = await connection.publish(event)
        for _ in range(AUTH_ROUNDS):
            if judge_answer(answer, 0) is not Verdict.AUTH:
                break
            signer = await self._find_signer(event.pubkey)
            if signer is None or signer.pubkey != event.pubkey:  # never as anybody but the author
                break
            await connection.authenticate(signer)
            answer = await connection.publish(event)
        return answer

    async def _connection(self, relay: str) -> tuple[RelayConnection, bool]:
        """Return an open connection, and whether it was used before."""
        async with self._opening.setdefault(relay, asyncio.Lock()):
            connection = self._connections.get(relay)
            if connection is not None and connection.is_open:
                return connection, True
            if connection is not None:
                await connection.close()
            connection = await RelayConnection.open(relay, self._settings, self._clock)
            self._connections[relay] = connection
            return connection, False
