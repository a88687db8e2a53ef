"""The caller's speech over the agent, and the replies that are ours to ask for.

What a session leaves to us is its agent's policy (core.turn_policy); whether speech interrupts is
decided by core.interruption. This joins the two with the dialogue, and waits by the clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from agentvoice.core.interruption import Doubt, Interruption, Step
from agentvoice.core.item import Role
from agentvoice.core.leg import CallerAudio, TurnEnded
from agentvoice.core.ports import Clock
from agentvoice.core.speech import (
    CommitInput,
    ItemDone,
    ItemFailed,
    ItemRemoved,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    TurnCommitted,
)
from agentvoice.core.turn_policy import WHOLE_ENGINE, TurnPolicy, turn_policy_of
from agentvoice.core.turn_taking import TurnEvent
from agentvoice.services.dialogue import Dialogue
from agentvoice.services.session_link import SessionLink

MIN_TURN_MS = 100
"""Less sound than this is no turn: the provider refuses to commit it."""

StartTask = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


class BargeIn:
    """`start` runs a task of the call. It stands between the call's routing and the dialogue."""

    def __init__(self, dialogue: Dialogue, link: SessionLink, clock: Clock, start: StartTask) -> None:
        self._dialogue = dialogue
        self._link = link
        self._clock = clock
        self._start = start
        self._interruption = Interruption()
        self._unsure: set[str] = set()  # turns that get a reply only if they have words
        self._is_speech_unsure = False
        self._turn_ms = 0
        self._owes_turn_end = False

    def routes(self) -> dict[type, Callable[..., object]]:
        """Return the handler of each event that is decided here."""
        return {
            SpeechStopped: self.speech_stopped,
            TurnCommitted: self.turn_committed,
            ItemDone: self.item_done,
            ItemFailed: self.item_done,
            CallerAudio: self.caller_audio,
            TurnEnded: self.turn_ended,
            SessionReady: self.session_ready,
        }

    @property
    def policy(self) -> TurnPolicy:
        """What the session that is joined now leaves to us."""
        agent, engine = self._dialogue.agent, self._link.engine
        return WHOLE_ENGINE if agent is None or engine is None else turn_policy_of(agent, engine.name)

    # Speech.

    def speech_started(self, event: SpeechStarted) -> None:
        """The caller speaks."""
        policy, dialogue = self.policy, self._dialogue
        if policy.judges_speech and (dialogue.is_replying or self._interruption.doubt is not Doubt.NONE):
            self._is_speech_unsure = True
            self._do(self._interruption.speech_started(policy, event.audio_ms, self._clock.monotonic_s()))
            return
        self._is_speech_unsure = not policy.speech_interrupts and dialogue.is_replying
        if not self._is_speech_unsure:
            dialogue.display.move(TurnEvent.SPEECH_STARTED)
            dialogue.interrupt(by_provider=policy.provider_interrupts)

    def speech_stopped(self, event: SpeechStopped) -> None:
        """The caller fell silent."""
        self._dialogue.speech_stopped(event)
        self._do(self._interruption.speech_stopped(event.audio_ms, self._clock.monotonic_s()))

    def turn_committed(self, event: TurnCommitted) -> None:
        """The caller's turn takes its place; the reply to it may be ours to ask for."""
        policy, dialogue = self.policy, self._dialogue
        is_unsure, self._is_speech_unsure = self._is_speech_unsure, False
        # A provider that was told not to interrupt does not reply either while it still speaks.
        misses_it = not policy.asks_for_replies and is_unsure and bool(dialogue.output.active_response)
        dialogue.item(event)
        self._turn_ms = 0
        if policy.is_manual or not (policy.asks_for_replies or misses_it):
            return
        if policy.judges_speech and is_unsure:
            self._unsure.add(event.ref)
        else:
            dialogue.respond()

    def item_done(self, event: ItemDone | ItemFailed) -> None:
        """An item is finished; the words of an unsure turn say that it interrupted.

        Those of an older turn, which often come while its reply is spoken, say nothing of that.
        """
        self._dialogue.item(event)
        if event.ref in self._unsure:
            self._unsure.discard(event.ref)
            self._do(self._interruption.words_heard())
            self._dialogue.respond()

    def removed(self, event: ItemRemoved) -> bool:
        """An item was nothing; returns whether it was a turn of the caller."""
        is_turn = self._dialogue.role_of(event.ref) is Role.USER
        self._dialogue.item(event)
        if event.ref in self._unsure:
            self._unsure.discard(event.ref)
            self._do(self._interruption.nothing_said())
        return is_turn

    def interrupt(self) -> None:
        """Stop what is said, as the caller asks by a button."""
        self._interruption.forget()
        self._dialogue.interrupt()

    def _do(self, step: Step) -> None:
        dialogue = self._dialogue
        match step:
            case Step.HOLD:
                dialogue.display.move(TurnEvent.SPEECH_STARTED)
                dialogue.reply_held()
            case Step.RESUME:
                dialogue.reply_resumed()
            case Step.CUT:
                self._is_speech_unsure = False
                dialogue.display.move(TurnEvent.SPEECH_STARTED)
                dialogue.interrupt()
        self._wait()

    def _wait(self) -> None:
        deadline_s = self._interruption.deadline_s
        if deadline_s is not None:
            self._start(self._due(deadline_s), "interruption")

    async def _due(self, deadline_s: float) -> None:
        await self._clock.sleep_until(deadline_s)
        if self._interruption.deadline_s == deadline_s:
            self._do(self._interruption.due(self._clock.monotonic_s()))

    # Turns that the caller ends.

    def caller_audio(self, event: CallerAudio) -> None:
        """Pass the caller's sound to the session."""
        if self._link.append(event.chunk):
            self._dialogue.audio_appended(event.chunk.duration_ms)
        self._turn_ms += event.chunk.duration_ms
        self._end_owed_turn()

    def turn_ended(self, event: TurnEnded) -> None:
        """The caller says that their turn is over; only a session with manual turns asks for that."""
        self._owes_turn_end = True
        self._end_owed_turn()

    def session_ready(self, event: SessionReady) -> None:
        """A session was joined: a turn that ended in the gap is ended in it."""
        self._interruption.forget()
        self._end_owed_turn()

    def _end_owed_turn(self) -> None:
        if not self._owes_turn_end or self._link.is_gap:
            return
        self._owes_turn_end = False
        has_sound, self._turn_ms = self._turn_ms >= MIN_TURN_MS, 0
        if self.policy.is_manual and has_sound:
            self._dialogue.interrupt()
            self._link.send(CommitInput())
            self._dialogue.respond()
