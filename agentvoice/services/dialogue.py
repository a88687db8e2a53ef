"""The dialogue of one call: what the session tells becomes items, turns and sound.

It joins four plain machines (conversation, turn taking, playback ledger, publishing words) and
tells three parties: the leg's display, the record, the session. It never waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agentvoice.core.agent import AgentProfile
from agentvoice.core.conversation import Conversation, ConversationEvent
from agentvoice.core.item import Item, ItemKind, Role
from agentvoice.core.leg import AgentChanged, ItemChanged
from agentvoice.core.playback import Cut
from agentvoice.core.ports import CallerLeg, Clock
from agentvoice.core.speech import (
    AudioDelta,
    CancelResponse,
    CreateItem,
    ItemAdded,
    ItemDone,
    ItemFailed,
    ItemRemoved,
    Respond,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SpeechCommand,
    SpeechStarted,
    SpeechStopped,
    ToolCallRequested,
    TruncateItem,
    TurnCommitted,
)
from agentvoice.core.turn_taking import TurnEvent
from agentvoice.core.turn_timing import TurnTiming
from agentvoice.services.call_output import CallOutput
from agentvoice.services.turn_display import TurnDisplay


class Dialogue:
    """Items, turns and sound of one call.

    `keep` takes each finished item, `send` gives a command to the session that is joined now; neither waits. `on_user_text` is told each finished
    text of the caller (spoken or typed), before anything is done with it.
    """

    def __init__(
        self,
        conversation: Conversation,
        leg: CallerLeg,
        keep: Callable[[Item], None],
        clock: Clock,
        send: Callable[[SpeechCommand], None],
        on_user_text: Callable[[str], None],
    ) -> None:
        self.conversation = conversation
        self.output = CallOutput(leg)
        self.display = TurnDisplay(leg)
        self.has_spoken = False
        """Whether the session that is joined now has sent audio."""
        self.tools_run = False
        """Whether tools run whose results a reply will tell."""
        self._leg = leg
        self._keep = keep
        self._clock = clock
        self._send = send
        self._on_user_text = on_user_text
        self._dropped_ms: dict[str, int] = {}  # of items whose end came too late to be heard
        self._awaits_reply = False
        self._refs_of: dict[str, list[str]] = {}
        self._timing = TurnTiming()
        self._silence_waiters: list[asyncio.Future[None]] = []

    # Sound and turns.

    @property
    def owes_reply(self) -> bool:
        """Whether the caller waits for a reply that has not begun or is being made."""
        return self._awaits_reply or bool(self.output.active_response)

    def audio_appended(self, duration_ms: int) -> None:
        """Sound of the caller went to the session."""
        self._timing.appended(duration_ms)

    def speech_started(self, event: SpeechStarted) -> None:
        """The caller speaks; if the agent was speaking or thinking this is a barge-in."""
        self.display.move(TurnEvent.SPEECH_STARTED)
        self.interrupt()

    def speech_stopped(self, event: SpeechStopped) -> None:
        """The caller fell silent: a turn's time is counted from here."""
        self._timing.speech_stopped(event.audio_ms, self._clock.monotonic_s())

    def interrupt(self) -> None:
        """Stop what is being said: by speech, by button, by a typed turn."""
        if not self.output.is_audible and not self.output.active_response:
            return
        # The leg's answer comes as OutputCleared and is cut there; the reply is cancelled then,
        # or here if none of its sound is on the way.
        was_audible = self.output.is_audible
        response = self.output.interrupt()
        if not was_audible:
            self._send(CancelResponse(response))

    def output_cleared(self, sample_count: int) -> None:
        """The leg dropped its sound: cut the items where they were heard, cancel the reply."""
        self.played(sample_count)
        for cut in self.output.cleared(sample_count):
            self._cut_short(cut)
        if self.output.is_muted(self.output.active_response):
            self._send(CancelResponse(self.output.active_response))
        self._check_over()

    def _cut_short(self, cut: Cut) -> None:
        """Cut an item and tell the session, which takes all of it for said."""
        self._cut(cut)
        item = self.conversation.item_of(cut.ref)
        self._send(TruncateItem(cut.ref, cut.content_index, cut.heard_ms, item.text if item else ""))

    def _cut(self, cut: Cut) -> None:
        self.note(self.conversation.cut(cut, self._clock.utc_ms()))
        self.output.settle(cut.ref)

    def played(self, sample_count: int) -> None:
        """The leg played on: items that are done and heard are finished."""
        for ref in self.output.played(sample_count):
            self._heard(ref)
        self._check_over()

    def _heard(self, ref: str) -> None:
        dropped_ms = self._dropped_ms.pop(ref, 0)
        if dropped_ms:
            received_ms = self.output.received_ms(ref)
            self._cut_short(Cut(ref, 0, received_ms, received_ms + dropped_ms))
            return
        self.note(self.conversation.heard(ref, self._clock.utc_ms()))
        item = self.conversation.item_of(ref)
        if item is not None and item.is_finished:
            self.output.settle(ref)

    def _drop(self, event: AudioDelta) -> None:
        """Sound of an interrupted reply came too late: its item ends with what was heard before."""
        item = self.conversation.item_of(event.ref)
        if item is None or item.is_finished:
            return
        self._dropped_ms[event.ref] = self._dropped_ms.get(event.ref, 0) + event.chunk.duration_ms
        if self.output.is_heard(event.ref):  # else it is cut when the leg has cleared
            self._heard(event.ref)

    def audio(self, event: AudioDelta) -> None:
        """Sound of the agent: pass it on at once."""
        if not self.output.play(event):
            self._drop(event)
            return
        self.has_spoken = True
        for timed in self._timing.first_sound(self.conversation.agent, self._clock.monotonic_s()):
            self._leg.show(timed)
        self.display.move(TurnEvent.AUDIO_QUEUED)

    # Replies.

    def response_started(self, event: ResponseStarted) -> None:
        """A reply began."""
        self._awaits_reply = False
        self.output.response_started(event)
        self.display.move(TurnEvent.RESPONSE_STARTED)

    def response_ended(self, event: ResponseEnded) -> None:
        """A reply is over: what of it was never heard is cut, what is being heard goes on."""
        was_muted = self.output.is_muted(event.response)
        self.output.response_ended(event)
        if event.status is ResponseStatus.LOST:
            self._awaits_reply = not was_muted  # its items are cut when the next session is joined
            return
        for ref in self._refs_of.pop(event.response, []):
            self._settle(ref, event.status, was_muted=was_muted)
        self._check_over()

    def _settle(self, ref: str, status: ResponseStatus, *, was_muted: bool) -> None:
        item = self.conversation.item_of(ref)
        if item is None or item.is_finished:
            return
        if not self.output.is_heard(ref):
            if not was_muted:  # it is still being played: finished when heard
                self.item(ItemDone(ref))
            return
        received_ms = self.output.received_ms(ref)
        if status is ResponseStatus.COMPLETED and not was_muted:  # else it may lack its end
            self.item(ItemDone(ref))
        else:
            self._cut(Cut(ref, 0, received_ms, received_ms))

    def respond(self, say: str = "") -> None:
        """Ask the session for a reply."""
        self._awaits_reply = True
        self._send(Respond(say))
        self.display.move(TurnEvent.REPLY_ASKED)

    async def played_out(self) -> None:
        """Wait until all sound that was sent on is heard or dropped."""
        if self.output.is_audible:
            waiter = asyncio.get_running_loop().create_future()
            self._silence_waiters.append(waiter)
            await waiter

    def _check_over(self) -> None:
        if not self.output.is_audible:
            for waiter in self._silence_waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._silence_waiters.clear()
        if self.output.is_idle and not self._awaits_reply:
            self.display.move(TurnEvent.TOOLS_RUN if self.tools_run else TurnEvent.RESPONSE_OVER)

    # Items.

    def item(self, event: ConversationEvent) -> None:
        """Take in what the session tells of an item."""
        ref = event.ref
        if isinstance(event, ItemAdded) and event.response:
            self._refs_of.setdefault(event.response, []).append(ref)
        received_ms = self.output.received_ms(ref)
        self.note(self.conversation.apply(event, self._clock.utc_ms(), received_ms))
        if isinstance(event, TurnCommitted):
            self._awaits_reply = True
            self.display.move(TurnEvent.TURN_COMMITTED)
        elif isinstance(event, ItemRemoved):
            self._awaits_reply = False
            self.display.move(TurnEvent.TURN_REMOVED)
        elif isinstance(event, ItemDone | ItemFailed) and self.output.is_heard(ref):
            self._heard(ref)

    def no_reply_comes(self) -> None:
        """The engine failed on this turn: stop waiting for its reply."""
        self._awaits_reply = False
        self._check_over()

    def note(self, changed: tuple[Item, ...]) -> None:
        """Show changed items and keep the finished ones."""
        for item in changed:
            self._leg.show(ItemChanged(item))
            if item.kind is ItemKind.MESSAGE and item.role is Role.USER and item.is_finished:
                self._on_user_text(item.text)
            if item.is_finished:
                self._keep(item)

    def typed(self, text: str) -> None:
        """The caller typed a turn: it interrupts, enters, and asks for a reply."""
        self.interrupt()
        self._send(CreateItem(self.enter_typed(text)))
        self._timing.typed(self._clock.monotonic_s())
        self.display.move(TurnEvent.TURN_COMMITTED)
        self.respond()

    def enter_typed(self, text: str) -> Item:
        """Take in a typed turn; whether a session answers it is not asked here."""
        item = self.conversation.add_user_text(text, self._clock.utc_ms())
        self.note((item,))
        return item

    def notice(self, text: str) -> None:
        """Tell the caller something that is no speech; it is kept with the call."""
        self.note((self.conversation.add_notice(text, self._clock.utc_ms()),))

    def agent_changed(self, agent: AgentProfile) -> None:
        """Tell the display who speaks."""
        self._leg.show(AgentChanged(agent.slug, agent.name))

    def handed_over(self, agent: AgentProfile, asked_at_s: float) -> None:
        """Another agent speaks from now on; it was asked for at `asked_at_s` (monotonic)."""
        self._timing.handover_asked(self.conversation.agent, agent.slug, asked_at_s)
        self.note((self.conversation.hand_over(agent.slug, self._clock.utc_ms()),))
        self.agent_changed(agent)

    def tool_answered(self, tool: ToolCallRequested, output: str) -> None:
        """Keep the answer to a tool call; `output` is JSON text."""
        call = self.conversation.item_of(tool.ref)
        if call is not None:
            self.note((self.conversation.add_tool_result(call, output, self._clock.utc_ms()),))

    def join_session(self, *, aligned: bool) -> None:
        """A new session is joined: the old one's refs and replies are over."""
        self.cut_everything()
        self.conversation.begin_session(aligned=aligned)
        self.output.forget_session()
        self.has_spoken = False
        self._refs_of.clear()
        self._awaits_reply = False
        self._dropped_ms.clear()
        self.display.begin_session()
        self._timing.begin_session()

    def cut_everything(self, said_again: str = "") -> None:
        """Nothing more of this session will be heard: finish its items as they are.

        A caller's turn without a transcript becomes a marked item, not a hole; `said_again` is the
        one whose sound goes to the next session: it enters there, with its words.
        """
        now = self._clock.utc_ms()
        for cut in self.output.abandon():
            self._cut(cut)
        for ref in self.conversation.unfinished():
            item = self.conversation.item_of(ref)
            if ref == said_again:
                self.item(ItemRemoved(ref))
            elif item is not None and item.role is Role.USER:
                self.note(self.conversation.apply(ItemFailed(ref, "the session ended first"), now))
            else:
                received_ms = self.output.received_ms(ref)
                self.note(self.conversation.cut(Cut(ref, 0, received_ms, received_ms), now))
