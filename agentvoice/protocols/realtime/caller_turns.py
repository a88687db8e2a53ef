"""The caller's side of a Realtime session: speech, committed turns and their transcripts.

A turn takes its place when it is committed; its words come later, often after the reply began.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentvoice.core.item import ItemKind
from agentvoice.core.speech import (
    ItemDone,
    ItemFailed,
    ItemRemoved,
    ItemTextDelta,
    SpeechEvent,
    SpeechStarted,
    SpeechStopped,
    TurnCommitted,
)
from agentvoice.protocols.realtime import server_events as se
from agentvoice.protocols.realtime.item_ledger import ItemLedger
from agentvoice.protocols.realtime.usage import transcription_usage


class CallerTurns:
    """Turns server events about the caller into ours."""

    def __init__(self, items: ItemLedger) -> None:
        self.transcription_model = ""
        self._items = items
        self._billed: set[str] = set()

    def speech_started(self, event: se.InputSpeechStarted) -> Iterator[SpeechEvent]:
        """The caller began to speak."""
        yield SpeechStarted(event.audio_start_ms)

    def speech_stopped(self, event: se.InputSpeechStopped) -> Iterator[SpeechEvent]:
        """The caller stopped speaking."""
        yield SpeechStopped(event.audio_end_ms)

    def committed(self, event: se.InputCommitted) -> Iterator[SpeechEvent]:
        """The caller's turn became an item."""
        yield from self.enter(event.item_id, event.previous_item_id)

    def enter(self, ref: str, previous_ref: str | None) -> Iterator[SpeechEvent]:
        """A turn takes its place, whichever event tells of it first."""
        previous_ref = self._items.known(previous_ref)
        if self._items.add(ref, ItemKind.MESSAGE) is None:
            return
        yield TurnCommitted(ref, previous_ref)
        if not self.transcription_model:
            yield from self._failed(ref, "no transcription model is set")

    def delta(self, event: se.TranscriptionDelta) -> Iterator[SpeechEvent]:
        """More words; after the final text they are stale."""
        item = self._items.get(event.item_id)
        if item is not None and not item.is_silent and event.delta:
            yield ItemTextDelta(item.ref, event.delta)

    def completed(self, event: se.TranscriptionCompleted) -> Iterator[SpeechEvent]:
        """The final words; a turn without any was noise."""
        item = self._items.get(event.item_id)
        if item is not None and not item.is_silent:
            item.is_done = True
            text = event.transcript.strip()
            yield ItemDone(item.ref, text) if text else ItemRemoved(item.ref)
        if event.usage is not None and event.item_id not in self._billed:
            self._billed.add(event.item_id)
            yield transcription_usage(self.transcription_model, event.usage)

    def failed(self, event: se.TranscriptionFailed) -> Iterator[SpeechEvent]:
        """The words could not be had."""
        yield from self._failed(event.item_id, event.error.text)

    def _failed(self, ref: str, reason: str) -> Iterator[SpeechEvent]:
        item = self._items.get(ref)
        if item is not None and not item.is_silent:
            item.is_done = True
            yield ItemFailed(ref, reason)
