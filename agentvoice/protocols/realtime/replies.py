"""The agent's side of a Realtime session: replies, their items, text, sound and tool calls.

Each reply is told to start once and to end once, and nothing of it is told after its end; a
cancelled reply's sound and text that still arrive are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.item import ItemKind, Role
from agentvoice.core.speech import (
    AudioDelta,
    ItemAdded,
    ItemDone,
    ItemFailed,
    ItemRemoved,
    ItemTextDelta,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SpeechEvent,
    ToolCallRequested,
)
from agentvoice.protocols.realtime import server_events as se
from agentvoice.protocols.realtime.item_ledger import ItemLedger, TrackedItem
from agentvoice.protocols.realtime.response_slot import ResponseSlot
from agentvoice.protocols.realtime.usage import reply_usage

KINDS = {"message": ItemKind.MESSAGE, "function_call": ItemKind.TOOL_CALL}
"""The kinds of a reply's items that we know; MCP items run at the provider and say nothing to us."""

ENDINGS = {
    "completed": ResponseStatus.COMPLETED,
    "cancelled": ResponseStatus.CANCELLED,
    "incomplete": ResponseStatus.INCOMPLETE,
}
"""Every other status means that the reply failed."""


class Replies:
    """Turns server events about replies into ours."""

    def __init__(self, items: ItemLedger, slot: ResponseSlot) -> None:
        self.model = ""
        self.wants_audio = False
        """Whether replies are to be spoken: one that is only written is asked for again."""
        self._items = items
        self._slot = slot
        self._started: set[str] = set()
        self._cancelled: set[str] = set()
        self._ended: set[str] = set()
        self._written: dict[str, se.WireItem] = {}  # finished without sound; the reply's end decides

    def cancel(self, response: str) -> bool:
        """Drop what still comes of the reply; returns whether that is new."""
        if response in self._cancelled or response in self._ended:
            return False
        self._cancelled.add(response)
        return True

    def lose_active(self, reason: str) -> Iterator[SpeechEvent]:
        """The session is gone, and with it the reply that was being made: its items stay open."""
        response = self._slot.active
        if response:
            for item in self._items.open_items(response):
                if item.kind is ItemKind.TOOL_CALL:
                    yield ItemFailed(item.ref, "the session ended before the tool call was complete")
            self._ended.add(response)
            self._slot.ended(response)
            yield ResponseEnded(response, ResponseStatus.LOST, reason)

    def created(self, event: se.ResponseCreated) -> Iterator[SpeechEvent]:
        """A reply began."""
        yield from self._start(event.response.id)

    def _start(self, response: str) -> Iterator[SpeechEvent]:
        """Start a reply by whichever event mentions it first."""
        if response not in self._started:
            self._started.add(response)
            self._slot.started(response)
            yield ResponseStarted(response)

    def is_cancelled(self, response: str) -> bool:
        """Whether the reply was cancelled by us."""
        return response in self._cancelled

    def has_ended(self, response: str) -> bool:
        """Whether the reply is over."""
        return response in self._ended

    def has_sound(self, response: str) -> bool:
        """Whether sound of the reply came."""
        return any(item.received_bytes for item in self._items.of_response(response))

    def begin_end(self, response: se.WireResponse) -> Iterator[SpeechEvent]:
        """A reply is over: tell of what its last event mentions first."""
        yield from self._start(response.id)
        for item in response.output or ():
            yield from self.enter(item, response.id, None)
            yield from self._finish(self._items.get(item.id), item)

    def is_only_written(self, response: se.WireResponse) -> bool:
        """Whether a reply that should be spoken came whole, without sound and without a tool call."""
        items = self._items.of_response(response.id)
        return (
            response.status == "completed"
            and response.id not in self._cancelled
            and any(item.ref in self._written for item in items)
            and all(item.kind is ItemKind.MESSAGE and not item.received_bytes for item in items)
        )

    def take_back(self, response: str) -> Iterator[SpeechEvent]:
        """The reply is asked for again: what was written of it is not kept."""
        for item in self._items.open_items(response):
            item.is_cut = True
            self._written.pop(item.ref, None)
            yield ItemRemoved(item.ref)

    def done(self, event: se.ResponseDone) -> Iterator[SpeechEvent]:
        """A reply is over: its open items end with it."""
        response = event.response
        if response.usage is not None:
            yield reply_usage(response.id, self.model, response.usage)
        details = response.status_details or se.StatusDetails()
        reason = details.error.text if details.error else details.reason or ""
        yield from self._end(response.id, ENDINGS.get(response.status or "", ResponseStatus.FAILED), reason)

    def _end(self, response: str, status: ResponseStatus, reason: str) -> Iterator[SpeechEvent]:
        for item in self._items.open_items(response):
            item.is_done = True
            if item.kind is ItemKind.TOOL_CALL:
                yield ItemFailed(item.ref, "the reply ended before the tool call was complete")
            else:
                written = self._written.pop(item.ref, None)
                yield ItemDone(item.ref, written.text if written else None)
        self._ended.add(response)
        self._slot.ended(response)
        yield ResponseEnded(response, status, reason)

    def item_added(self, event: se.OutputItemAdded) -> Iterator[SpeechEvent]:
        """A reply got an item."""
        if event.response_id not in self._ended:
            yield from self._start(event.response_id)
            yield from self.enter(event.item, event.response_id, None)

    def enter(self, item: se.WireItem, response: str, previous_ref: str | None) -> Iterator[SpeechEvent]:
        """An item of a reply takes its place, whichever event tells of it first."""
        kind = KINDS.get(item.type)
        previous_ref = self._items.known(previous_ref)
        if kind is not None and self._items.add(item.id, kind, response) is not None:
            yield ItemAdded(item.id, kind, Role.AGENT, response, previous_ref)

    def item_done(self, event: se.OutputItemDone) -> Iterator[SpeechEvent]:
        """An item of a reply is finished."""
        if event.response_id not in self._ended:
            yield from self.item_added(se.OutputItemAdded(event.response_id, event.item))
            yield from self._finish(self._items.get(event.item.id), event.item)

    def item_settled(self, event: se.ItemSettled) -> Iterator[SpeechEvent]:
        """The conversation's own word that an item is finished; the caller's items have transcripts."""
        item = self._items.get(event.item.id)
        if item is not None and item.response:
            yield from self._finish(item, event.item)

    def _finish(self, item: TrackedItem | None, wire: se.WireItem) -> Iterator[SpeechEvent]:
        if item is None or item.is_silent:
            return
        if item.kind is ItemKind.TOOL_CALL:
            yield from self._call_tool(item, wire)
            return
        if self.wants_audio and not item.received_bytes and item.response not in self._cancelled:
            self._written[item.ref] = wire
            return
        item.is_done = True
        # What the caller did not get to read or hear of a cancelled reply is not its text.
        yield ItemDone(item.ref, None if item.response in self._cancelled else wire.text)

    def _call_tool(self, item: TrackedItem, wire: se.WireItem) -> Iterator[SpeechEvent]:
        item.is_done = True
        is_complete = wire.status in (None, "completed") and bool(wire.name and wire.call_id)
        if not is_complete or item.response in self._cancelled:
            yield ItemFailed(item.ref, "the tool call was not completed")
            return
        arguments = wire.arguments or "{}"
        yield ItemDone(item.ref, arguments)
        yield ToolCallRequested(item.ref, wire.call_id or "", wire.name or "", arguments)

    def text_delta(self, event: se.OutputTextDelta) -> Iterator[SpeechEvent]:
        """More text of an item."""
        item = self._open(event.item_id, event.response_id)
        if item is not None and event.delta:
            yield ItemTextDelta(item.ref, event.delta)

    def audio_delta(self, event: se.OutputAudioDelta) -> Iterator[SpeechEvent]:
        """More sound of an item."""
        item = self._open(event.item_id, event.response_id)
        if item is None or not event.delta:
            return
        sound = item.whole_samples(event.content_index, event.delta)
        if sound:
            yield AudioDelta(item.ref, event.content_index, AudioChunk(CALL_FORMAT, sound), item.response)

    def audio_done(self, event: se.OutputAudioDone) -> Iterator[SpeechEvent]:
        """All sound of a part came: heard to here, it is heard to its end."""
        item = self._items.get(event.item_id)
        if item is not None:
            item.finished_parts.add(event.content_index)
        yield from ()

    def _open(self, ref: str, response: str) -> TrackedItem | None:
        item = self._items.get(ref)
        is_over = response in self._cancelled or response in self._ended
        return None if item is None or item.is_silent or is_over else item
