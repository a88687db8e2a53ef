"""What was asked of a relay with REQ on one connection, and what has come for it."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

import structlog

from agentvoice.adapters.relay_words import show_words
from agentvoice.core.event import SignedEvent
from agentvoice.errors import AgentVoiceError, RelayRejected, RemoteProtocolError, TransportError
from agentvoice.protocols.nostr import nip01

MAX_FETCHED_EVENTS = 5_000
"""A relay that ignores the limits of a filter is cut off."""

MAX_FETCHED_BYTES = 16 * 1_048_576
"""A hundred events, as many as are asked for at once, at far more than relays store for one."""

MAX_UNREAD_EVENTS = 256
"""What a listener may leave unread; beyond it the oldest is dropped, for an answer is new."""

SubscriptionFrame = nip01.EventFound | nip01.EndOfStoredEvents | nip01.Closed

_log = structlog.get_logger(__name__)


class Subscription(Protocol):
    """Something that waits for events of one REQ."""

    def take(self, event: SignedEvent, frame_chars: int) -> None:
        """An event came."""
        ...

    def take_end_of_stored(self) -> None:
        """Everything stored has come."""
        ...

    def fail(self, error: AgentVoiceError) -> None:
        """No more will come."""
        ...


class Fetch:
    """The stored events of a request; `done` ends with EOSE, or with the error that ended it."""

    def __init__(self, relay: str) -> None:
        self._relay = relay
        self._received_chars = 0
        self.events: list[SignedEvent] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, event: SignedEvent, frame_chars: int) -> None:
        """Keep an event, within limits."""
        self.events.append(event)
        self._received_chars += frame_chars
        if len(self.events) > MAX_FETCHED_EVENTS:
            self.fail(RemoteProtocolError(f"{self._relay}: sent more than {MAX_FETCHED_EVENTS} events"))
        elif self._received_chars > MAX_FETCHED_BYTES:
            self.fail(RemoteProtocolError(f"{self._relay}: sent more than {MAX_FETCHED_BYTES} bytes"))

    def take_end_of_stored(self) -> None:
        """Nothing more is waited for."""
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, error: AgentVoiceError) -> None:
        """End the wait with an error."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # marks it as seen: its waiter may have given up meanwhile


class Listener:
    """The events of a request as they come, stored ones first, until the connection ends.

    An async iterator. It ends with the TransportError that broke the connection, or with
    RelayRejected when the relay refuses or ends the request; what came before is given first.
    """

    def __init__(self, relay: str) -> None:
        self._relay = relay
        self._unread: deque[SignedEvent] = deque()
        self._news = asyncio.Event()
        self._error: AgentVoiceError | None = None
        self.dropped = 0
        """Events that came faster than they were read."""

    def __aiter__(self) -> AsyncIterator[SignedEvent]:
        return self

    async def __anext__(self) -> SignedEvent:
        while not self._unread:
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()
        return self._unread.popleft()

    def take(self, event: SignedEvent, frame_chars: int) -> None:
        """Queue an event."""
        if len(self._unread) == MAX_UNREAD_EVENTS:
            self._unread.popleft()
            self.dropped += 1
            if self.dropped == 1:  # once: a relay that floods us must not flood the log
                _log.warning("relay_events_dropped", relay=self._relay)
        self._unread.append(event)
        self._news.set()

    def take_end_of_stored(self) -> None:
        """What comes from now on is new; to a listener that is all the same."""

    def fail(self, error: AgentVoiceError) -> None:
        """End the iteration, after what is unread."""
        self._error = self._error or error
        self._news.set()


class Subscriptions:
    """The open requests of one connection, by name."""

    def __init__(self, relay: str) -> None:
        self._relay = relay
        self._open: dict[str, Subscription] = {}
        self._count = itertools.count(1)

    def __len__(self) -> int:
        return len(self._open)

    def add(self, subscription: Subscription) -> str:
        """Return the name to ask under; no name is used twice."""
        name = f"agentvoice-{next(self._count)}"
        self._open[name] = subscription
        return name

    def remove(self, name: str) -> None:
        """Forget one; what still comes for it is passed over."""
        self._open.pop(name, None)

    def take(self, frame: SubscriptionFrame, frame_chars: int) -> None:
        """Give a frame to whom it is for."""
        subscription = self._open.get(frame.subscription)
        if subscription is None:
            return
        match frame:
            case nip01.EventFound():
                subscription.take(frame.event, frame_chars)
            case nip01.EndOfStoredEvents():
                subscription.take_end_of_stored()
            case nip01.Closed():
                words = show_words(frame.message)
                subscription.fail(RelayRejected(f"{self._relay}: the request was refused: {words}"))

    def fail(self, error: TransportError) -> None:
        """The connection is gone: tell everybody."""
        for subscription in self._open.values():
            subscription.fail(error)
