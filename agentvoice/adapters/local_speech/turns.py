"""The caller's turns: committed, transcribed (already in the hang-over silence), re-opened.

A turn whose end was a mistake is re-opened: what was said before and after the pause is joined,
transcribed as one, and its text replaced.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from agentvoice.adapters.local_speech.hearing import Over
from agentvoice.adapters.local_speech.mailbox import Outbox
from agentvoice.adapters.local_speech.stages import Stages
from agentvoice.core.audio import AudioFormat
from agentvoice.core.item import ItemKind, Role
from agentvoice.core.speech import (
    ItemAdded,
    ItemFailed,
    SessionError,
    SpeechStopped,
    TurnCommitted,
    TurnReopened,
    UsageReported,
)
from agentvoice.errors import AgentVoiceError, EngineError, WorkerDied

REOPEN_WITHIN_MS = 1_500
"""Speech that resumes this soon after the commit continues the turn, if its reply was not yet heard."""

MAX_REOPENED_MS = 60_000
"""A turn that is longer is not joined with more."""

MAX_WAITING_TURNS = 4
"""Turns that wait for their transcript; beyond it the oldest fails."""

_FORMAT = AudioFormat.PCM16_16K

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Turn:
    """One turn of the caller. `committed_ms` counts all sound heard.

    `is_heard_reply`: sound of its reply was told (and not taken back as unheard).
    `is_settled`: an order in it was carried out, so it cannot be taken back.
    """

    ref: str
    sound: bytes = b""
    committed_ms: int = 0
    text: str = ""
    is_heard_reply: bool = False
    is_settled: bool = False
    transcription: asyncio.Task[None] | None = None


class Turns:
    """Turns of one session. `on_text` is told each turn's text, `on_nothing` each turn without words."""

    def __init__(
        self,
        outbox: Outbox,
        stages: Callable[[], Stages],
        stt_model: Callable[[], str],
        on_committed: Callable[[Turn], None],
        on_text: Callable[[Turn, str], None],
        on_nothing: Callable[[Turn], None],
    ) -> None:
        self.last: Turn | None = None
        """The turn committed last, None if it was nothing."""
        self._outbox = outbox
        self._stages = stages
        self._stt_model = stt_model
        self._on_committed = on_committed
        self._on_text = on_text
        self._on_nothing = on_nothing
        self._numbers = itertools.count(1)
        self._guess: asyncio.Task[str] | None = None
        self._open: Turn | None = None  # re-opened: what is being said belongs to it
        self._waiting: list[Turn] = []

    def maybe_over(self, sound: bytes) -> None:
        """The turn may be over: begin to transcribe it."""
        self.resumed()
        joined = self._open.sound + sound if self._open is not None else sound
        self._guess = asyncio.create_task(self._stages().stt.transcribe(joined), name="guessed transcript")
        self._guess.add_done_callback(_retrieve)

    def resumed(self) -> None:
        """It was not over: what was guessed is void."""
        if self._guess is not None:
            self._guess.cancel()
            self._guess = None

    def over(self, over: Over) -> None:
        """The turn is over: it takes its place, its text comes later."""
        self._outbox.put(SpeechStopped(over.silent_from_ms))
        guess, self._guess = self._guess, None
        if guess is not None and not over.is_guessed:
            guess.cancel()
            guess = None
        turn, self._open = self._open or Turn(f"turn_{next(self._numbers)}"), None
        is_new = not turn.sound
        turn.sound += over.sound
        turn.committed_ms = over.audio_ms
        self.last = turn
        self._outbox.put(TurnCommitted(turn.ref))
        if is_new:
            self._outbox.put(ItemAdded(turn.ref, ItemKind.MESSAGE, Role.USER))
            self._on_committed(turn)
        self._transcribe(turn, guess)

    def can_reopen(self, began_ms: int) -> bool:
        """Whether speech that begins now continues the last turn, as far as is known yet."""
        turn = self.last
        return (
            turn is not None
            and not turn.is_settled
            and began_ms - turn.committed_ms <= REOPEN_WITHIN_MS
            and len(turn.sound) < _FORMAT.bytes_of(MAX_REOPENED_MS)
        )

    def reopen(self) -> Turn | None:
        """What is being said now continues the last turn."""
        turn, self.last = self.last, None
        if turn is None:
            return None
        self.resumed()
        self._give_up(turn)
        self._open = turn
        turn.text = ""
        turn.is_heard_reply = False
        self._outbox.put(TurnReopened(turn.ref))
        return turn

    def left(self) -> None:
        """The open speech was forgotten; a re-opened turn ends with what it had."""
        self.resumed()
        turn, self._open = self._open, None
        if turn is not None:
            self.last = turn
            self._outbox.put(TurnCommitted(turn.ref))
            self._transcribe(turn, None)

    def _transcribe(self, turn: Turn, guess: asyncio.Task[str] | None) -> None:
        if len(self._waiting) >= MAX_WAITING_TURNS:
            oldest = self._waiting[0]
            self._give_up(oldest)
            self._outbox.put(ItemFailed(oldest.ref, "too many turns wait for their transcript"))
        self._waiting.append(turn)
        turn.transcription = asyncio.create_task(self._write_down(turn, guess), name=f"{turn.ref} transcript")

    def _give_up(self, turn: Turn) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)
        if turn.transcription is not None:
            turn.transcription.cancel()

    async def _write_down(self, turn: Turn, guess: asyncio.Task[str] | None) -> None:
        try:
            text = await self._text_of(turn, guess)
        except Exception as error:
            self._waiting.remove(turn)
            failure = as_engine_error(error)
            self._outbox.put(ItemFailed(turn.ref, str(failure)))
            self._tell(failure)
            return
        self._waiting.remove(turn)
        duration_ms = _FORMAT.ms_of(len(turn.sound))
        self._outbox.put(UsageReported("", self._stt_model(), audio_ms=duration_ms))
        turn.text = text.strip()
        if any(char.isalnum() for char in turn.text):
            self._on_text(turn, turn.text)
        else:
            if self.last is turn:
                self.last = None
            self._on_nothing(turn)

    async def _text_of(self, turn: Turn, guess: asyncio.Task[str] | None) -> str:
        stt = self._stages().stt
        try:
            return await (guess if guess is not None else stt.transcribe(turn.sound))
        except WorkerDied as error:
            self._tell(error, is_retried=True)
            return await stt.transcribe(turn.sound)

    def _tell(self, error: AgentVoiceError, *, is_retried: bool = False) -> None:
        code = "worker_died" if isinstance(error, WorkerDied) else "transcription_failed"
        self._outbox.put(SessionError(code, str(error), retryable=error.retryable, is_retried=is_retried))

    async def close(self) -> None:
        """Stop everything."""
        tasks: set[asyncio.Task[Any]] = {turn.transcription for turn in self._waiting if turn.transcription}
        if self._guess is not None:
            tasks.add(self._guess)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _retrieve(task: asyncio.Task[str]) -> None:
    """A guess that nobody needs any more may fail unseen."""
    if not task.cancelled():
        task.exception()


def as_engine_error(error: Exception) -> AgentVoiceError:
    """Return `error`, or one of ours for a stage's own mistake: it fails its turn, not the call."""
    if isinstance(error, AgentVoiceError):
        return error
    log.error("speech stage failed", exc_info=error)
    return EngineError(f"a speech stage failed: {type(error).__name__}: {error}")
