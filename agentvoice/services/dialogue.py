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
    TurnCommitted,
)
from agentvoice.core.turn_taking import TurnEvent
from agentvoice.core.turn_timing import TurnTiming
from agentvoice.services.call_output import CallOutput
from agentvoice.services.heard_items import HeardItems
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
        self.agent: AgentProfile | None = None
        """Who speaks now, None before the first agent joined."""
        self.has_spoken = False
        """Whether the session that is joined now has sent audio."""
        self.tools_run = False
        """Whether tools run whose results a reply will tell."""
        self._leg = leg
        self._keep = keep
        self._clock = clock
        self._send = send
        self._on_user_text = on_user_text
        self._awaits_reply = False
        self._left_to_provider: set[str] = set()  # interrupted replies that the provider stops itself
        self._items = HeardItems(conversation, self.output, clock, send, self.note)
        self._timing = TurnTiming()
        self._silence_waiters: list[asyncio.Future[None]] = []

    # Sound and turns.

    @property
    def owes_reply(self) -> bool:
        """Whether the caller waits for a reply that has not begun or is being made."""
        return self._awaits_reply or bool(self.output.active_response)

    @property
    def is_replying(self) -> bool:
        """Whether a reply is being made or heard."""
        return self.output.is_audible or bool(self.output.active_response)

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

    def interrupt(self, *, by_provider: bool = False) -> None:
        """Stop what is being said: by speech, by button, by a typed turn.

        `by_provider`: it stops the reply itself, so that it is not told to.
        """
        if not self.is_replying:
            return
        # The leg's answer comes as OutputCleared and is cut there; the reply is cancelled then,
        # or here if none of its sound is on the way.
        was_audible = self.output.is_audible
        response = self.output.interrupt()
        if by_provider:
            self._left_to_provider.add(response)
        else:
            self._left_to_provider.discard(response)
        if not was_audible:
            if self._items.has_sound(response):  # it ran dry: with our cancel its open end is truncated
                self._left_to_provider.discard(response)
            self._cancel(response)

    def _cancel(self, response: str) -> None:
        if response not in self._left_to_provider:
            self._send(CancelResponse(response))

    def reply_held(self) -> None:
        """The caller may be interrupting: what was not heard waits."""
        self.output.hold()

    def reply_resumed(self) -> None:
        """They were not: it is played on."""
        self.output.resume()
        self.display.move(TurnEvent.TURN_REMOVED)
        if self.output.is_audible:
            self.display.move(TurnEvent.AUDIO_QUEUED)
        self._check_over()

    def output_cleared(self, sample_count: int) -> None:
        """The leg dropped its sound: cut the items where they were heard, cancel the reply."""
        self.played(sample_count)
        for cut in self.output.cleared(sample_count):
            self._items.cut_short(cut)
        if self.output.is_muted(self.output.active_response):
            self._cancel(self.output.active_response)
        self._check_over()

    def played(self, sample_count: int) -> None:
        """The leg played on: items that are done and heard are finished."""
        for ref in self.output.played(sample_count):
            self._items.heard(ref)
        self._check_over()

    def audio(self, event: AudioDelta) -> None:
        """Sound of the agent: pass it on at once."""
        if not self.output.play(event):
            self._items.dropped(event)
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
        self._left_to_provider.discard(event.response)
        if event.status is ResponseStatus.LOST:
            self._awaits_reply = not was_muted  # its items are cut when the next session is joined
            return
        self._items.response_ended(event, was_muted=was_muted)
        self._check_over()

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
        if isinstance(event, ItemAdded):
            self._items.added(event)
        role = self.role_of(ref)
        received_ms = self.output.received_ms(ref)
        self.note(self.conversation.apply(event, self._clock.utc_ms(), received_ms))
        if isinstance(event, TurnCommitted):
            self._awaits_reply = True
            self.display.move(TurnEvent.TURN_COMMITTED)
        elif isinstance(event, ItemRemoved) and role is not Role.AGENT:
            self._awaits_reply = False
            self.display.move(TurnEvent.TURN_REMOVED)
        elif isinstance(event, ItemDone | ItemFailed) and self.output.is_heard(ref):
            self._items.heard(ref)

    def role_of(self, ref: str) -> Role | None:
        """Whose item it is, None if it is unknown."""
        item = self.conversation.item_of(ref)
        return item.role if item else None

    def reply_comes_again(self) -> None:
        """The reply failed and was asked for again: it is still owed."""
        self._awaits_reply = True

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
        self.agent = agent
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
        self._awaits_reply = False
        self._left_to_provider.clear()
        self._items.begin_session()
        self.display.begin_session()
        self._timing.begin_session()

    def cut_everything(self, said_again: str = "") -> None:
        """Nothing more of this session will be heard (see HeardItems.finish_all)."""
        self._items.finish_all(said_again)
