"""The caller's last words: a call that ends waits a little until what was just said is text.

Among them may be "do not publish this", said while hanging up: words that are never heard could
not be obeyed.
"""

from __future__ import annotations

from agentvoice.core.ports import Clock
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
