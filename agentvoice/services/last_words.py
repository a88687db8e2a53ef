"""The caller's last words: a call that ends waits a little until what was just said is text.

Among them may be "do not publish this", said while hanging up: words that are never heard could
not be obeyed. For the same reason the caller is listened to while the call closes, which may take
seconds: pressing or typing it then must not be lost.
"""

from __future__ import annotations

from collections.abc import Callable

from agentvoice.core.call import EndReason
from agentvoice.core.leg import LegEvent
from agentvoice.core.ports import CallerLeg, Clock
from agentvoice.core.speech import CommitInput
from agentvoice.core.turn_taking import Turn
from agentvoice.services.dialogue import Dialogue
from agentvoice.services.session_link import SessionLink

LAST_WORDS_S = 3.0
"""How long an ended call waits for the transcript of what was said last."""

LOOK_S = 0.05
"""How often it looks."""


async def hear_last_words(dialogue: Dialogue, link: SessionLink, clock: Clock) -> None:
    """End the caller's turn if one is under way, and wait for its words within the limit."""
    if link.session is None:
        return
    until_s = clock.monotonic_s() + LAST_WORDS_S
    is_speaking = dialogue.display.turn is Turn.HEARING
    if is_speaking:
        link.send(CommitInput())
    while clock.monotonic_s() < until_s:
        # A turn that was only just ended enters the conversation when the session says so.
        is_speaking = is_speaking and dialogue.display.turn is Turn.HEARING
        if not is_speaking and not dialogue.conversation.has_open_turn:
            return
        await clock.sleep_until(min(until_s, clock.monotonic_s() + LOOK_S))


class CallerReading:
    """Reads a leg for as long as the call lasts: `route` takes what the caller does, and `late` once it closes."""

    def __init__(
        self,
        leg: CallerLeg,
        route: Callable[[LegEvent], None],
        late: Callable[[LegEvent], None],
        end: Callable[[EndReason], None],
    ) -> None:
        self._leg = leg
        self._take = route
        self._late = late
        self._end = end

    async def run(self) -> None:
        """Read; a leg that ends without a word hung up too."""
        async for event in self._leg.events():
            self._take(event)
        self._end(EndReason.CALLER)

    def close(self) -> None:
        """The call closes."""
        self._take = self._late
