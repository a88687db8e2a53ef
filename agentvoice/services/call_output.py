"""What the caller hears: sound goes to the leg at once, and can be cut exactly, or held back.

Order of a barge-in: output cleared, item truncated at the millisecond heard,
response cancelled if still active. The leg answers the order to clear with what it really played,
so the cut does not depend on when the last report came.

Sound is held back while it is not known whether the caller interrupts: the leg is cleared, what it
did not play is kept with what comes meanwhile, and is played on, or cut where it was heard.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.playback import Cut, Playback, Unheard
from agentvoice.core.ports import CallerLeg
from agentvoice.core.speech import AudioDelta, ResponseEnded, ResponseStarted


class Holding(Enum):
    """What is to become of the sound held back."""

    NONE = "none"
    KEEP = "keep"
    PLAY = "play"
    """As soon as the leg has said how much it played."""
    CUT = "cut"
    """The same."""


class CallOutput:
    """The way of sound to one caller leg."""

    def __init__(self, leg: CallerLeg) -> None:
        self._leg = leg
        self._playback = Playback(CALL_FORMAT)
        self._active = ""
        self._muted: set[str] = set()
        self._holding = Holding.NONE
        self._held: list[Unheard] = []
        self._orders: deque[Holding] = deque()  # orders to clear not answered yet: KEEP or CUT

    @property
    def is_idle(self) -> bool:
        """Whether no reply is being made and all sound was heard or dropped."""
        return not self._active and not self.is_audible

    @property
    def is_audible(self) -> bool:
        """Whether there is sound that the caller has not heard yet."""
        return not self._playback.is_idle or bool(self._held)

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
        sound = event.chunk.samples
        if self._holding in (Holding.KEEP, Holding.PLAY):
            self._playback.receive(event.ref, event.content_index, sound)
            self._held.append(Unheard(event.ref, event.content_index, sound))
        else:
            self._playback.queue(event.ref, event.content_index, sound)
            self._leg.play(event.chunk)
        return True

    def hold(self) -> None:
        """Stop playing for now: what is not heard yet is kept."""
        if self._holding is Holding.NONE:
            self._holding = Holding.KEEP
            self._clear(Holding.KEEP)
        elif self._holding is Holding.PLAY:
            self._holding = Holding.KEEP

    def resume(self) -> None:
        """Play on where it was held."""
        if self._holding is Holding.KEEP:
            self._holding = Holding.PLAY
            self._play_held()

    def _play_held(self) -> None:
        if self._holding is not Holding.PLAY or Holding.KEEP in self._orders:
            return
        held, self._held, self._holding = self._held, [], Holding.NONE
        for unheard in held:
            self._playback.send_on(unheard.ref, unheard.content_index, unheard.sound)
            self._leg.play(AudioChunk(CALL_FORMAT, unheard.sound))

    def interrupt(self) -> str:
        """Stop what is being said; return the reply to cancel, "" if none is being made."""
        if self._active:
            self._muted.add(self._active)
        if self._holding is not Holding.NONE:
            self._holding = Holding.CUT
        self._clear(Holding.CUT)
        return self._active

    def _clear(self, order: Holding) -> None:
        if self.is_audible:
            self._playback.fence()
            self._orders.append(order)
            self._leg.clear_output()
        elif self._holding is Holding.CUT:  # held back before any sound came
            self._holding = Holding.NONE

    def is_muted(self, response: str) -> bool:
        """Whether the reply was interrupted."""
        return response in self._muted

    def cleared(self, sample_count: int) -> tuple[Cut, ...]:
        """The leg cleared its sound; return where items were cut."""
        order = self._orders.popleft() if self._orders else Holding.CUT
        if order is Holding.KEEP:
            self._held[:0] = self._playback.taken_back(sample_count)
            self._play_held()
            return ()
        cuts = self._playback.cleared(sample_count)
        if self._holding is Holding.CUT:
            cuts += self._cut_held()
        return cuts

    def _cut_held(self) -> tuple[Cut, ...]:
        held, self._held, self._holding = self._held, [], Holding.NONE
        return self._playback.cut_of(held)

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
        self._clear(Holding.CUT)
        self._orders = deque(Holding.CUT for _ in self._orders)
        cuts = self._playback.abandon()
        known = {(cut.ref, cut.content_index) for cut in cuts}
        return cuts + tuple(cut for cut in self._cut_held() if (cut.ref, cut.content_index) not in known)

    def forget_session(self) -> None:
        """A new session is joined: replies of the old one are over."""
        self._active = ""
        self._muted.clear()
        self._playback.begin_session()

    def settle(self, ref: str) -> None:
        """The item is finished: drop its bookkeeping."""
        self._playback.forget(ref)
