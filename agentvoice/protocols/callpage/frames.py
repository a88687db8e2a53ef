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
from agentvoice.core.leg import CallStatus
from agentvoice.errors import RemoteProtocolError

MAX_FRAME_BYTES = 256 * 1024
"""Largest frame either side takes: 5 s of sound, or a long item."""

Name = Annotated[str, msgspec.Meta(max_length=200)]
"""What names an agent, a project or a call; an error repeats it, and a notice keeps that."""

MAX_TEXT_CHARS = 8_000
"""What is typed as one turn: more than anybody types, few enough for every rule that reads it."""

SampleCount = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Reported = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
"""A number for the metrics: one client's nonsense must not drown what the others report."""
Money = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")]
"""USD, as a decimal that is exact to the nano-dollar."""
Transport = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,16}$")]
"""A word for lists and metrics, from whoever opened the socket."""


class Frame(msgspec.Struct, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """A control frame; its `type` is the tag."""


# --- client to daemon -----------------------------------------------------------------------


class Start(Frame, tag="start"):
    """Call `agent`; empty `project` and `engine` leave the choice to the daemon."""

    agent: Name
    project: Name = ""
    engine: Name = ""
    transport: Transport = "page"


class Resume(Frame, tag="resume"):
    """Go on with a call whose socket was lost; `key` is that of its `started`.

    `lost_ms`: sound of the caller that could not be sent meanwhile.
    """

    call: Name
    key: Name
    lost_ms: Reported = 0


class Text(Frame, tag="text"):
    """The caller typed a turn."""

    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT_CHARS)]


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

    agent: Name


class DoNotPublish(Frame, tag="do_not_publish"):
    """Keep the whole call off Nostr."""


class HangUp(Frame, tag="hang_up"):
    """End the call."""


Report = PlayedFrame | ClearedFrame | PlayoutFrame | DroppedFrame
"""What the player and the microphone of a client report, without anybody doing a thing."""
ClientFrame = Start | Resume | Text | Report | Interrupt | TurnEnd | Switch | DoNotPublish | HangUp

# --- daemon to client -----------------------------------------------------------------------


class Started(Frame, tag="started"):
    """The call exists; `key` resumes it, "" if this one cannot be resumed."""

    call: str
    key: str = ""


class Resumed(Frame, tag="resumed"):
    """The call goes on with this socket. The client goes on counting at `played_samples`.

    It drops what it has not played: all that was not reported as heard is sent again.
    """

    call: str
    played_samples: int


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


class Spent(Frame, tag="spent"):
    """What the call has cost after `elapsed_s`; `is_estimate`: some of it is a guess."""

    cost_usd: Money
    is_estimate: bool
    elapsed_s: Reported


class Warned(Frame, tag="warned"):
    """A limit of the call, or of its project, is near or reached."""

    message: str


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
    Started
    | Resumed
    | Clear
    | Status
    | ItemFrame
    | Agent
    | TurnTime
    | HandoverTime
    | Publishing
    | Spent
    | Warned
    | Ended
    | Refused
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
