"""What the frames of the call socket mean: each stands for one event of the leg, or one update to it."""

from __future__ import annotations

from decimal import Decimal

from agentvoice.core.leg import (
    AgentChanged,
    CallerAudio,
    CallerAudioDropped,
    CallerText,
    CallUpdate,
    DoNotPublishPressed,
    HandoverTimed,
    HungUp,
    InterruptPressed,
    ItemChanged,
    LegEvent,
    OutputCleared,
    Played,
    PlayoutReported,
    PublishingChanged,
    SpendingChanged,
    StatusChanged,
    SwitchAsked,
    TurnEnded,
    TurnTimed,
    WarningGiven,
)
from agentvoice.core.pricing import NANO_PER_USD, usd_text
from agentvoice.errors import RemoteProtocolError
from agentvoice.protocols.callpage.frames import (
    Agent,
    ClearedFrame,
    ClientFrame,
    DaemonFrame,
    DoNotPublish,
    DroppedFrame,
    HandoverTime,
    HangUp,
    Interrupt,
    ItemFrame,
    PlayedFrame,
    PlayoutFrame,
    Publishing,
    Resume,
    Spent,
    Start,
    Status,
    Switch,
    Text,
    TurnEnd,
    TurnTime,
    Warned,
)

MS_PER_S = 1_000

_PRESSES: tuple[tuple[Interrupt | TurnEnd | DoNotPublish | HangUp, LegEvent], ...] = (
    (Interrupt(), InterruptPressed()),
    (TurnEnd(), TurnEnded()),
    (DoNotPublish(), DoNotPublishPressed()),
    (HangUp(), HungUp()),
)
"""Frames that say all by their type."""


def leg_event(frame: ClientFrame) -> LegEvent:
    """Return what a client's frame means; raises RemoteProtocolError for a second `start` or `resume`."""
    match frame:
        case Text(text=text):
            return CallerText(text)
        case PlayedFrame(samples=samples):
            return Played(samples)
        case ClearedFrame(samples=samples):
            return OutputCleared(samples)
        case PlayoutFrame(depth_ms=depth_ms, underruns=underruns):
            return PlayoutReported(depth_ms, underruns)
        case DroppedFrame(ms=ms):
            return CallerAudioDropped(ms)
        case Switch(agent=agent):
            return SwitchAsked(agent)
        case Start() | Resume():
            raise RemoteProtocolError("call socket: got a second first frame; one socket is one call")
        case _:
            return next(event for pressed, event in _PRESSES if pressed == frame)


def client_frame(event: LegEvent) -> ClientFrame | bytes:
    """Return the frame for what the caller did; bytes is a binary frame of sound."""
    match event:
        case CallerAudio(chunk=chunk):
            return chunk.samples
        case CallerText(text=text):
            return Text(text=text)
        case Played(sample_count=samples):
            return PlayedFrame(samples=samples)
        case OutputCleared(sample_count=samples):
            return ClearedFrame(samples=samples)
        case PlayoutReported(depth_ms=depth_ms, underruns=underruns):
            return PlayoutFrame(depth_ms=depth_ms, underruns=underruns)
        case CallerAudioDropped(duration_ms=ms):
            return DroppedFrame(ms=ms)
        case SwitchAsked(agent=agent):
            return Switch(agent=agent)
        case _:
            return next(frame for frame, pressed in _PRESSES if pressed == event)


def daemon_frame(update: CallUpdate) -> DaemonFrame:
    """Return the frame for an update of the call."""
    match update:
        case StatusChanged(status=status):
            return Status(status=status)
        case ItemChanged(item=item):
            return ItemFrame(item=item)
        case AgentChanged(slug=slug, name=name):
            return Agent(slug=slug, name=name)
        case TurnTimed(agent=agent, voice_to_voice_ms=ms):
            return TurnTime(agent=agent, voice_to_voice_ms=ms)
        case HandoverTimed(from_agent=one, to_agent=other, duration_ms=ms):
            return HandoverTime(from_agent=one, to_agent=other, duration_ms=ms)
        case SpendingChanged(cost_nano_usd=cost, is_estimate=is_estimate, elapsed_ms=ms):
            return Spent(cost_usd=usd_text(cost), is_estimate=is_estimate, elapsed_s=ms // MS_PER_S)
        case WarningGiven(message=message):
            return Warned(message=message)
        case _:
            return Publishing(policy=update.policy, relays=update.relays, refused=update.refused)


def call_update(frame: DaemonFrame) -> CallUpdate | None:
    """Return the update a frame carries, None for frames that are about the socket itself."""
    match frame:
        case Status(status=status):
            return StatusChanged(status)
        case ItemFrame(item=item):
            return ItemChanged(item)
        case Agent(slug=slug, name=name):
            return AgentChanged(slug, name)
        case TurnTime(agent=agent, voice_to_voice_ms=ms):
            return TurnTimed(agent, ms)
        case HandoverTime(from_agent=one, to_agent=other, duration_ms=ms):
            return HandoverTimed(one, other, ms)
        case Publishing(policy=policy, relays=relays, refused=refused):
            return PublishingChanged(policy, relays, refused)
        case Spent(cost_usd=cost, is_estimate=is_estimate, elapsed_s=elapsed_s):
            nano_usd = int(Decimal(cost) * NANO_PER_USD)
            return SpendingChanged(nano_usd, is_estimate, elapsed_s * MS_PER_S)
        case Warned(message=message):
            return WarningGiven(message)
        case _:
            return None
