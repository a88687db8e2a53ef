"""Whole exchanges from tests/vectors/realtime_ga: the server's frames in, our events out."""

import json
from dataclasses import fields

import pytest

from agentvoice.core.audio import AudioChunk
from tests.protocols.realtime.conversing import Peer

NAMES = ["spoken_turn_with_tool_call"]


def written(event):
    """Return an event as the vectors write it: its name and its values, sound as a sample count."""
    values = [getattr(event, field.name) for field in fields(event)]
    return [type(event).__name__, *(v.sample_count if isinstance(v, AudioChunk) else v for v in values)]


@pytest.mark.parametrize("name", NAMES)
def test_an_exchange_gives_its_events(root, name, dialect):
    """Every frame is valid by the vendor's types, and the exchange is told as the vector says."""
    vector = json.loads((root / f"tests/vectors/realtime_ga/{name}.json").read_text())
    peer = Peer(dialect=dialect)
    told = []
    for frame in vector["frames"]:
        kind, _ = frame.pop("type"), frame.pop("event_id")
        told += [written(event) for event in peer.hears(kind, **frame)]
    assert told == vector["events"]
    assert peer.protocol.take_remarks() == []


@pytest.mark.parametrize("name", NAMES)
def test_every_prefix_of_an_exchange_can_be_lost(root, name, dialect):
    """The connection breaks after any frame: a reply that began ends once, then the session."""
    vector = json.loads((root / f"tests/vectors/realtime_ga/{name}.json").read_text())
    for count in range(len(vector["frames"]) + 1):
        peer = Peer(dialect=dialect)
        told = []
        for frame in vector["frames"][:count]:
            told += peer.receives(frame)
        told += peer.protocol.connection_lost(None, "")
        names = [type(event).__name__ for event in told]
        assert names.count("ResponseStarted") == names.count("ResponseEnded")
        assert names.count("SessionLost") == 1 and names[-1] == "SessionLost"


@pytest.mark.parametrize("name", NAMES)
def test_a_repeated_exchange_tells_nothing_twice(root, name, dialect):
    """Each frame comes twice: items, replies and tool calls are still told once."""
    vector = json.loads((root / f"tests/vectors/realtime_ga/{name}.json").read_text())
    peer = Peer(dialect=dialect)
    told = []
    for frame in vector["frames"]:
        for _ in range(2):
            told += [written(event) for event in peer.receives(frame)]
    deltas = {"SpeechStarted", "SpeechStopped", "ItemTextDelta", "AudioDelta"}  # each is more of the same
    assert [event for event in told if event[0] not in deltas] == [
        event for event in vector["events"] if event[0] not in deltas
    ]
