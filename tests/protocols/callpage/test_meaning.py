from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
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
    SpendingChanged,
    StatusChanged,
    SwitchAsked,
    TurnEnded,
    TurnTimed,
    WarningGiven,
)
from agentvoice.errors import RemoteProtocolError
from agentvoice.protocols import callpage

ITEM = Item("0" * 32, 3, ItemKind.MESSAGE, Role.AGENT, "ada", "Grüße", ItemStatus.INTERRUPTED, heard_ms=120)

EVENTS: list[LegEvent] = [
    CallerText("hello"),
    Played(480),
    OutputCleared(960),
    PlayoutReported(40, 2),
    CallerAudioDropped(20),
    InterruptPressed(),
    TurnEnded(),
    SwitchAsked("max"),
    DoNotPublishPressed(),
    HungUp(),
]

UPDATES: list[CallUpdate] = [
    StatusChanged(CallStatus.SPEAKING),
    ItemChanged(ITEM),
    AgentChanged("max", "Max"),
    TurnTimed("ada", 700),
    HandoverTimed("ada", "max", 40),
    PublishingChanged("public", ("embedded",), refused=True),
    SpendingChanged(12_345_678, True, 61_000),
    WarningGiven("This call will end in a minute."),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_the_caller_does_survives_the_wire(event: LegEvent):
    """Each event becomes a JSON frame and is the same event at the other end."""
    frame = callpage.client_frame(event)
    assert not isinstance(frame, bytes)
    assert callpage.leg_event(callpage.decode_client_frame(callpage.encode_frame(frame))) == event


@pytest.mark.parametrize("update", UPDATES, ids=lambda update: type(update).__name__)
def test_what_the_call_shows_survives_the_wire(update: CallUpdate):
    """Each update becomes a JSON frame and is the same update at the other end."""
    text = callpage.encode_frame(callpage.daemon_frame(update))
    assert callpage.call_update(callpage.decode_daemon_frame(text)) == update


def test_sound_is_a_binary_frame():
    """Sound is not wrapped: the frame is the samples."""
    chunk = AudioChunk(CALL_FORMAT, b"\1\0\2\0")
    assert callpage.client_frame(CallerAudio(chunk)) == chunk.samples
    assert callpage.decode_sound(chunk.samples) == chunk
    with pytest.raises(RemoteProtocolError, match="got 3 bytes of sound, want whole 16 bit samples"):
        callpage.decode_sound(b"\1\0\2")


@pytest.mark.parametrize(
    "frame",
    [
        callpage.Started(call="c"),
        callpage.Started(call="c", key="k"),
        callpage.Resumed(call="c", played_samples=480),
        callpage.Clear(),
        callpage.Ended(call="c", reason="caller"),
        callpage.Refused(message="no"),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_frames_about_the_socket_are_no_updates(frame: callpage.DaemonFrame):
    """What is between the two ends of the socket is not shown as an update of the call."""
    again = callpage.decode_daemon_frame(callpage.encode_frame(frame))
    assert again == frame
    assert callpage.call_update(again) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "truncated"),
        ("[]", "object"),
        ('{"type":"nonsense"}', "nonsense"),
        ('{"type":"start"}', "agent"),
        ('{"type":"played","samples":"many"}', "samples"),
        ('{"type":"playout","depth_ms":40,"underruns":-1}', "underruns"),
        ('{"type":"dropped","ms":1e9}', "ms"),
        ('{"type":"resume","call":"c"}', "key"),
        ('{"type":"resume","call":"c","key":"k","lost_ms":-1}', "lost_ms"),
        ('{"type":"text","text":"x","extra":1}', "extra"),
        ("\ud800", "surrogate"),
    ],
)
def test_junk_is_refused_by_name(text: str, named: str):
    """A frame that breaks the format names what is wrong with it."""
    with pytest.raises(RemoteProtocolError, match=named):
        callpage.decode_client_frame(text)


def test_junk_of_the_daemon_is_refused_too():
    """The client's end is as strict."""
    with pytest.raises(RemoteProtocolError, match="call socket"):
        callpage.decode_daemon_frame('{"type":"start","agent":"ada"}')


def test_one_socket_is_one_call():
    """A second `start` is refused."""
    with pytest.raises(RemoteProtocolError, match="one socket is one call"):
        callpage.leg_event(callpage.Start(agent="ada"))
    with pytest.raises(RemoteProtocolError, match="one socket is one call"):
        callpage.leg_event(callpage.Resume(call="c", key="k"))


@given(st.text(max_size=200))
def test_no_text_raises_anything_else(text: str):
    """Whatever a client sends, the answer is our own error."""
    try:
        callpage.decode_client_frame(text)
    except RemoteProtocolError:
        pass
