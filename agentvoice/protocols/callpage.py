"""The call socket's wire format: JSON text frames for control, binary frames for sound.

The page and the terminal speak it with the daemon. Sound is 24 kHz mono PCM16 (little endian) in
both directions, in order with the control frames, so `clear` stands between the sound it drops
and the sound that may follow. A client's first frame is `start`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.item import Item
from agentvoice.core.leg import (
    AgentChanged,
    CallerAudio,
    CallerAudioDropped,
    CallerText,
    CallStatus,
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
    StatusChanged,
    SwitchAsked,
    TurnEnded,
    TurnTimed,
)
from agentvoice.errors import RemoteProtocolError

MAX_FRAME_BYTES = 256 * 1024
"""Largest frame either side takes: 5 s of sound, or a long item."""

SampleCount = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Reported = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
"""A number for the metrics: one client's nonsense must not drown what the others report."""
Transport = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,16}$")]
"""A word for lists and metrics, from whoever opened the socket."""


class Frame(msgspec.Struct, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """A control frame; its `type` is the tag."""


# --- client to daemon -----------------------------------------------------------------------


class Start(Frame, tag="start"):
    """Call `agent`; empty `project` and `engine` leave the choice to the daemon."""

    agent: str
    project: str = ""
    engine: str = ""
    transport: Transport = "page"


class Text(Frame, tag="text"):
    """The caller typed a turn."""

    text: str


class PlayedFrame(Frame, tag="played"):
    """Samples heard since the call began, silence of underruns not counted."""

    samples: SampleCount


class ClearedFrame(Frame, tag="cleared"):
    """The answer to `clear`: samples heard until the unplayed sound was dropped."""

    samples: SampleCount


class PlayoutFrame(Frame, tag="playout"):
    """An answer is over: how deep the jitter buffer is now, how often the answer ran dry."""

    depth_ms: Reported
    underruns: Reported


class DroppedFrame(Frame, tag="dropped"):
    """The client lost sound of the caller before it could send it."""

    ms: Reported


class Interrupt(Frame, tag="interrupt"):
    """Stop what the agent says."""


class TurnEnd(Frame, tag="turn_ended"):
    """The caller's spoken turn is over (push to talk)."""


class Switch(Frame, tag="switch"):
    """Hand over to another agent."""

    agent: str


class DoNotPublish(Frame, tag="do_not_publish"):
    """Keep the whole call off Nostr."""


class HangUp(Frame, tag="hang_up"):
    """End the call."""


SoundFrame = PlayedFrame | ClearedFrame | PlayoutFrame | DroppedFrame
ClientFrame = Start | Text | SoundFrame | Interrupt | TurnEnd | Switch | DoNotPublish | HangUp

# --- daemon to client -----------------------------------------------------------------------


class Started(Frame, tag="started"):
    """The call exists."""

    call: str


class Clear(Frame, tag="clear"):
    """Drop all sound that is not yet played; answer with `cleared`."""


class Status(Frame, tag="status"):
    """What the call is doing."""

    status: CallStatus


class ItemFrame(Frame, tag="item"):
    """An item began, grew, was cut or finished."""

    item: Item


class Agent(Frame, tag="agent"):
    """Another agent speaks."""

    slug: str
    name: str


class TurnTime(Frame, tag="turn_timed"):
    """Voice-to-voice time of a turn."""

    agent: str
    voice_to_voice_ms: int


class HandoverTime(Frame, tag="handover_timed"):
    """Time of a handover, request to first sound."""

    from_agent: str
    to_agent: str
    duration_ms: int


class Publishing(Frame, tag="publishing"):
    """What will be published where."""

    policy: str
    relays: tuple[str, ...]
    refused: bool


class Ended(Frame, tag="ended"):
    """The call is over; `error` is why it failed, "" if it did not."""

    call: str
    reason: str
    error: str = ""


class Refused(Frame, tag="refused"):
    """There is no call: the frame or the request was wrong. `exit_code` as the CLI's."""

    message: str
    exit_code: int = 1


DaemonFrame = (
    Started | Clear | Status | ItemFrame | Agent | TurnTime | HandoverTime | Publishing | Ended | Refused
)

_encoder = msgspec.json.Encoder()
_client_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_daemon_decoder: msgspec.json.Decoder[DaemonFrame] = msgspec.json.Decoder(DaemonFrame)


def encode_frame(frame: ClientFrame | DaemonFrame) -> str:
    """Return the frame as JSON text."""
    return _encoder.encode(frame).decode()


def decode_client_frame(text: str) -> ClientFrame:
    """Return a client's frame; raises RemoteProtocolError naming what is wrong."""
    try:
        return _client_decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise RemoteProtocolError(f"call socket: {error}") from error


def decode_daemon_frame(text: str) -> DaemonFrame:
    """Return a daemon's frame; raises RemoteProtocolError naming what is wrong."""
    try:
        return _daemon_decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise RemoteProtocolError(f"call socket: {error}") from error


def decode_sound(data: bytes) -> AudioChunk:
    """Return a binary frame's sound; raises RemoteProtocolError for half a sample."""
    if len(data) % CALL_FORMAT.sample_bytes:
        raise RemoteProtocolError(f"call socket: got {len(data)} bytes of sound, want whole 16 bit samples")
    return AudioChunk(CALL_FORMAT, data)


def decode_caller_sound(data: bytes) -> AudioChunk:
    """Return a client's sound; raises RemoteProtocolError as decode_sound does, and below 1 ms."""
    if len(data) < CALL_FORMAT.bytes_of(1):  # queues are bounded in ms: frames of none would never fill them
        raise RemoteProtocolError(f"call socket: got {len(data)} bytes of sound, want 1 ms or more")
    return decode_sound(data)


_PRESSES: tuple[tuple[Interrupt | TurnEnd | DoNotPublish | HangUp, LegEvent], ...] = (
    (Interrupt(), InterruptPressed()),
    (TurnEnd(), TurnEnded()),
    (DoNotPublish(), DoNotPublishPressed()),
    (HangUp(), HungUp()),
)
"""Frames that say all by their type."""


def leg_event(frame: ClientFrame) -> LegEvent:
    """Return what a client's frame means; raises RemoteProtocolError for a second `start`."""
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
        case Start():
            raise RemoteProtocolError("call socket: got a second start frame; one socket is one call")
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
        case _:
            return None
