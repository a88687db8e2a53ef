"""The tools that the model calls in one call: each runs once, beside the call, and answers the model.

Handing over and ending the call go to their own services. Every other tool is a task of the call:
sound never waits for it. Its result is an item of the conversation and goes to the session that
asked. If another session was joined meanwhile, that one knows the call by the replay and gets the
result as an item; in a gap both come with the replay. When every tool that one response asked for
has its result, the model is asked to reply, once. What goes wrong is told to the model alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from agentvoice.core.handover import transfer_target
from agentvoice.core.item import Item
from agentvoice.core.json_schema import check_value
from agentvoice.core.ports import Clock, HttpTools, SpeechSession
from agentvoice.core.speech import (
    CreateItem,
    ResponseEnded,
    ResponseStatus,
    SendToolResult,
    ToolCallRequested,
)
from agentvoice.core.tool import (
    BUILTIN_PARAMETERS,
    TOOL_CURRENT_TIME,
    TOOL_END_CALL,
    TOOL_NOTE,
    AgentTools,
)
from agentvoice.core.turn_taking import Turn
from agentvoice.errors import AgentVoiceError, CallError
from agentvoice.protocols.tool_answers import (
    decode_tool_arguments,
    encode_http_answer,
    encode_tool_answer,
    encode_tool_failure,
)
from agentvoice.services.call_changes import CallChanges, StartTask
from agentvoice.services.call_farewell import CallFarewell
from agentvoice.services.call_handover import CallHandover
from agentvoice.services.call_progress import CallProgress
from agentvoice.services.call_record import CallRecord
from agentvoice.services.dialogue import Dialogue
from agentvoice.services.session_link import SessionLink

log = structlog.get_logger(__name__)

MAX_RUNNING = 4
"""Tools of one call that run at the same time; the next wait, a model seldom asks for more."""

MAX_ASKED = 16
"""Tools of one call that run or wait; beyond it the model is told that there are too many."""

MAX_NAME_CHARS = 64
"""Of a tool's name in a message; the model may have invented a longer one."""

CALL_ENDED = "the call ended first"


@dataclass(eq=False, slots=True)
class _Batch:
    """The tool calls of one response. `is_whole`: it asks for no more of them."""

    session: SpeechSession | None
    response: str
    is_whole: bool
    open_calls: int = 0


