"""One open connection to a relay: what we asked on it, and what the relay answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NoReturn
from urllib.parse import urlsplit

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from agentvoice.adapters.relay_subscriptions import Fetch, Listener, Subscription, Subscriptions
from agentvoice.adapters.relay_words import show_address, show_reason, show_words
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Clock, RelayAnswer, Signer
from agentvoice.errors import (
    ConnectFailed,
    ConnectionLost,
    RemoteProtocolError,
    TimedOut,
    TransportError,
)
from agentvoice.protocols.nostr import nip01
from agentvoice.protocols.nostr.answers import NOTICE_PREFIX, TOO_LARGE_PREFIX
from agentvoice.protocols.nostr.nip42 import build_auth_event

MAX_FRAME_BYTES = 1_048_576
"""A relay that sends more in one frame is cut off."""

CLOSE_TIMEOUT_S = 2.0
MESSAGE_TOO_BIG = 1009  # RFC 6455 section 7.4.1
LOOPBACK = ("127.0.0.1", "::1", "localhost")

_log = structlog.get_logger(__name__)


class _Connect(connect):
    """A connection that follows no redirect: events go to the relays that the operator named."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class RelayConnection:
    """Made by `open`. One event at a time is in flight, so that an OK without id has an owner."""

    def __init__(self, address: str, socket: ClientConnection, settings: RelaySettings, clock: Clock) -> None:
        self._address = address
        self._shown = show_address(address)
        self._socket = socket
        self._settings = settings
        self._clock = clock
        self._answers: dict[str, asyncio.Future[RelayAnswer]] = {}
        self._subscriptions = Subscriptions(self._shown)
        self._notice = ""
        self._challenge = ""
        self._challenged = asyncio.Event()
        self._garbage_frames = 0
        self._publishing = asyncio.Lock()
        self._last_used_s = clock.monotonic_s()
        self._is_open = True
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._close_when_idle())]

    @classmethod
    async def open(cls, address: str, settings: RelaySettings, clock: Clock) -> RelayConnection:
        """Connect to a ws:// or wss:// address; raises ConnectFailed or TimedOut."""
        shown = show_address(address)
        try:
            async with clock.deadline(settings.connect_timeout_s):
                socket = await _Connect(
                    address,
                    compression=None,  # some relays break on it, and events are small
                    open_timeout=None,  # the deadline above is the one limit
                    close_timeout=CLOSE_TIMEOUT_S,
                    max_size=MAX_FRAME_BYTES,
                    proxy=None if urlsplit(address).hostname in LOOPBACK else True,
                    user_agent_header="agentvoice",
                )
        except TimedOut as error:
            raise TimedOut(f"{shown}: no connection within {settings.connect_timeout_s:g} s") from error
        except (OSError, WebSocketException, ValueError, EOFError) as error:
            raise ConnectFailed(f"{shown}: no connection: {show_reason(error)}") from error
        return cls(address, socket, settings, clock)

    @property
    def is_open(self) -> bool:
        """Whether something can be sent on it, as far as we know."""
        return self._is_open

    async def publish(self, event: SignedEvent) -> RelayAnswer:
        """Send an event and return the answer.

        A NOTICE, when no OK came in time, is returned as `notice: …`, and a socket closed as "message
        too big" as `too-large: …`. Raises ConnectionLost or TimedOut; then the connection is closed.
        """
        async with self._publishing:
            return await self._ask(nip01.encode_publish(event), event.id, self._settings.ok_timeout_s)

    async def authenticate(self, signer: Signer) -> None:
        """Answer the relay's newest challenge as the signer's pubkey (NIP-42).

        Returns too when the relay sends no challenge or never answers: the next event tells.
        """
        async with self._publishing:
            try:
                async with self._clock.deadline(self._settings.auth_timeout_s):
                    await self._challenged.wait()
            except TimedOut:
                return
            self._challenged.clear()
            event = await signer.sign(
                build_auth_event(signer.pubkey, self._address, self._challenge, self._clock.utc_ms())
            )
            answered = self._expect(event.id)
            try:
                async with self._clock.deadline(self._settings.auth_timeout_s):
                    await self._send(nip01.encode_auth(event))
                    answer = await answered
                _log.debug("relay_auth", relay=self._shown, accepted=answer.accepted, answer=answer.message)
            except TimedOut:
                _log.debug("relay_auth_unanswered", relay=self._shown)
            finally:
                self._answers.pop(event.id, None)

    async def fetch(self, filters: Sequence[dict[str, object]]) -> tuple[SignedEvent, ...]:
        """Return the stored events that match; raises ConnectionLost, TimedOut, RelayRejected, or
        RemoteProtocolError if there is no end of them.
        """
        fetch = Fetch(self._shown)
        try:
            async with self._clock.deadline(self._settings.fetch_timeout_s), self._request(fetch, filters):
                await fetch.done
        except RemoteProtocolError:
            await self.close()
            raise
        except TimedOut as error:
            await self.close()
            raise TimedOut(
                f"{self._shown}: stored events not sent within {self._settings.fetch_timeout_s:g} s"
            ) from error
        return tuple(fetch.events)

    @asynccontextmanager
    async def listen(self, filters: Sequence[dict[str, object]]) -> AsyncIterator[AsyncIterator[SignedEvent]]:
        """Give the events that match, stored ones first, as they come, until the block ends.

        What is published on this connection inside the block is sent after the request, so its
        answer is not missed. Unverified, as `fetch`. The iterator raises the TransportError that
        broke the connection, or RelayRejected; entering raises ConnectionLost.
        """
        listener = Listener(self._shown)
        async with self._request(listener, filters):
            yield listener

    @asynccontextmanager
    async def _request(
        self, subscription: Subscription, filters: Sequence[dict[str, object]]
    ) -> AsyncIterator[None]:
        if not self._is_open:
            raise ConnectionLost(f"{self._shown}: the connection is closed")
        name = self._subscriptions.add(subscription)
        try:
            await self._send(nip01.encode_request(name, filters))
            yield
        finally:
            self._subscriptions.remove(name)
            if self._is_open:
                with suppress(TransportError):  # whoever got what they wanted need not know
                    async with self._clock.deadline(CLOSE_TIMEOUT_S):
                        await self._send(nip01.encode_close(name))

    async def close(self) -> None:
        """Close it; what waits for an answer gets ConnectionLost. May be called twice."""
        self._is_open = False
        this = asyncio.current_task()
        for task in self._tasks:
            if task is not this:
                task.cancel()
        self._fail(ConnectionLost(f"{self._shown}: the connection was closed"))
        await self._socket.close()
        await asyncio.gather(*(task for task in self._tasks if task is not this), return_exceptions=True)

    async def _ask(self, frame: str, event_id: str, timeout_s: float) -> RelayAnswer:
        self._notice = ""
        answered = self._expect(event_id)
        try:
            async with self._clock.deadline(timeout_s):
                await self._send(frame)
                return await answered
        except TimedOut as error:
            # A late OK must not be taken for the answer to the next event: this connection is spent.
            await self.close()
            if self._notice:
                return RelayAnswer(False, f"{NOTICE_PREFIX}: {self._notice}")
            raise TimedOut(f"{self._shown}: no answer to an event within {timeout_s:g} s") from error
        finally:
            self._answers.pop(event_id, None)

    def _expect(self, event_id: str) -> asyncio.Future[RelayAnswer]:
        if not self._is_open:
            raise ConnectionLost(f"{self._shown}: the connection is closed")
        self._last_used_s = self._clock.monotonic_s()
        self._answers[event_id] = asyncio.get_running_loop().create_future()
        return self._answers[event_id]

    async def _send(self, frame: str) -> None:
        self._last_used_s = self._clock.monotonic_s()
        try:
            await self._socket.send(frame)
        except ConnectionClosed as error:
            self._lose(error)

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._socket.recv())
        except ConnectionClosed as error:
            self._is_open = False
            by_peer = error.rcvd is not None and error.rcvd_then_sent is not False
            if by_peer and error.rcvd is not None and error.rcvd.code == MESSAGE_TOO_BIG:
                self._answer("", RelayAnswer(False, f"{TOO_LARGE_PREFIX}: the relay closed the connection"))
            self._fail(ConnectionLost(f"{self._shown}: the connection broke: {show_reason(error)}"))

    def _take(self, message: str | bytes) -> None:
        try:
            if isinstance(message, bytes):
                raise RemoteProtocolError("relay frame: got a binary message, want text")
            frame = nip01.decode_relay_frame(message)
        except RemoteProtocolError as error:
            self._garbage_frames += 1
            if self._garbage_frames == 1:  # once a connection: a broken relay must not fill the log
                _log.warning("relay_sent_garbage", relay=self._shown, error=str(error))
            return
        match frame:
            case nip01.Ok():
                self._answer(frame.event_id, RelayAnswer(frame.accepted, show_words(frame.message)))
            case nip01.Notice():
                self._notice = show_words(frame.message)
                _log.debug("relay_notice", relay=self._shown, notice=self._notice)
            case nip01.AuthChallenge():
                self._challenge = frame.challenge
                self._challenged.set()
            case nip01.EventFound() | nip01.EndOfStoredEvents() | nip01.Closed():
                self._subscriptions.take(frame, len(message))
            case nip01.UnknownFrame():
                _log.debug("relay_unknown_frame", relay=self._shown, label=show_words(frame.label))

    def _answer(self, event_id: str, answer: RelayAnswer) -> None:
        if not event_id and len(self._answers) == 1:
            event_id = next(iter(self._answers))
        waiting = self._answers.get(event_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _fail(self, error: TransportError) -> None:
        self._subscriptions.fail(error)
        for future in self._answers.values():
            if not future.done():
                future.set_exception(error)
                future.exception()  # marks it as seen: its waiter may have given up meanwhile

    def _lose(self, error: ConnectionClosed) -> NoReturn:
        self._is_open = False
        raise ConnectionLost(f"{self._shown}: the connection broke: {show_reason(error)}") from error

    async def _close_when_idle(self) -> None:
        while True:
            idle_at_s = self._last_used_s + self._settings.idle_close_s
            is_idle = not self._answers and not self._subscriptions
            if is_idle and self._clock.monotonic_s() >= idle_at_s:
                await self.close()
                return
            await self._clock.sleep_until(max(idle_at_s, self._clock.monotonic_s() + 1.0))
