"""Items end as they were heard: finished when their sound is, cut where it stopped, told to the session."""

from __future__ import annotations

from collections.abc import Callable

from agentvoice.core.conversation import Conversation
from agentvoice.core.item import Item, Role
from agentvoice.core.playback import Cut
from agentvoice.core.ports import Clock
from agentvoice.core.speech import (
    AudioDelta,
    ItemAdded,
    ItemDone,
    ItemFailed,
    ItemRemoved,
    ResponseEnded,
    ResponseStatus,
    SpeechCommand,
    TruncateItem,
)
from agentvoice.services.call_output import CallOutput


class HeardItems:
    """`note` shows and keeps changed items; `send` tells the session."""

    def __init__(
        self,
        conversation: Conversation,
        output: CallOutput,
        clock: Clock,
        send: Callable[[SpeechCommand], None],
        note: Callable[[tuple[Item, ...]], None],
    ) -> None:
        self._conversation = conversation
        self._output = output
        self._clock = clock
        self._send = send
        self._note = note
        self._refs_of: dict[str, list[str]] = {}
        self._dropped_ms: dict[str, int] = {}  # of items whose end came too late to be heard

    def begin_session(self) -> None:
        """A new session's refs may be those of the old one."""
        self._refs_of.clear()
        self._dropped_ms.clear()

    def added(self, event: ItemAdded) -> None:
        """An item of a reply: it ends with the reply at the latest."""
        if event.response:
            self._refs_of.setdefault(event.response, []).append(event.ref)

    def has_sound(self, response: str) -> bool:
        """Whether sound of a reply has come."""
        return any(self._output.received_ms(ref) for ref in self._refs_of.get(response, []))

    def heard(self, ref: str) -> None:
        """All sound of the item was heard: if it is done, it is finished."""
        dropped_ms = self._dropped_ms.pop(ref, 0)
        if dropped_ms:
            received_ms = self._output.received_ms(ref)
            self.cut_short(Cut(ref, 0, received_ms, received_ms + dropped_ms))
            return
        self._note(self._conversation.heard(ref, self._clock.utc_ms()))
        item = self._conversation.item_of(ref)
        if item is not None and item.is_finished:
            self._output.settle(ref)

    def cut_short(self, cut: Cut) -> None:
        """Cut an item and tell the session, which takes all of it for said."""
        self.cut(cut)
        item = self._conversation.item_of(cut.ref)
        self._send(TruncateItem(cut.ref, cut.content_index, cut.heard_ms, item.text if item else ""))

    def cut(self, cut: Cut) -> None:
        """Cut an item where the caller stopped hearing it."""
        self._note(self._conversation.cut(cut, self._clock.utc_ms()))
        self._output.settle(cut.ref)

    def dropped(self, event: AudioDelta) -> None:
        """Sound of an interrupted reply came too late: its item ends with what was heard before."""
        item = self._conversation.item_of(event.ref)
        if item is None or item.is_finished:
            return
        self._dropped_ms[event.ref] = self._dropped_ms.get(event.ref, 0) + event.chunk.duration_ms
        if self._output.is_heard(event.ref):  # else it is cut when the leg has cleared
            self.heard(event.ref)

    def response_ended(self, event: ResponseEnded, *, was_muted: bool) -> None:
        """A reply is over: what of it was never heard is cut, what is being heard goes on."""
        for ref in self._refs_of.pop(event.response, []):
            self._settle(ref, event.status, was_muted=was_muted)

    def _settle(self, ref: str, status: ResponseStatus, *, was_muted: bool) -> None:
        item = self._conversation.item_of(ref)
        if item is None or item.is_finished:
            return
        is_heard = self._output.is_heard(ref)
        received_ms = self._output.received_ms(ref)
        if is_heard and (was_muted or status is not ResponseStatus.COMPLETED):  # it may lack its end
            self.cut(Cut(ref, 0, received_ms, received_ms))
        elif is_heard or not was_muted:  # not heard yet, it is still being played: finished when heard
            self._note(self._conversation.apply(ItemDone(ref), self._clock.utc_ms(), received_ms))
            if is_heard:
                self.heard(ref)

    def finish_all(self, said_again: str) -> None:
        """Nothing more of this session will be heard: finish its items as they are.

        A caller's turn without a transcript becomes a marked item, not a hole; `said_again` is the
        one whose sound goes to the next session: it enters there, with its words.
        """
        now = self._clock.utc_ms()
        for cut in self._output.abandon():
            self.cut(cut)
        for ref in self._conversation.unfinished():
            item = self._conversation.item_of(ref)
            if ref == said_again:
                self._note(self._conversation.apply(ItemRemoved(ref), now))
            elif item is not None and item.role is Role.USER:
                self._note(self._conversation.apply(ItemFailed(ref, "the session ended first"), now))
            else:
                received_ms = self._output.received_ms(ref)
                self._note(self._conversation.cut(Cut(ref, 0, received_ms, received_ms), now))
