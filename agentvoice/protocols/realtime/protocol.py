"""The state of one Realtime session, sans-I/O and for any dialect.

Commands go in by `send` and come out of `next_frame`; what the server sends goes in by
`receive_message`, which returns our events. Nothing here knows a socket or a clock:

    protocol.send(command)          ▶ queue ▶ protocol.next_frame() ▶ socket
    socket ▶ protocol.receive_message(text) ▶ events
    socket closed ▶ protocol.connection_lost(code, reason) ▶ events

The rules that every provider's session needs are here: one response at a time, each item told
and finished once, nothing of a reply after its end, errors matched to the command they answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agentvoice.core.audio import AudioChunk
from agentvoice.core.engine import SessionConfig
from agentvoice.core.openai_settings import OUTPUT_AUDIO
from agentvoice.core.speech import (
    AppendAudio,
    CancelResponse,
    Configure,
    CreateItem,
    ItemRemoved,
    Respond,
    SendToolResult,
    SessionLost,
    SessionReady,
    SpeechCommand,
    SpeechEvent,
    TruncateItem,
)
from agentvoice.errors import AgentVoiceError, EngineUnavailable, RemoteProtocolError
from agentvoice.protocols.realtime import server_events as se
from agentvoice.protocols.realtime.caller_turns import CallerTurns
from agentvoice.protocols.realtime.dialect import Dialect
from agentvoice.protocols.realtime.failures import (
    BENIGN,
    OTHER_DIALECT,
    lost_by_close,
    lost_by_error,
    session_error,
)
from agentvoice.protocols.realtime.ga import GA
from agentvoice.protocols.realtime.item_ledger import ItemLedger
from agentvoice.protocols.realtime.mcp_servers import McpServers
from agentvoice.protocols.realtime.remarks import Remarks
from agentvoice.protocols.realtime.replies import Replies
from agentvoice.protocols.realtime.reply_repeats import ReplyRepeats
from agentvoice.protocols.realtime.response_slot import ResponseSlot
from agentvoice.protocols.realtime.send_queue import SendQueue

PLACE_IS_HELD = "conversation_already_has_active_response"
MAX_APPEND_BYTES = 1024 * 1024  # of sound; the server takes 15 MiB of base64 in one append
MAX_REMEMBERED_COMMANDS = 1_000  # errors come within seconds; older commands need no matching
DEFAULT_MAX_AUDIO_MS = 2_000


class RealtimeProtocol:
    """One session. The first frame configures it; nothing is sent after `close`."""

    def __init__(
        self, config: SessionConfig, dialect: Dialect = GA, max_audio_ms: int = DEFAULT_MAX_AUDIO_MS
    ) -> None:
        self.is_closed = False
        self.failure: AgentVoiceError | None = None
        """Why the session was lost."""
        self._dialect = dialect
        self._queue = SendQueue(max_audio_ms)
        self._remarks = Remarks()
        self._items = ItemLedger()
        self._slot = ResponseSlot()
        self._turns = CallerTurns(self._items)
        self._replies = Replies(self._items, self._slot)
        self._repeats = ReplyRepeats(self._slot, self._replies)
        self._config: SessionConfig | None = None  # as the server has it, or will have it
        self._session = ""
        self._is_ready = False
        self._sent: dict[str, SpeechCommand] = {}  # by event id, oldest first
        self._event_count = 0
        self._mcp = McpServers(self._remarks)
        self._actions = self._actions_by_event()
        self._replies.model = config.agent.openai.model
        self.send(Configure(config))

    def _actions_by_event(self) -> dict[type[se.ServerEvent], Callable[..., Iterator[SpeechEvent]]]:
        turns, replies = self._turns, self._replies
        return {
            se.ErrorReported: self._error,
            se.SessionCreated: self._session_created,
            se.SessionUpdated: self._session_updated,
            se.ItemPlaced: self._item_placed,
            se.ItemDeleted: self._item_deleted,
            se.InputSpeechStarted: turns.speech_started,
            se.InputSpeechStopped: turns.speech_stopped,
            se.InputCommitted: turns.committed,
            se.TranscriptionDelta: turns.delta,
            se.TranscriptionCompleted: turns.completed,
            se.TranscriptionFailed: turns.failed,
            se.ResponseCreated: replies.created,
            se.ResponseDone: self._response_done,
            se.RateLimitsUpdated: self._repeats.limits_updated,
            se.OutputItemAdded: replies.item_added,
            se.OutputItemDone: replies.item_done,
            se.ItemSettled: replies.item_settled,
            se.OutputTextDelta: replies.text_delta,
            se.OutputAudioDelta: replies.audio_delta,
            se.OutputAudioDone: replies.audio_done,
            se.McpListingFailed: self._mcp.listing_failed,
        }

    # --- to the server ------------------------------------------------------------------------

    @property
    def is_stalled(self) -> bool:
        """Whether so much waits to be sent that the server must have stopped reading."""
        return self._queue.is_stalled

    @property
    def dropped_audio_ms(self) -> int:
        """How much of the caller's sound was dropped because it could not be sent in time."""
        return self._queue.dropped_audio_ms

    def send(self, command: SpeechCommand) -> None:
        """Queue a command; after close nothing is queued."""
        if self.is_closed:
            return
        match command:
            case AppendAudio(chunk=chunk):
                self._append(chunk)
            case Respond():
                self._ask(command)
            case CancelResponse():
                self._cancel(self._slot.cancel())
            case TruncateItem():
                cut = self._items.cut(command)
                if cut is not None:
                    self._queue_command(cut)
            case SendToolResult():
                ref = f"result_{self._event_count + 1}"
                self._items.add_ours(ref)
                self._queue_command(command, ref)
            case Configure(config=config):
                self._configure(config)
            case CreateItem(item=item):
                self._items.add_ours(item.id)
                self._queue_command(command)
            case _:
                self._queue_command(command)

    def next_frame(self) -> str | None:
        """Return the next frame to send, None when there is none."""
        entry = self._queue.take()
        if isinstance(entry, AudioChunk):
            return self._dialect.encode_command(AppendAudio(entry), "")
        return entry

    def close(self) -> None:
        """End the session from our side: nothing that waits is sent, nothing that comes is told."""
        self.is_closed = True
        self._queue.clear()

    def take_remarks(self) -> list[str]:
        """Return what is worth a line in the log since the last time."""
        return self._remarks.take()

    def take_wait_s(self) -> float | None:
        """Return, once, the seconds after which `wait_over` is to be called."""
        return self._repeats.take_wait_s()

    def wait_over(self) -> None:
        """A wait has ended: what was put off is asked for again."""
        if not self.is_closed:
            self._slot.release()
            self._send_next_request()

    def _configure(self, config: SessionConfig) -> None:
        settings = config.agent.openai
        self._turns.transcription_model = settings.transcription_model
        self._replies.wants_audio = settings.output == OUTPUT_AUDIO
        self._queue_command(Configure(config))
        self._config = config

    def _append(self, chunk: AudioChunk) -> None:
        for start in range(0, len(chunk.samples), MAX_APPEND_BYTES):
            self._queue.put_audio(AudioChunk(chunk.format, chunk.samples[start : start + MAX_APPEND_BYTES]))

    def _ask(self, request: Respond) -> None:
        if self._slot.ask(request) is not None:
            self._remarks.add("requests", "too many replies were asked for: the oldest request is dropped")
        self._send_next_request()

    def _send_next_request(self) -> None:
        request = self._slot.take(self._next_event_id())
        if request is not None:
            self._queue_command(request)

    def _cancel(self, response: str) -> None:
        if response and self._replies.cancel(response):
            for cut in self._items.open_ends(response):
                self._queue_command(cut)
            self._queue_command(CancelResponse(), response)

    def _next_event_id(self) -> str:
        return f"evt_{self._event_count + 1}"

    def _queue_command(self, command: SpeechCommand, ref: str = "") -> None:
        event_id = self._next_event_id()
        frame = self._dialect.encode_command(command, event_id, ref, self._config)
        if frame is None:  # nothing that the provider is told
            return
        self._event_count += 1
        self._queue.put_command(frame)
        self._sent[event_id] = command
        if len(self._sent) > MAX_REMEMBERED_COMMANDS:
            del self._sent[next(iter(self._sent))]

    # --- from the server ----------------------------------------------------------------------

    def receive_message(self, text: str | bytes) -> list[SpeechEvent]:
        """Take in a frame; one that is no event we know is remarked on and survived."""
        if self.is_closed:
            return []
        try:
            event = self._dialect.decode_event(text)
        except RemoteProtocolError as error:
            self._remarks.add(str(error), f"ignored what the provider sent: {error}")
            return []
        if isinstance(event, se.UnknownEvent):
            self._remarks.add(event.type, f"ignored an event of unknown type {event.type!r}")
            return []
        action = self._actions.get(type(event))
        events = list(action(event)) if action else []
        if not self.is_closed:  # a reply that began or ended may have made way
            self._cancel(self._slot.take_unwanted())
            self._send_next_request()
        return events

    def connection_lost(self, code: int | None, reason: str) -> list[SpeechEvent]:
        """The connection is gone (`code` of the close frame, None without one)."""
        return [] if self.is_closed else list(self._lose(*lost_by_close(code, reason)))

    def _lose(self, lost: SessionLost, failure: AgentVoiceError) -> Iterator[SpeechEvent]:
        yield from self._replies.lose_active(lost.reason)
        self.failure = failure
        self.close()
        yield lost

    def _error(self, event: se.ErrorReported) -> Iterator[SpeechEvent]:
        error = event.error
        command = self._sent.pop(error.event_id or "", None)
        lost = lost_by_error(error.name, error.text)
        if lost is None and isinstance(command, Configure) and not self._is_ready:
            text = f"the provider refused the session: {error.text}; {OTHER_DIALECT}"
            lost = SessionLost(text, retryable=False), EngineUnavailable(text)
        if lost is not None:
            yield from self._lose(*lost)
        elif isinstance(command, Respond) or error.name == PLACE_IS_HELD:
            yield from self._request_refused(error)
        elif error.name in BENIGN or isinstance(command, TruncateItem):
            self._remarks.add(error.name, f"the provider had nothing left to do: {error.text}")
        else:
            yield session_error(error, command)

    def _request_refused(self, error: se.WireError) -> Iterator[SpeechEvent]:
        """A refusal without an event id can only mean the request sent last."""
        is_last = error.event_id is None or self._slot.is_request(error.event_id)
        if error.event_id is None and not self._slot.has_request:  # the server's own wish for a reply
            self._remarks.add(error.name, f"the provider had nothing left to do: {error.text}")
            return
        repeated = self._repeats.request_refused(error) if is_last else None
        if repeated is not None:
            yield repeated
        elif is_last and self._slot.refused(place_is_held=error.name == PLACE_IS_HELD):
            return
        else:
            yield session_error(error, Respond())

    def _session_created(self, event: se.SessionCreated) -> Iterator[SpeechEvent]:
        self._session = event.session.id or ""
        self._replies.model = event.session.model or self._replies.model
        yield from ()

    def _session_updated(self, event: se.SessionUpdated) -> Iterator[SpeechEvent]:
        if not self._is_ready:
            self._is_ready = True
            yield SessionReady(self._session or event.session.id or "")

    def _item_placed(self, event: se.ItemPlaced) -> Iterator[SpeechEvent]:
        item = event.item
        if item.role == "user":
            yield from self._turns.enter(item.id, event.previous_item_id)
        elif item.role == "assistant" or item.type == "function_call":
            yield from self._replies.enter(item, self._slot.active, event.previous_item_id)
        elif item.server_label:
            self._mcp.placed(item.id, item.type, item.server_label)

    def _item_deleted(self, event: se.ItemDeleted) -> Iterator[SpeechEvent]:
        item = self._items.get(event.item_id)
        if item is not None and not item.is_silent:
            item.is_done = True
            yield ItemRemoved(item.ref)

    def _response_done(self, event: se.ResponseDone) -> Iterator[SpeechEvent]:
        response = event.response
        if self._replies.has_ended(response.id):
            return
        error = response.status_details.error if response.status_details else None
        lost = lost_by_error(error.name, error.text) if error else None
        if lost is not None:  # not an answer that failed, but a session that can give none
            yield from self._lose(*lost)
            return
        yield from self._replies.begin_end(response)
        for told in self._repeats.reply_ends(response):
            if isinstance(told, ItemRemoved):  # the model would take it for said
                self._queue_command(TruncateItem(told.ref, 0, 0))
            yield told
        yield from self._replies.done(event)
