"""The replies of one session: one at a time, one more may wait, each ended exactly once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from agentvoice.adapters.local_speech.context import Context
from agentvoice.adapters.local_speech.mailbox import Outbox
from agentvoice.adapters.local_speech.reply import Reply
from agentvoice.adapters.local_speech.stages import Stages
from agentvoice.adapters.local_speech.turns import as_engine_error
from agentvoice.config import LocalEngineSettings
from agentvoice.core.agent import LocalSettings
from agentvoice.core.item import Role
from agentvoice.core.speech import (
    ItemDone,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SessionError,
    UsageReported,
)
from agentvoice.errors import AgentVoiceError, EngineError, WorkerDied

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """A reply that is wanted. `say`: speak this instead of thinking; `then`: do this when it was made.

    `turn`: ref of the caller's turn that it answers, "" when asked for by command.
    """

    say: str = ""
    turn: str = ""
    then: Callable[[], None] | None = None


class Replies:
    """Makes replies with the stages and settings that are current when each begins."""

    def __init__(self, context: Context, outbox: Outbox, defaults: LocalEngineSettings) -> None:
        self._context = context
        self._outbox = outbox
        self._defaults = defaults
        self._numbers = itertools.count(1)
        self._reply: Reply | None = None
        self._wish = Wish()
        self._waiting: Wish | None = None
        self._task: asyncio.Task[None] | None = None
        self._priming: asyncio.Task[None] | None = None
        self._spoken_for: dict[str, str] = {}  # the last audible reply's item: the turn it answers
        self.on_audible: Callable[[str], None] = lambda turn: None
        """Told the turn whose reply has its first sound."""

    def configure(self, stages: Stages, local: LocalSettings) -> None:
        """Make replies with these from the next one on; the model reads the context ahead meanwhile."""
        self._stages = stages
        self._local = local
        self._read_ahead()

    def _read_ahead(self) -> None:
        """Let the model read what was said so far, before it is asked for anything."""
        if self._priming is not None:
            self._priming.cancel()
        self._priming = asyncio.create_task(self._prime(), name="prime the model")

    async def _prime(self) -> None:
        texts = self._stages.llm.reply(self._context.messages(), max_tokens=0, temperature=0.0)
        try:
            async with aclosing(texts):
                async for _ in texts:
                    pass
        except Exception as error:  # only a head start: the reply itself will meet the failure and tell it
            log.info("context not read ahead", reason=str(as_engine_error(error)))

    @property
    def active(self) -> str:
        """The response being made, "" if none."""
        return self._reply.response if self._reply is not None else ""

    def turn_of(self, ref: str) -> str:
        """Return the turn that the item `ref` answers (of the last reply only), "" for none."""
        return self._spoken_for.get(ref, "")

    def withdraw(self, turn: str) -> None:
        """Take back the reply to `turn`, wanted, being made or made: nothing of it was heard."""
        if self._waiting is not None and self._waiting.turn == turn:
            self._waiting = None
        if self._reply is not None and self._wish.turn == turn:
            self.cancel()
        for ref in [ref for ref, answered in self._spoken_for.items() if answered == turn]:
            self._context.remove(ref)

    def ask(self, wish: Wish) -> None:
        """Make a reply now, or when the active one is over; of several that wait the newest wins."""
        if self._reply is not None:
            self._waiting = wish
        else:
            self._start(wish)

    def forget_waiting(self) -> None:
        """Drop the wish that waits."""
        self._waiting = None

    def cancel(self, response: str = "") -> None:
        """Stop the active reply at once if it is `response` (or whichever it is); no error if it is over."""
        if self._reply is None or response not in ("", self._reply.response):
            return
        if self._task is not None:
            self._task.cancel()
        self._end(ResponseStatus.CANCELLED)
        self._next()

    def _start(self, wish: Wish) -> None:
        number = next(self._numbers)
        reply = Reply(f"response_{number}", f"answer_{number}", self._stages, self._local, self._outbox)
        reply.on_text = lambda text: self._spoke(reply, wish, text)
        self._reply, self._wish = reply, wish
        self._outbox.put(ResponseStarted(reply.response))
        before = self._task if self._task is not None and not self._task.done() else None
        self._task = asyncio.create_task(self._run(reply, wish, before), name=reply.response)

    def _spoke(self, reply: Reply, wish: Wish, text: str) -> None:
        if reply.ref not in self._spoken_for:
            self._spoken_for = {reply.ref: wish.turn}
            self._context.enter(reply.ref, Role.AGENT)
            self.on_audible(wish.turn)
        self._context.add_text(reply.ref, text)

    async def _run(self, reply: Reply, wish: Wish, before: asyncio.Task[None] | None) -> None:
        """Make the reply; `before` is the one that was cancelled and may still be closing its streams."""
        if before is not None:
            await asyncio.wait({before})
        failure: AgentVoiceError | None = None
        try:
            await self._make(reply, wish)
        except Exception as error:
            failure = as_engine_error(error)
        if reply is not self._reply:
            return
        if failure is None and not reply.has_spoken:
            failure = EngineError("there were no words that can be spoken")
        if failure is not None:
            self._tell(failure)
        if reply.has_spoken:
            self._outbox.put(ItemDone(reply.ref))
        self._end(_status_of(failure, has_spoken=reply.has_spoken), str(failure or ""))
        if wish.then is not None:
            wish.then()
        elif wish.say and self._waiting is None:
            # It was made in a moment and is heard for seconds: time to read it, and what was replayed
            # before it. After a handover that is the whole conversation.
            self._read_ahead()
        self._next()

    async def _make(self, reply: Reply, wish: Wish) -> None:
        if wish.say:
            return await self._twice(reply, lambda: reply.say(wish.say))
        if self._priming is not None:
            await asyncio.wait({self._priming})
        return await self._twice(reply, lambda: reply.think(self._context.messages()))

    async def _twice(self, reply: Reply, make: Callable[[], Awaitable[None]]) -> None:
        """Make the reply; if the worker dies before any of it was told, once more."""
        try:
            await make()
        except WorkerDied as error:
            if reply.has_spoken:
                raise
            self._tell(error)
            await make()

    def _tell(self, error: AgentVoiceError) -> None:
        code = "worker_died" if isinstance(error, WorkerDied) else "reply_failed"
        self._outbox.put(SessionError(code, str(error), retryable=error.retryable, command="respond"))

    def _end(self, status: ResponseStatus, reason: str = "") -> None:
        reply, self._reply = self._reply, None
        assert reply is not None  # asked by the callers
        reply.is_over = True
        self._outbox.put(UsageReported(reply.response, self._model_of(self._wish), audio_ms=reply.audio_ms))
        self._outbox.put(ResponseEnded(reply.response, status, reason))

    def _model_of(self, wish: Wish) -> str:
        if wish.say:
            return self._local.tts.model or self._defaults.tts
        return self._local.llm.model or self._defaults.llm

    def _next(self) -> None:
        if self._waiting is not None and self._reply is None:
            wish, self._waiting = self._waiting, None
            self._start(wish)

    async def close(self) -> None:
        """Stop everything; nothing more is told."""
        self._waiting = None
        if self._reply is not None:
            self._reply.is_over = True
            self._reply = None
        tasks = {task for task in (self._task, self._priming) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _status_of(failure: AgentVoiceError | None, *, has_spoken: bool) -> ResponseStatus:
    if failure is None:
        return ResponseStatus.COMPLETED
    return ResponseStatus.INCOMPLETE if has_spoken else ResponseStatus.FAILED
