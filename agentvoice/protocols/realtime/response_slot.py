"""One response at a time: who holds the session's one place for a reply, and who waits for it.

The place is taken when `response.create` is *sent*, not when the server confirms it: a second one
sent in between would be refused (`conversation_already_has_active_response`). The server's own
turn detection may still take the place first; a request that it refuses for that waits again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

from agentvoice.core.speech import Respond

MAX_WAITING = 8
"""Requests that wait; more than the caller could want to hear, so the oldest goes."""

MAX_TRIES = 3
"""How often one request may lose the place to the server's own replies."""


class SlotState(StrEnum):
    """Who holds the place."""

    FREE = "free"
    ASKED = "asked"
    ACTIVE = "active"


class SlotEvent(StrEnum):
    """What happens to it."""

    SENT = "sent"
    STARTED = "started"
    REFUSED = "refused"
    ENDED = "ended"


NEXT_STATE: dict[tuple[SlotState, SlotEvent], SlotState] = {
    (SlotState.FREE, SlotEvent.SENT): SlotState.ASKED,
    (SlotState.FREE, SlotEvent.STARTED): SlotState.ACTIVE,  # the server's turn detection
    (SlotState.ASKED, SlotEvent.STARTED): SlotState.ACTIVE,
    (SlotState.ASKED, SlotEvent.REFUSED): SlotState.FREE,
    (SlotState.ACTIVE, SlotEvent.STARTED): SlotState.ACTIVE,  # its end was lost: the newer one counts
    (SlotState.ACTIVE, SlotEvent.REFUSED): SlotState.ACTIVE,  # the server's reply was first
    (SlotState.ACTIVE, SlotEvent.ENDED): SlotState.FREE,
}
"""What is not here cannot happen: a request is only sent when FREE, only the active reply ends."""


@dataclass(frozen=True, slots=True)
class _Request:
    respond: Respond
    event_id: str = ""
    tries: int = 0
    repeats: int = 0


class ResponseSlot:
    """The one place for a reply in a session."""

    def __init__(self) -> None:
        self.state = SlotState.FREE
        self.active = ""
        """The response that holds the place."""
        self._waiting: deque[_Request] = deque()
        self._last_sent: _Request | None = None
        self._running = _Request(Respond())  # what the active response answers
        self._held: _Request | None = None  # asked again later, unless a newer reply makes it needless
        self._cancels_next = False

    def _move(self, event: SlotEvent) -> None:
        self.state = NEXT_STATE[self.state, event]

    def ask(self, respond: Respond) -> Respond | None:
        """Add a request; returns the one that is given up for it when too many wait.

        Two plain requests that both wait are one: the reply answers all that was said before it.
        """
        plain = not respond.say
        self._give_up_held()
        if plain and self.state is not SlotState.FREE and any(not one.respond.say for one in self._waiting):
            return None
        self._waiting.append(_Request(respond))
        return self._waiting.popleft().respond if len(self._waiting) > MAX_WAITING else None

    def take(self, event_id: str) -> Respond | None:
        """Take the place for the next request, None when it is held or nobody waits."""
        if self.state is not SlotState.FREE or not self._waiting:
            return None
        request = self._waiting.popleft()
        self._last_sent = replace(request, event_id=event_id, tries=request.tries + 1)
        self._move(SlotEvent.SENT)
        return request.respond

    def started(self, response: str) -> None:
        """A response began."""
        is_ours = self.state is SlotState.ASKED and self._last_sent is not None
        self._running = self._last_sent if is_ours and self._last_sent else _Request(Respond())
        self._give_up_held()
        self.active = response
        self._move(SlotEvent.STARTED)

    def take_unwanted(self) -> str:
        """Return, once, the response that was cancelled before it began and has begun now."""
        if not self._cancels_next or self.state is not SlotState.ACTIVE:
            return ""
        self._cancels_next = False
        return self.active

    def ended(self, response: str) -> None:
        """A response is over; the place is free if it was the active one."""
        if self.state is SlotState.ACTIVE and response == self.active:
            self.active = ""
            self._move(SlotEvent.ENDED)

    def refused(self, *, place_is_held: bool) -> bool:
        """The server refused the request that was sent last; returns whether that is settled:
        it waits again, or nobody wants it any more.

        `place_is_held`: it refused because another response is active.
        """
        request, self._last_sent = self._last_sent, None
        if request is None:
            return False
        was_cancelled, self._cancels_next = self._cancels_next, False
        if self.state is not SlotState.FREE:
            self._move(SlotEvent.REFUSED)
        if was_cancelled:
            return True
        if not place_is_held or request.tries >= MAX_TRIES:
            return False
        self._waiting.appendleft(request)
        return True

    def repeat(self, response: str, most: int, *, is_later: bool) -> bool:
        """Ask again for what `response` failed to be; False when it was repeated `most` times.

        `is_later`: when `release` says so. To be called before it has ended.
        """
        if response != self.active or self._running.repeats >= most:
            return False
        self._put_back(self._running, is_later=is_later)
        return True

    def put_off(self, most: int) -> bool:
        """The request sent last was refused for now: ask again when `release` says so."""
        request = self._last_sent
        if self.state is not SlotState.ASKED or request is None or request.repeats >= most:
            return False
        self._last_sent = None
        self._move(SlotEvent.REFUSED)
        was_cancelled, self._cancels_next = self._cancels_next, False
        if not was_cancelled:
            self._put_back(request, is_later=True)
        return True

    def _put_back(self, request: _Request, *, is_later: bool) -> None:
        again = _Request(request.respond, repeats=request.repeats + 1)
        if not is_later:
            self._waiting.appendleft(again)
        elif not self._waiting:  # else those who wait are newer
            self._held = again

    def release(self) -> None:
        """The wait is over: what is held is asked for next."""
        if self._held is not None:
            self._waiting.appendleft(self._held)
            self._held = None

    def _give_up_held(self) -> None:
        """A newer reply answers all that was said before; words to be spoken are still owed."""
        if self._held is not None and not self._held.respond.say:
            self._held = None

    @property
    def has_request(self) -> bool:
        """Whether a refusal without an id can be meant for a request of ours."""
        return self._last_sent is not None

    def is_request(self, event_id: str) -> bool:
        """Whether `event_id` is that of the request sent last."""
        return self._last_sent is not None and self._last_sent.event_id == event_id

    def cancel(self) -> str:
        """Return the response to cancel, empty when none runs; one that is only asked for is
        cancelled as soon as it starts. Requests that wait are newer than the interrupt and stay.
        """
        self._held = None
        if self.state is SlotState.ASKED:
            self._cancels_next = True
        return self.active
