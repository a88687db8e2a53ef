"""The local engine's session: sound to turns to text to a reply to sound (core.ports.SpeechSession).

This file routes: hearing finds the turns, turns writes them down, replies speaks. Decided here: orders
by voice come before the model, and a turn re-opens when the caller goes on before its reply was heard. Nothing heard means not even a whole word: a blip of 100 ms
was no answer to anybody, and keeping it would leave the caller's sentence in two halves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import structlog

from agentvoice.adapters.local_speech.context import Context
from agentvoice.adapters.local_speech.hearing import Began, Detector, Heard, Hearing, MaybeOver, Over, Resumed
from agentvoice.adapters.local_speech.mailbox import Inbox, Input, Outbox
from agentvoice.adapters.local_speech.orders import Orders
from agentvoice.adapters.local_speech.replies import Replies, Wish
from agentvoice.adapters.local_speech.stages import Stages
from agentvoice.adapters.local_speech.turns import Turn, Turns
from agentvoice.config import LocalEngineSettings
from agentvoice.core.agent import LocalSettings
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.engine import BillsBy, EngineCapabilities, SessionConfig
from agentvoice.core.item import ItemKind, Role
from agentvoice.core.ports import Clock
from agentvoice.core.speech import (
    AppendAudio,
    CancelResponse,
    ClearInput,
    CommitInput,
    Configure,
    CreateItem,
    ItemDone,
    ItemRemoved,
    Respond,
    SendToolResult,
    SessionError,
    SessionLost,
    SessionReady,
    SpeechCommand,
    SpeechEvent,
    SpeechStarted,
    SpeechStopped,
    TruncateItem,
)
from agentvoice.core.spoken_commands import EndCall, HandOver, SpokenCommand
from agentvoice.errors import AgentVoiceError

log = structlog.get_logger(__name__)

CAPABILITIES = EngineCapabilities(
    voice_fixed_after_audio=False,
    model_fixed=False,
    instructions_mutable=True,
    server_turn_taking=True,
    tools=True,
    bills_by=BillsBy.NOTHING,
    aligned_transcript=True,
)

FAREWELL = "Goodbye!"
SESSION_ID_BYTES = 8


StagesFor = Callable[[LocalSettings], Stages]


class CascadeSession:
    """One session. To be made inside a running loop."""

    def __init__(
        self,
        config: SessionConfig,
        stages_for: StagesFor,
        detector: Detector,
        defaults: LocalEngineSettings,
        clock: Clock,
    ) -> None:
        """Raises what `stages_for` raises."""
        self._config = config
        self._stages_for = stages_for
        self._stages = stages_for(config.agent.local)
        self._defaults = defaults
        self._clock = clock
        self._inbox = Inbox()
        self._outbox = Outbox()
        self._hearing = Hearing(detector, config.agent.local)
        self._context = Context(config)
        self._replies = Replies(self._context, self._outbox, defaults)
        self._replies.on_audible = self._reply_audible
        self._turns = Turns(
            self._outbox,
            lambda: self._stages,
            lambda: self._config.agent.local.stt.model or self._defaults.stt,
            on_committed=lambda turn: self._context.enter(turn.ref, Role.USER),
            on_text=self._turn_written,
            on_nothing=self._turn_was_nothing,
        )
        self._orders = Orders(config, self._context, self._outbox)
        self._typed = ""  # the caller's typed turn that a Respond may follow
        self._unanswered: Turn | None = None
        self._interrupted: Turn | None = None  # its reply was cut by the speech that is open now
        self._on_command = self._routes()
        self._replies.configure(self._stages, config.agent.local)
        self._outbox.put(SessionReady(clock.random_bytes(SESSION_ID_BYTES).hex()))
        self._listening = asyncio.create_task(self._listen(), name="local session hears")

    def _routes(self) -> dict[type, Callable[..., None]]:
        return {
            AppendAudio: self._append,
            CommitInput: self._inbox.put,
            ClearInput: self._inbox.put,
            Configure: lambda command: self._configure(command.config),
            CreateItem: self._create_item,
            Respond: lambda command: self._respond(command.say),
            CancelResponse: lambda command: self._replies.cancel(command.response),
            TruncateItem: self._truncate,
            SendToolResult: lambda command: self._orders.answered(command.output),
        }

    # The port.

    @property
    def capabilities(self) -> EngineCapabilities:
        """What can be changed while the session lives."""
        return CAPABILITIES

    def send(self, command: SpeechCommand) -> None:
        """Carry out a command at once; sound, commit and clear in their order. After close: nothing."""
        if not self._outbox.is_closed:
            self._on_command[type(command)](command)

    async def events(self) -> AsyncIterator[SpeechEvent]:
        """Yield what the session tells, in order."""
        while (event := await self._outbox.take()) is not None:
            yield event

    async def close(self) -> None:
        """Stop every stage; may be called twice."""
        self._outbox.close()
        self._listening.cancel()
        await asyncio.wait({self._listening})
        await self._turns.close()
        await self._replies.close()

    # Hearing.

    def _append(self, command: AppendAudio) -> None:
        if command.chunk.format is CALL_FORMAT:
            self._inbox.put(command.chunk)
        else:
            self._refuse(
                "audio_format", f"got {command.chunk.format.name}, want {CALL_FORMAT.name}", "append_audio"
            )

    async def _listen(self) -> None:
        try:
            while True:
                item = await self._inbox.take()
                self._hearing.skip(self._inbox.take_dropped_ms())
                await self._take_in(item)
        except Exception as error:  # the detector's own mistakes: a new session may hear better
            log.error("local session lost", exc_info=error)
            self._outbox.end(SessionLost(f"hearing failed: {type(error).__name__}: {error}"))

    async def _take_in(self, item: Input) -> None:
        match item:
            case AudioChunk(samples=samples):
                for heard in self._hearing.hear(samples):
                    self._heard(heard)
                await self._clock.sleep_until(0.0)  # lets the loop's other tasks go on
            case CommitInput():
                over = self._hearing.commit()
                if over is not None:
                    self._heard(over)
                else:
                    self._refuse("input_empty", "there is no speech to commit", "commit")
            case ClearInput():
                left_ms = self._hearing.clear()
                if left_ms is not None:
                    self._outbox.put(SpeechStopped(left_ms))
                    self._turns.left()

    def _heard(self, heard: Heard) -> None:
        match heard:
            case Began(audio_ms=audio_ms):
                self._outbox.put(SpeechStarted(audio_ms))
                self._speech_began(audio_ms)
            case MaybeOver(sound=sound):
                self._turns.maybe_over(sound)
            case Resumed():
                self._turns.resumed()
            case Over():
                self._interrupted = None
                self._turns.over(heard)

    def _speech_began(self, audio_ms: int) -> None:
        turn = self._turns.last
        self._interrupted = None
        if turn is None:
            return
        if turn.text and not turn.is_heard_reply and not turn.is_settled:
            self._unanswered = turn
        if self._turns.can_reopen(audio_ms):
            self._interrupted = turn
            if not turn.is_heard_reply:
                self._reopen(turn)

    def _reopen(self, turn: Turn) -> None:
        self._interrupted = self._unanswered = None
        self._replies.withdraw(turn.ref)
        self._turns.reopen()

    def _truncate(self, command: TruncateItem) -> None:
        if command.heard_ms > 0 and command.text.strip():
            self._context.set_text(command.ref, command.text)
            return
        turn = self._turns.last
        is_last_reply = turn is not None and self._replies.turn_of(command.ref) == turn.ref
        self._context.remove(command.ref)
        if turn is not None and is_last_reply:
            turn.is_heard_reply = False
            self._unanswered = turn
            if self._interrupted is turn:
                self._reopen(turn)

    # Turns and orders.

    def _turn_written(self, turn: Turn, text: str) -> None:
        self._context.set_text(turn.ref, text)
        self._outbox.put(ItemDone(turn.ref, text))
        order = self._orders.find(text)
        if isinstance(order, HandOver):
            self._transfer(order.slug, text, turn)
        elif self._hearing.is_speaking or turn is not self._turns.last:
            self._unanswered = turn  # the caller goes on: what is said next is answered with it
        else:
            self._answer(turn)

    def _turn_was_nothing(self, turn: Turn) -> None:
        self._context.remove(turn.ref)
        self._outbox.put(ItemRemoved(turn.ref))
        if self._unanswered is not None and not self._replies.active and not self._hearing.is_speaking:
            self._answer(self._unanswered)

    def _answer(self, turn: Turn) -> None:
        self._unanswered = None
        if self._orders.is_open:
            return  # the Respond after its result answers this turn too
        self._replies.forget_waiting()
        self._replies.cancel()
        self._reply_to(self._orders.find(turn.text), turn)

    def _reply_to(self, order: SpokenCommand | None, turn: Turn | None) -> None:
        ref = turn.ref if turn is not None else ""
        if isinstance(order, EndCall):
            self._replies.ask(Wish(FAREWELL, ref, then=lambda: self._end_call(turn)))
        else:
            self._replies.ask(Wish(turn=ref))

    def _transfer(self, slug: str, reason: str, turn: Turn | None) -> None:
        self._replies.forget_waiting()
        self._replies.cancel()
        if turn is not None:
            turn.is_settled = True
        self._orders.transfer(slug, reason)

    def _end_call(self, turn: Turn | None) -> None:
        if turn is not None:
            turn.is_settled = True
        self._orders.end_call()

    def _reply_audible(self, turn: str) -> None:
        self._unanswered = None
        if self._turns.last is not None and self._turns.last.ref == turn:
            self._turns.last.is_heard_reply = True

    # Commands.

    def _configure(self, config: SessionConfig) -> None:
        is_other = config.agent.slug != self._config.agent.slug
        if is_other:
            self._replies.forget_waiting()
            self._replies.cancel()
            self._typed = ""
            self._orders.settle()
            self._unanswered = self._interrupted = None
        self._config = config
        self._context.configure(config)
        self._orders.configure(config)
        self._hearing.configure(config.agent.local)
        try:
            self._stages = self._stages_for(config.agent.local)
        except AgentVoiceError as error:  # it speaks on with the models of the agent before
            self._refuse("configure_failed", str(error), "configure")
        self._replies.configure(self._stages, config.agent.local)

    def _create_item(self, command: CreateItem) -> None:
        item = command.item
        self._context.replay(item)
        is_typed = item.kind is ItemKind.MESSAGE and item.role is Role.USER
        self._typed = item.text if is_typed else ""

    def _respond(self, say: str) -> None:
        typed, self._typed = self._typed, ""
        self._orders.settle()
        order = self._orders.find(typed) if typed and not say else None
        if isinstance(order, HandOver):
            self._transfer(order.slug, typed, None)
        elif say:
            self._replies.ask(Wish(say))
        else:
            self._reply_to(order, None)

    def _refuse(self, code: str, message: str, command: str) -> None:
        self._outbox.put(SessionError(code, message, retryable=False, command=command))