class CallTools:
    """Runs the tools of one call; `start` runs a task of the call."""

    def __init__(
        self,
        http: HttpTools,
        handover: CallHandover,
        changes: CallChanges,
        farewell: CallFarewell,
        link: SessionLink,
        dialogue: Dialogue,
        record: CallRecord,
        progress: CallProgress,
        clock: Clock,
        start: StartTask,
    ) -> None:
        self._http = http
        self._handover = handover
        self._changes = changes
        self._farewell = farewell
        self._link = link
        self._dialogue = dialogue
        self._record = record
        self._progress = progress
        self._clock = clock
        self._start = start
        self._session: SpeechSession | None = None
        self._asked: set[str] = set()  # tool refs of that session
        self._called: set[str] = set()  # ids of our items: what a replayed call is known by
        self._batch: _Batch | None = None  # of the response that is being made
        self._batches = 0  # not settled yet
        self._open_calls = 0
        self._owes_reply = False
        self._places = asyncio.Semaphore(MAX_RUNNING)
        self._builtin: Mapping[str, Callable[[Mapping[str, object]], dict[str, object]]] = {
            TOOL_CURRENT_TIME: self._current_time,
            TOOL_NOTE: self._note,
        }

    # What the session and the call tell.

    def called(self, event: ToolCallRequested) -> None:
        """The model calls a tool; a call that was taken already is nothing new."""
        if not self._is_new(event.tool_ref):
            return
        self._dialogue.item(event)
        tools = self._handover.agent.tools
        slug = transfer_target(event.name)
        if slug is not None:
            self._changes.start_switch(slug, event)
        elif event.name == TOOL_END_CALL and event.name in tools.builtin:
            self._farewell.asked(event)
        else:
            self._begin(event, tools)

    def response_ended(self, event: ResponseEnded) -> None:
        """A response is over: it asks for no more tools."""
        if event.status is ResponseStatus.COMPLETED:
            self._owes_reply = False  # what was owed was in its context
        batch = self._batch
        if batch is not None and batch.response == event.response:
            batch.is_whole = True
            self._settle(batch)

    def reply_possible(self) -> None:
        """A session was joined, or the caller said nothing after all: give the reply that is owed."""
        if self._batch is not None:
            self._settle(self._batch, at_once=False)
        if self._owes_reply and not self._is_untimely:
            self._owes_reply = False
            if not self._dialogue.owes_reply:  # else one was asked for that has the results already
                self._dialogue.respond()

    def _is_new(self, tool_ref: str) -> bool:
        if self._link.session is not self._session:
            self._session, self._asked = self._link.session, set()
        is_new = tool_ref not in self._asked and tool_ref not in self._called
        self._asked.add(tool_ref)
        return is_new

    # Running.

    def _begin(self, event: ToolCallRequested, tools: AgentTools) -> None:
        call = self._dialogue.conversation.item_of(event.ref)
        assert call is not None  # it has just entered
        self._called.add(call.tool_call_id)
        batch = self._batch_now()
        batch.open_calls += 1
        self._open_calls += 1
        self._start(self._run(event, call, batch, tools), f"tool {event.name}")

    def _batch_now(self) -> _Batch:
        session, response = self._link.session, self._dialogue.output.active_response
        batch = self._batch
        if batch is not None and batch.session is session and batch.response == response:
            return batch
        self._batch = _Batch(session, response, is_whole=not response)
        self._batches += 1
        self._dialogue.tools_run = True
        if batch is not None:  # another response is being made: the end of that one was lost
            batch.is_whole = True
            self._settle(batch)
        return self._batch

    async def _run(self, event: ToolCallRequested, call: Item, batch: _Batch, tools: AgentTools) -> None:
        try:
            output = await self._output_of(event, tools)
        except asyncio.CancelledError:
            self._keep(call, encode_tool_failure(CALL_ENDED))
            raise
        result = self._keep(call, output)
        if self._link.session is batch.session:
            self._link.send(SendToolResult(event.tool_ref, output))
        else:
            self._link.send(CreateItem(result))
        batch.open_calls -= 1
        self._open_calls -= 1
        self._settle(batch)

    async def _output_of(self, event: ToolCallRequested, tools: AgentTools) -> str:
        name = event.name[:MAX_NAME_CHARS]
        try:
            if self._open_calls > MAX_ASKED:
                raise CallError(f"more than {MAX_ASKED} tools run already")
            async with self._places:
                return await self._perform(event, tools)
        except AgentVoiceError as error:
            log.warning("tool_failed", tool=name, error=str(error))
            self._record.happened("tool_failed", f"{name}: {error}")
            return encode_tool_failure(str(error))

    async def _perform(self, event: ToolCallRequested, tools: AgentTools) -> str:
        """Return the output of a tool; raises what the model is told."""
        http = tools.find_http(event.name)
        if http is None and event.name not in tools.builtin:
            raise CallError(f"there is no tool named {event.name[:MAX_NAME_CHARS]}")
        arguments = decode_tool_arguments(event.arguments)
        check_value(http.parameters if http else BUILTIN_PARAMETERS[event.name], arguments)
        if http is None:
            return encode_tool_answer(self._builtin[event.name](arguments))
        answer = await self._http.call(http, arguments)
        return encode_http_answer(answer.status, answer.text, is_cut=answer.is_cut)

    def _keep(self, call: Item, output: str) -> Item:
        result = self._dialogue.conversation.add_tool_result(call, output, self._clock.utc_ms())
        self._dialogue.note((result,))
        return result

    # Replies.

    def _settle(self, batch: _Batch, *, at_once: bool = True) -> None:
        """Ask for the reply if all results of the response are in; a lost session asks for no more."""
        is_whole = batch.is_whole or batch.session is not self._link.session
        if batch.open_calls or not is_whole:
            return
        if self._batch is batch:
            self._batch = None
        self._batches -= 1
        self._dialogue.tools_run = self._batches > 0
        if self._farewell.is_pending or self._progress.reason is not None:
            return
        if at_once and not self._is_untimely:
            self._dialogue.respond()
        else:
            self._owes_reply = True

    @property
    def _is_untimely(self) -> bool:
        """Whether a reply would go to a session that is being left, or over the caller's words."""
        return self._link.is_gap or self._dialogue.display.turn is Turn.HEARING

    # Our own tools.

    def _current_time(self, arguments: Mapping[str, object]) -> dict[str, object]:
        now = datetime.fromtimestamp(self._clock.utc_ms() // 1_000, UTC).astimezone()  # this machine's zone
        return {"ok": True, "time": now.isoformat(), "weekday": f"{now:%A}", "zone": now.tzname()}

    def _note(self, arguments: Mapping[str, object]) -> dict[str, object]:
        self._record.happened(TOOL_NOTE, str(arguments["text"]))
        return {"ok": True}
