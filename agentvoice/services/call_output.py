"""What the caller hears: sound goes to the leg at once, and can be cut exactly.

Order of a barge-in: output cleared, item truncated at the millisecond heard,
response cancelled if still active. The leg answers the order to clear with what it really played,
so the cut does not depend on when the last report came.
"""

from __future__ import annotations

from agentvoice.core.audio import CALL_FORMAT
from agentvoice.core.playback import Cut, Playback
from agentvoice.core.ports import CallerLeg
from agentvoice.core.speech import AudioDelta, ResponseEnded, ResponseStarted


class CallOutput:
    """The way of sound to one caller leg."""

    def __init__(self, leg: CallerLeg) -> None:
        self._leg = leg
        self._playback = Playback(CALL_FORMAT)
        self._active = ""
        self._muted: set[str] = set()

    @property
    def is_idle(self) -> bool:
        """Whether no reply is being made and all sound was heard or dropped."""
        return not self._active and self._playback.is_idle

    @property
    def is_audible(self) -> bool:
        """Whether there is sound that the caller has not heard yet."""
        return not self._playback.is_idle

    @property
    def active_response(self) -> str:
        """The reply being made, "" if none."""
        return self._active

    def response_started(self, event: ResponseStarted) -> None:
        """A reply began."""
        self._active = event.response

    def response_ended(self, event: ResponseEnded) -> None:
        """A reply is over: nothing of it can come any more."""
        if self._active == event.response:
            self._active = ""
        self._muted.discard(event.response)

    def play(self, event: AudioDelta) -> bool:
        """Pass sound on; return False for late sound of a reply that was interrupted."""
        if event.response in self._muted:
            return False
        self._playback.queue(event.ref, event.content_index, event.chunk.sample_count)
        self._leg.play(event.chunk)
        return True

    def interrupt(self) -> str:
        """Stop what is being said; return the reply to cancel, "" if none is being made."""
        if self._active:
            self._muted.add(self._active)
        if not self._playback.is_idle:
            self._playback.fence()
            self._leg.clear_output()
        return self._active

    def is_muted(self, response: str) -> bool:
        """Whether the reply was interrupted."""
        return response in self._muted

    def cleared(self, sample_count: int) -> tuple[Cut, ...]:
        """The leg cleared its sound; return where items were cut."""
        return self._playback.cleared(sample_count)

    def played(self, sample_count: int) -> tuple[str, ...]:
        """The leg played on; return the refs whose sound is all heard."""
        return self._playback.played(sample_count)

    def is_heard(self, ref: str) -> bool:
        """Whether all sound of the item that was received was heard."""
        return self._playback.is_heard(ref)

    def received_ms(self, ref: str) -> int:
        """Milliseconds of sound received of the item."""
        return self._playback.received_ms(ref)

    def abandon(self) -> tuple[Cut, ...]:
        """The session is gone or the call ends: play no more; return where each item is cut."""
        if not self._playback.is_idle:
            self._playback.fence()
            self._leg.clear_output()
        return self._playback.abandon()

    def forget_session(self) -> None:
        """A new session is joined: replies of the old one are over."""
        self._active = ""
        self._muted.clear()
        self._playback.begin_session()

    def settle(self, ref: str) -> None:
        """The item is finished: drop its bookkeeping."""
        self._playback.forget(ref)
