"""Replies that failed and are asked for again: after a rate limit, a server's trouble, or words without sound.

What the caller already heard some of is never asked for again: it would be said twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentvoice.core.speech import Respond, SessionError, SpeechEvent
from agentvoice.protocols.realtime import server_events as se
from agentvoice.protocols.realtime.replies import Replies
from agentvoice.protocols.realtime.response_slot import ResponseSlot
from agentvoice.protocols.realtime.retries import RateLimits, plan_repeat

TEXT_ONLY = "text_only_reply"
MAX_TEXT_ONLY_REPEATS = 1  # a model that writes twice will not speak the third time


class ReplyRepeats:
    """Decides what is asked for again. `take_wait_s` says when the session must be woken for it."""

    def __init__(self, slot: ResponseSlot, replies: Replies) -> None:
        self._slot = slot
        self._replies = replies
        self._limits = RateLimits()
        self._wait_s: float | None = None

    def limits_updated(self, event: se.RateLimitsUpdated) -> Iterator[SpeechEvent]:
        """The provider says what is left of the account's limits."""
        self._limits.update(event.rate_limits)
        yield from ()

    def take_wait_s(self) -> float | None:
        """Return, once, the seconds after which a reply is to be asked for again."""
        wait_s, self._wait_s = self._wait_s, None
        return wait_s

    def reply_ends(self, response: se.WireResponse) -> Iterator[SpeechEvent]:
        """A reply is about to end: tell if another one comes in its place."""
        if self._replies.is_only_written(response):
            if self._slot.repeat(response.id, MAX_TEXT_ONLY_REPEATS, is_later=False):
                text = "the reply came as text without sound and is asked for again"
                yield _repeated(TEXT_ONLY, text)
                yield from self._replies.take_back(response.id)
            return
        error = response.status_details.error if response.status_details else None
        if error is None or self._replies.is_cancelled(response.id):
            return
        repeat = None if self._replies.has_sound(response.id) else plan_repeat(error, self._limits)
        if repeat is not None and self._slot.repeat(response.id, repeat.most, is_later=True):
            self._wait_s = repeat.wait_s
            yield _repeated(error.name, error.text)
        else:
            yield SessionError(error.name, error.text, command=Respond.__name__)

    def request_refused(self, error: se.WireError) -> SessionError | None:
        """A request was refused: return what to tell if it is asked again after a wait."""
        repeat = plan_repeat(error, self._limits)
        if repeat is None or not self._slot.put_off(repeat.most):
            return None
        self._wait_s = repeat.wait_s
        return _repeated(error.name, error.text)


def _repeated(code: str, text: str) -> SessionError:
    return SessionError(code, text, command=Respond.__name__, is_retried=True)
