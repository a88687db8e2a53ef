"""One open connection to a relay: what is sent on it, and what the relay answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from agentvoice.adapters.relay_auth import Authentication
from agentvoice.adapters.relay_dialing import CLOSE_TIMEOUT_S, Dialer
from agentvoice.adapters.relay_flight import Again, Flight, Outcome
from agentvoice.adapters.relay_subscriptions import Fetch, Listener, Subscription, Subscriptions
from agentvoice.adapters.relay_words import show_address, show_reason, show_words
from agentvoice.config.settings import RelaySettings
from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Clock, RelayAnswer, Signer
from agentvoice.errors import ConnectionLost, RemoteProtocolError, TimedOut, TransportError
from agentvoice.protocols.nostr import nip01
from agentvoice.protocols.nostr.answers import (
    NOTICE_PREFIX,
    TOO_LARGE_PREFIX,
    Verdict,
    answer_prefix,
    judge_answer,
)

MESSAGE_TOO_BIG = 1009  # RFC 6455 section 7.4.1

_log = structlog.get_logger(__name__)


class RelayConnection:
    """Made by `open`. Up to relay_flight.MAX_IN_FLIGHT events fly at once."""

    def __init__(
        self,
        address: str,
        socket: ClientConnection,
        settings: RelaySettings,
        clock: Clock,
        *,
        is_careful: bool = False,
    ) -> None:
        self._shown = show_address(address)
        self._socket = socket
        self._settings = settings
        self._clock = clock
        self._flight = Flight(self._shown, is_careful=is_careful)
        self._auth = Authentication(address, clock, settings.auth_timeout_s, self._send_auth)
        self._subscriptions = Subscriptions(self._shown)
        self._garbage_frames = 0
        self._last_used_s = clock.monotonic_s()
        self._is_open = True
        self.was_closed_by_us = False
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._close_when_idle())]

    @classmethod
    async def open(cls, address: str, settings: RelaySettings, clock: Clock) -> RelayConnection:
        """Connect to a ws:// or wss:// address; raises ConnectFailed or TimedOut."""
        dialer = Dialer(settings, clock)
        try:
            return cls(address, await dialer.dial(address), settings, clock)
        finally:
            dialer.close()

    @property
    def is_open(self) -> bool:
        """Whether something can be sent on it, as far as we know."""
        return self._is_open

    async def publish(self, event: SignedEvent, frame: str = "", speaker: str = "") -> Outcome:
        """Send an event (`frame`, if it is encoded already) and return the answer.

        `speaker` is who answers AUTH for it, if not its author. Or return why it should be sent again on another connection. A NOTICE, when no OK came in
        time, is returned as `notice: …`, and a socket closed as "message too big" as `too-large: …`.
        Raises ConnectionLost or TimedOut; then the connection is closed.
        """
        if not self._is_open:
            raise ConnectionLost(f"{self._shown}: the connection is closed")
        missed = await self._flight.take_turn()
        if missed is not None:
            return missed
        try:
            outcome = await self._ask(event.id, frame or nip01.encode_publish(event))
        finally:
            self._flight.give_turn()
        if isinstance(outcome, RelayAnswer) and outcome.accepted:
            self._auth.note_accepted(speaker or event.pubkey)
        return outcome

    def auth_rounds(self, pubkey: str) -> int:
        """How often we have told the relay that we are this pubkey: ask before you publish."""
        return self._auth.rounds(pubkey)

    def wants_auth(self, answer: RelayAnswer, pubkey: str, seen_rounds: int) -> bool:
        """Whether telling the relay who we are may change its answer to an event of this pubkey.

        Some say `restricted:` to those who have not answered their challenge yet.
        """
        if judge_answer(answer, 0) is Verdict.AUTH:
            return True
        is_restricted = not answer.accepted and answer_prefix(answer.message) == "restricted"
        return is_restricted and self._auth.may_help(pubkey, seen_rounds)

    async def authenticate(self, signer: Signer, seen_rounds: int = 0) -> bool:
        """Answer the relay's newest challenge as the signer's pubkey (NIP-42).

        Once for all who ask at the same time. Returns False when that cannot help: the relay sends
        no challenge, or is never content. One that does not answer AUTH is asked no further: the
        next event tells. Raises ConnectionLost.
        """
        return await self._auth.tell(signer, seen_rounds)

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

    async def close(self) -> None:
        """Close it; what waits for an answer gets ConnectionLost. May be called twice."""
        self.was_closed_by_us = True
        closed = ConnectionLost(f"{self._shown}: the connection was closed")
        self._end(closed, closed)
        this = asyncio.current_task()
        for task in self._tasks:
            if task is not this:
                task.cancel()
        await self._socket.close()
        await asyncio.gather(*(task for task in self._tasks if task is not this), return_exceptions=True)

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

    async def _ask(self, event_id: str, frame: str) -> Outcome:
        answered = await self._flight.expect(event_id)
        try:
            async with self._clock.deadline(self._settings.ok_timeout_s):
                await self._send(frame)
                return await answered
        except TimedOut:
            return await self._give_up()
        except asyncio.CancelledError:
            # The answer will come, and with it, on some relays, no name: this connection is spent.
            lost = ConnectionLost(f"{self._shown}: the connection was given up")
            self._end(lost, Again.UNSENT)
            self._socket.transport.abort()
            raise

    async def _give_up(self) -> Outcome:
        """Close the connection after an event without OK: a late one must not find another event."""
        flight, timeout_s = self._flight, self._settings.ok_timeout_s
        timed_out = TimedOut(f"{self._shown}: no answer to an event within {timeout_s:g} s")
        if flight.notice and flight.is_notice_shared:
            self._end(Again.ALONE, Again.UNSENT)
        else:
            self._end(timed_out, timed_out)
        await self.close()
        if not flight.notice:
            raise timed_out
        return (
            Again.ALONE
            if flight.is_notice_shared
            else RelayAnswer(False, f"{NOTICE_PREFIX}: {flight.notice}")
        )

    async def _send_auth(self, event: SignedEvent) -> None:
        # Before the events that wait: each of them would be refused, and cost us a relay's patience.
        if await self._flight.take_turn(is_first=True) is not None:
            raise ConnectionLost(f"{self._shown}: the connection is closed")
        try:
            answered = await self._flight.expect(event.id)
            async with self._clock.deadline(self._settings.auth_timeout_s):
                await self._send(nip01.encode_auth(event))
                _log.debug("relay_auth", relay=self._shown, answer=await answered)
        except TimedOut:
            _log.debug("relay_auth_unanswered", relay=self._shown)
        finally:
            self._flight.forget(event.id)
            self._flight.give_turn()

    async def _send(self, frame: str) -> None:
        self._last_used_s = self._clock.monotonic_s()
        try:
            await self._socket.send(frame)
        except ConnectionClosed as error:
            self._is_open = False
            raise ConnectionLost(f"{self._shown}: the connection broke: {show_reason(error)}") from error

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._socket.recv())
        except ConnectionClosed as error:
            lost = ConnectionLost(f"{self._shown}: the connection broke: {show_reason(error)}")
            by_peer = error.rcvd is not None and error.rcvd_then_sent is not False
            if len(self._flight) > 1:
                self._end(Again.ALONE, Again.UNSENT, lost)
            elif by_peer and error.rcvd is not None and error.rcvd.code == MESSAGE_TOO_BIG:
                too_large = RelayAnswer(False, f"{TOO_LARGE_PREFIX}: the relay closed the connection")
                self._end(too_large, Again.UNSENT, lost)
            else:
                self._end(lost, Again.UNSENT)

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
                self._take_ok(frame)
            case nip01.Notice():
                self._flight.take_notice(show_words(frame.message))
                _log.debug("relay_notice", relay=self._shown, notice=self._flight.notice)
            case nip01.AuthChallenge():
                self._auth.take_challenge(frame.challenge)
            case nip01.EventFound() | nip01.EndOfStoredEvents() | nip01.Closed():
                self._subscriptions.take(frame, len(message))
            case nip01.UnknownFrame():
                _log.debug("relay_unknown_frame", relay=self._shown, label=show_words(frame.label))

    def _take_ok(self, frame: nip01.Ok) -> None:
        if not self._flight.take_ok(frame.event_id, RelayAnswer(frame.accepted, show_words(frame.message))):
            _log.info("relay_answer_without_event", relay=self._shown, in_flight=len(self._flight))
            self._end(Again.ALONE, Again.UNSENT)
            self._socket.transport.abort()

    def _end(
        self,
        in_flight: TransportError | Outcome,
        waiting: TransportError | Again,
        lost: TransportError | None = None,
    ) -> None:
        """Nothing can be sent or received any more: tell everybody who waits; the first time counts."""
        self._is_open = False
        self._flight.end(in_flight, waiting)
        if isinstance(in_flight, TransportError):
            lost = in_flight
        self._subscriptions.fail(lost or ConnectionLost(f"{self._shown}: the connection was given up"))

    async def _close_when_idle(self) -> None:
        while True:
            idle_at_s = self._last_used_s + self._settings.idle_close_s
            is_idle = self._flight.is_idle and not self._subscriptions
            if is_idle and self._clock.monotonic_s() >= idle_at_s:
                await self.close()
                return
            await self._clock.sleep_until(max(idle_at_s, self._clock.monotonic_s() + 1.0))
