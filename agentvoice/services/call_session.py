"""One live call, from answer to end: it routes, and decides nothing itself.

Events of the speech session and of the caller leg come in, each kind has its handler; what is
said and heard is the dialogue's (services.dialogue), who speaks is the handover's
(services.call_handover), what is kept is the record's (services.call_record).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

from agentvoice.config import CallSettings
from agentvoice.core.call import Call, CallState, EndReason
from agentvoice.core.conversation import Conversation
from agentvoice.core.ids import RANDOM_BYTES, build_uuid7
from agentvoice.core.leg import (
    CallerReturned,
    CallerText,
    CallStatus,
    DoNotPublishPressed,
    HungUp,
    InterruptPressed,
    LegEvent,
    OutputCleared,
    Played,
    SwitchAsked,
)
from agentvoice.core.ports import CallerLeg, Clock, HttpTools
from agentvoice.core.project import Project
from agentvoice.core.speech import (
    AudioDelta,
    ItemRemoved,
    Respond,
    ResponseEnded,
    ResponseStarted,
    SessionError,
    SessionLost,
    SpeechEvent,
    SpeechStarted,
    ToolCallRequested,
    UsageReported,
)
from agentvoice.errors import AgentVoiceError, CallError, StorageError
from agentvoice.services.barge_in import BargeIn
from agentvoice.services.call_budget import CallBudget
from agentvoice.services.call_changes import CallChanges
from agentvoice.services.call_farewell import CallFarewell
from agentvoice.services.call_handover import CallHandover
from agentvoice.services.call_progress import CallProgress
from agentvoice.services.call_record import CallRecord
from agentvoice.services.call_restore import CallRestore
from agentvoice.services.call_sessions import CallSessions
from agentvoice.services.call_tools import CallTools
from agentvoice.services.cast import Cast
from agentvoice.services.closing import close_within_limit
from agentvoice.services.dialogue import Dialogue
from agentvoice.services.last_words import CallerReading, hear_last_words
from agentvoice.services.publishing_wish import PublishingWish
from agentvoice.services.session_link import SessionLink
from agentvoice.services.warm_sessions import SessionSupply

log = structlog.get_logger(__name__)

T = TypeVar("T")


class CallSession:
    """A call in this process. `run` lasts as long as the call."""

    def __init__(
        self,
        call: Call,
        project: Project,
        leg: CallerLeg,
        cast: Cast,
        supply: SessionSupply,
        record: CallRecord,
        clock: Clock,
        settings: CallSettings,
        http_tools: HttpTools,
    ) -> None:
        self.call = call
        self.error: AgentVoiceError | None = None
        """Why the call failed, if it did."""
        self._leg = leg
        self._cast = cast
        self._supply = supply
        self._record = record
        self._clock = clock
        self._settings = settings
        self._http_tools = http_tools
        self._progress = CallProgress(record)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._wish = PublishingWish(call, project, leg, record, lambda text: self._dialogue.notice(text))

    def _routes(self) -> dict[type, Callable[..., object]]:
        """Return the handler of each kind of event; what is not named here is an item's."""
        dialogue = self._dialogue
        return {
            SpeechStarted: self._speech_started,
            ItemRemoved: self._nothing_said,
            AudioDelta: dialogue.audio,
            ResponseStarted: self._response_started,
            ResponseEnded: self._response_ended,
            CallerText: self._typed,
            Played: self._played,
            OutputCleared: self._output_cleared,
            InterruptPressed: lambda event: self._barge_in.interrupt(),
            SessionLost: self._session_lost,
            SessionError: self._session_error,
            ToolCallRequested: self._tools.called,
            UsageReported: self._record.usage,
            SwitchAsked: lambda event: self._changes.start_switch(event.agent, None),
            DoNotPublishPressed: lambda event: self._wish.refuse(),
            CallerReturned: lambda event: self._dialogue.notice(event.told),
            HungUp: lambda event: self.request_end(EndReason.CALLER),
            **self._barge_in.routes(),
        }

    # Life.

    async def run(self) -> EndReason:
        """Run the call to its end; the caller's leg and the session are closed when it returns."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._live(group)
        except* AgentVoiceError as failed:
            self._failed(failed.exceptions[0])
        except* Exception as fault:  # a defect of ours ends this call, never another one
            log.exception("call_fault", call=self.call.id, fault=repr(fault.exceptions[0]))
            self._failed(CallError("call: it ended by a fault of agentvoice; the log has the details"))
        finally:
            await self._close()
        return self._progress.reason or EndReason.DRAINED

    async def _live(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._link = SessionLink(group, self.route, self._clock, self._settings.reconnect_gap_ms)
        conversation = Conversation(self.call.agent, self._new_id)
        self._dialogue = Dialogue(
            conversation, self._leg, self._record.item, self._clock, self._link.send, self._user_said
        )
        self._barge_in = BargeIn(self._dialogue, self._link, self._clock, self._start)
        sessions = CallSessions(
            self._supply, self._link, self._dialogue, self._record, self._clock, self._settings, self._start
        )
        restore = CallRestore(sessions, self._record, self._clock, self._settings)
        self._handover = CallHandover(self._cast, sessions, self._record, self._clock)
        self._changes = CallChanges(
            self._handover,
            restore,
            self._link,
            self._dialogue,
            self._progress,
            self._start,
            self._gave_up,
            lambda: self._tools.reply_possible(),
        )
        self._farewell = CallFarewell(
            self._handover,
            self._dialogue,
            self._clock,
            self._settings.goodbye_timeout_s,
            self._start,
            self.request_end,
        )
        self._tools = CallTools(
            self._http_tools,
            self._handover,
            self._changes,
            self._farewell,
            self._link,
            self._dialogue,
            self._record,
            self._progress,
            self._clock,
            self._start,
        )
        self._on_event = self._routes()
        budget = CallBudget(
            self._record.meter, self._dialogue, self._progress, self._clock, self._settings, self._leg.show
        )
        budget.begin(self._start, self.request_end)
        self._dialogue.display.show_status(CallStatus.CONNECTING)
        self._wish.show()
        caller = CallerReading(self._leg, self.route, self._wish.late, self.request_end)
        reading = group.create_task(caller.run(), name="caller leg")
        self._start(self._changes.begin(self.call.agent), "first session")
        self._start(restore.roll_over(), "rollover")
        await self._progress.wait_for_end()
        await hear_last_words(self._dialogue, self._link, self._clock)
        caller.close()
        await self._stop()
        reading.cancel()

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._link.leave()  # its reader is a task of the group

    def _start(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run `work` as long as the call lasts."""
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _close(self) -> None:
        """Finish what is open; a call that was cut off without a reason was drained."""
        try:
            await self._link.leave()
            self._dialogue.cut_everything()
            self._changes.end()
            self._dialogue.display.show_status(CallStatus.ENDED)
        finally:
            await close_within_limit(self._clock, "caller leg", self._leg.close)
            try:
                await self._record.end(self._progress.reason or EndReason.DRAINED)
            except StorageError as error:
                self.error = self.error or error

    def _failed(self, error: BaseException, reason: EndReason = EndReason.ENGINE_FAILED) -> None:
        assert isinstance(error, AgentVoiceError)
        self.error = error
        self.request_end(reason)
        log.error("call_failed", call=self.call.id, error=str(error))

    # The operator and the caller ask.

    def request_end(self, reason: EndReason) -> None:
        """End the call; the first reason counts."""
        self._progress.end(reason)

    def taken_over(self) -> None:
        """Another process took the call for crashed and ended it: nothing of it is written any more."""
        if self._progress.reason is None:
            self._record.stop()
            taken = CallError("call: another process took it for crashed, its lease had run out")
            self._failed(taken, EndReason.CRASH)

    async def switch(self, slug: str) -> AgentVoiceError | None:
        """Hand over to another agent, as the operator asks; return why it failed, if it did."""
        if self._progress.state in (CallState.CONNECTING, CallState.ENDING):
            return CallError(f"handover: the call is {self._progress.state.value}")
        return await self._changes.wait_for_switch(slug)

    # Routing.

    def route(self, event: SpeechEvent | LegEvent) -> None:
        """Give an event to what it is for."""
        handler = self._on_event.get(type(event), self._dialogue.item)
        handler(event)

    def _user_said(self, text: str) -> None:
        self._farewell.words_heard()
        self._wish.heard(text)

    def _speech_started(self, event: SpeechStarted) -> None:
        self._farewell.speech_started()
        self._barge_in.speech_started(event)

    def _nothing_said(self, event: ItemRemoved) -> None:
        if self._barge_in.removed(event):
            self._farewell.nothing_said()
        self._tools.reply_possible()

    def _typed(self, event: CallerText) -> None:
        self._farewell.speech_started()
        self._user_said(event.text)  # a wish about publishing does not wait for a session
        self._changes.typed(event.text)

    def _played(self, event: Played) -> None:
        self._dialogue.played(event.sample_count)
        self._farewell.check()

    def _output_cleared(self, event: OutputCleared) -> None:
        self._dialogue.output_cleared(event.sample_count)
        self._farewell.check()

    def _response_started(self, event: ResponseStarted) -> None:
        self._record.response_started(event)
        self._dialogue.response_started(event)

    def _response_ended(self, event: ResponseEnded) -> None:
        self._dialogue.response_ended(event)
        self._tools.response_ended(event)
        self._farewell.check()

    def _session_error(self, event: SessionError) -> None:
        log.warning("session_error", call=self.call.id, code=event.code, message=event.message)
        self._record.happened("session_error", f"{event.code}: {event.message}")
        if event.is_retried:
            self._dialogue.reply_comes_again()
        elif event.may_end_reply and (
            event.command == Respond.__name__ or not self._dialogue.output.active_response
        ):
            if self._dialogue.owes_reply:  # else nothing was lost that the caller waits for
                self._dialogue.notice(f"No answer: {event.message}")
            self._dialogue.no_reply_comes()

    # Lost sessions.

    def _session_lost(self, event: SessionLost) -> None:
        log.warning("session_lost", call=self.call.id, reason=event.reason, expired=event.expired)
        self._record.happened("session_lost", event.reason)
        if self._farewell.is_pending:
            self.request_end(EndReason.AGENT)
            return
        self._changes.lost(event)

    def _gave_up(self, failure: AgentVoiceError) -> None:
        self._dialogue.notice(f"The call ends: {failure}")
        self._failed(failure)

    def _new_id(self) -> str:
        return build_uuid7(self._clock.utc_ms(), self._clock.random_bytes(RANDOM_BYTES))
