"""What is kept of one call, handed to the process's writer as it happens; nothing here waits."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import structlog

from agentvoice.core.agent import AgentRevision
from agentvoice.core.audio import MS_PER_S
from agentvoice.core.call import Call, CallState, EndReason
from agentvoice.core.ids import RANDOM_BYTES, build_uuid7
from agentvoice.core.item import Item
from agentvoice.core.metrics import AUDIO_DROPPED, FROM_GAP, NO_METRICS
from agentvoice.core.ports import Clock, Metrics
from agentvoice.core.speech import ResponseStarted, UsageReported
from agentvoice.services.call_meter import CallMeter, Maker
from agentvoice.storage import call_log, conversations, usage
from agentvoice.storage.call_log import CallLogEntry
from agentvoice.storage.usage import UsageEntry
from agentvoice.storage.writer import Operation, Writer

log = structlog.get_logger(__name__)


class CallRecord:
    """Keeps one call. Only `begin` and `end` wait for the disk; a live call never does."""

    def __init__(
        self, call: Call, writer: Writer, clock: Clock, meter: CallMeter, metrics: Metrics = NO_METRICS
    ) -> None:
        self.meter = meter
        self._call = call
        self._writer = writer
        self._clock = clock
        self._metrics = metrics
        self._agent = call.agent
        self._engine = call.engine
        self._stays_off = call.do_not_publish
        self._is_stopped = False

    async def begin(self) -> None:
        """Store the call; raises a StorageError if it cannot be kept."""
        await self._writer.write(lambda session: conversations.create_call(session, self._call))

    async def end(self, reason: EndReason) -> None:
        """End the call; what becomes of its thread is marked in the same transaction."""
        ended_at, stays_off = self._clock.utc_ms(), self._stays_off
        await self._writer.write(
            # The wish is said again: its own row may have been refused while the disk stalled.
            lambda session: conversations.end_call(
                session, self._call.id, reason, ended_at, stays_off=stays_off
            ),
            durable=stays_off,
        )

    def stop(self) -> None:
        """Keep nothing more: the call is another process's."""
        self._is_stopped = True

    def item(self, item: Item) -> None:
        """Keep an item, or what it has become."""
        self._submit("item", lambda session: conversations.upsert_item(session, self._call.id, item))

    def state(self, state: CallState) -> None:
        """Keep where the call stands."""
        self._submit("state", lambda session: conversations.set_call_state(session, self._call.id, state))

    def agent_joined(self, revision: AgentRevision, engine: str) -> None:
        """An agent took the call, on this engine, as it was in this revision."""
        joined_at = self._clock.utc_ms()
        self._agent = revision.profile.slug
        self._submit(
            "agent",
            lambda session: conversations.add_call_agent(session, self._call.id, revision, joined_at),
        )
        self.engine_changed(engine)

    def engine_changed(self, engine: str) -> None:
        """The call goes on with this engine."""
        if engine != self._engine:
            self._engine = engine
            self._submit(
                "engine", lambda session: conversations.set_call_engine(session, self._call.id, engine)
            )

    def do_not_publish(self) -> None:
        """The caller wants the whole call kept off Nostr, whatever happens to this machine then."""
        self._stays_off = True
        self._submit(
            "do_not_publish",
            lambda session: conversations.set_do_not_publish(session, self._call.id),
            durable=True,
        )

    def response_started(self, event: ResponseStarted) -> None:
        """A reply began: what it uses is of the agent that has the call now, whoever has it later."""
        self.meter.response_started(event.response, Maker(self._agent, self._engine))

    def usage(self, used: UsageReported) -> None:
        """Keep what a reply used and cost."""
        maker, cost = self.meter.book(used, Maker(self._agent, self._engine))
        entry = UsageEntry(
            id=build_uuid7(self._clock.utc_ms(), self._clock.random_bytes(RANDOM_BYTES)),
            call_id=self._call.id,
            project=self._call.project,
            agent=maker.agent,
            engine=maker.engine,
            model=used.model,
            used_at=self._clock.utc_ms(),
            input_text_tokens=used.input_text_tokens,
            input_audio_tokens=used.input_audio_tokens,
            input_cached_tokens=used.input_cached_tokens,
            output_text_tokens=used.output_text_tokens,
            output_audio_tokens=used.output_audio_tokens,
            audio_ms=used.audio_ms,
            input_image_tokens=used.input_image_tokens,
            input_cached_audio_tokens=used.input_cached_audio_tokens,
            input_cached_image_tokens=used.input_cached_image_tokens,
            response=used.response,
            cost_nano_usd=cost.nano_usd,
            priced_as_of=cost.priced_as_of,
            is_estimate=cost.is_estimate,
        )
        self._submit("usage", lambda session: usage.add_usage(session, entry))

    def happened(self, name: str, detail: str = "") -> None:
        """Keep a happening (`session_lost`) for who looks into the call later."""
        entry = CallLogEntry(self._call.id, self._clock.utc_ms(), name, detail)
        self._submit("log", lambda session: call_log.add_log_entry(session, entry))

    def audio_lost(self, lost_ms: int) -> None:
        """Sound of the caller fell out of the buffer of a gap between sessions."""
        self._metrics.add(AUDIO_DROPPED, lost_ms / MS_PER_S, FROM_GAP)
        self.happened("caller_audio_lost", f"{lost_ms} ms")

    def _submit(self, what: str, operation: Operation[Any], *, durable: bool = False) -> None:
        if self._is_stopped:
            return

        def report(done: Future[Any]) -> None:
            error = done.exception()
            if error is not None:
                log.error("not_kept", call=self._call.id, what=what, error=str(error))

        self._writer.submit(operation, durable=durable).add_done_callback(report)
