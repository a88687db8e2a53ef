import base64
import json
from dataclasses import replace

import pytest

from agentvoice.core.agent import TurnDetection
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.item import ItemKind, Role
from agentvoice.core.speech import (
    AppendAudio,
    CancelResponse,
    ClearInput,
    CommitInput,
    Configure,
    CreateItem,
    Respond,
    SendToolResult,
    TruncateItem,
)
from agentvoice.protocols.realtime.ga import NOTED, SHAPES, encode_command
from tests.fakes.realtime_agents import config_of, message
from tests.fakes.realtime_oracle import SERVER_TYPES, check_client_frame

TOOL_CALL = replace(
    message('{"why":"asked"}', Role.AGENT, 7),
    kind=ItemKind.TOOL_CALL,
    tool_name="transfer_to_max",
    tool_call_id="call_1",
)


def encoded(command, ref=""):
    frame = encode_command(command, "evt_9", ref)
    assert frame is not None
    check_client_frame(frame)
    event = json.loads(frame)
    assert event.pop("event_id") == "evt_9"
    return event


def test_the_table_names_every_server_event_of_the_vendor_and_no_other():
    """The dialect knows exactly the server events of the official package."""
    assert set(SHAPES) | NOTED == SERVER_TYPES
    assert not set(SHAPES) & NOTED


@pytest.mark.parametrize(
    ("command", "ref", "event"),
    [
        (CommitInput(), "", {"type": "input_audio_buffer.commit"}),
        (ClearInput(), "", {"type": "input_audio_buffer.clear"}),
        (Respond(), "", {"type": "response.create"}),
        (CancelResponse(), "resp_1", {"type": "response.cancel", "response_id": "resp_1"}),
        (TruncateItem("item_1", 0, 0), "", {"type": "conversation.item.delete", "item_id": "item_1"}),
        (
            TruncateItem("item_1", 1, 740),
            "",
            {
                "type": "conversation.item.truncate",
                "item_id": "item_1",
                "content_index": 1,
                "audio_end_ms": 740,
            },
        ),
        (
            SendToolResult("call_1", '{"ok":true}'),
            "result_1",
            {
                "type": "conversation.item.create",
                "item": {
                    "id": "result_1",
                    "type": "function_call_output",
                    "call_id": "call_1",
                    "output": '{"ok":true}',
                },
            },
        ),
    ],
)
def test_commands_become_client_events(command, ref, event):
    """Each command is one client event that the vendor's types accept."""
    assert encoded(command, ref) == event


def test_sound_travels_as_base64():
    """The samples of an append are those of the chunk."""
    samples = bytes(range(256)) * 4
    event = encoded(AppendAudio(AudioChunk(CALL_FORMAT, samples)))
    assert base64.b64decode(event["audio"]) == samples


def test_a_greeting_is_spoken_word_for_word_and_calls_no_tool():
    """Respond(say) puts the text into this reply's instructions."""
    response = encoded(Respond("Ahoy, this is Ada."))["response"]
    assert response["instructions"].endswith("\n\nAhoy, this is Ada.")
    assert response["tool_choice"] == "none"


@pytest.mark.parametrize(
    ("role", "wire_role", "part"),
    [
        (Role.USER, "user", "input_text"),
        (Role.AGENT, "assistant", "output_text"),
        (Role.SYSTEM, "system", "input_text"),
    ],
)
def test_messages_are_replayed_as_text_of_their_role(role, wire_role, part):
    """A created item keeps our id and says who spoke."""
    item = encoded(CreateItem(message("Ahoy", role)))["item"]
    assert item == {
        "id": f"{1:032x}",
        "type": "message",
        "role": wire_role,
        "content": [{"type": part, "text": "Ahoy"}],
    }


def test_tool_calls_and_results_are_replayed_with_the_id_that_joins_them():
    """The replayed call and its output share their call id."""
    call = encoded(CreateItem(TOOL_CALL))["item"]
    result = encoded(CreateItem(replace(TOOL_CALL, id="b" * 32, kind=ItemKind.TOOL_RESULT, text="{}")))[
        "item"
    ]
    assert call["type"] == "function_call" and call["name"] == "transfer_to_max"
    assert result["type"] == "function_call_output" and result["output"] == "{}"
    assert call["call_id"] == result["call_id"] == "call_1"


def test_a_handover_is_told_to_the_model():
    """The agent that takes over learns that it did."""
    item = encoded(CreateItem(replace(message("ada -> max"), kind=ItemKind.HANDOVER)))["item"]
    assert item["role"] == "system" and item["content"][0]["text"].endswith("ada -> max")


@pytest.mark.parametrize("item", [message(""), replace(message("no sound"), kind=ItemKind.NOTICE)])
def test_what_says_nothing_to_the_model_is_not_sent(item):
    """Notices and turns without words make no frame."""
    assert encode_command(CreateItem(item), "evt_1") is None


def test_the_session_is_sent_whole():
    """session.update carries every field we set, formats included, so that a switch leaves nothing behind."""
    session = encoded(Configure(config_of(output="audio", transcription_language="en")))["session"]
    tools = session.pop("tools")
    assert session == {
        "type": "realtime",
        "instructions": "You are Ada.",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "transcription": {"model": "gpt-live-transcribe", "language": "en"},
                "turn_detection": {
                    "type": "server_vad",
                    "create_response": True,
                    "interrupt_response": True,
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin"},
        },
        "tool_choice": "auto",
    }
    assert [tool["name"] for tool in tools] == ["transfer_to_max", "end_call", "current_time"]


@pytest.mark.parametrize(
    ("turns", "wire"),
    [
        (TurnDetection("manual"), None),
        (
            TurnDetection("semantic_vad", eagerness="high", interrupt_response=False),
            {
                "type": "semantic_vad",
                "create_response": True,
                "interrupt_response": False,
                "eagerness": "high",
            },
        ),
    ],
)
def test_turn_detection_is_sent_as_set(turns, wire):
    """Manual turns are null on the wire; semantic turns carry only what they know."""
    session = encoded(Configure(config_of(turn_detection=turns)))["session"]
    assert session["audio"]["input"]["turn_detection"] == wire


def test_idle_time_a_custom_voice_and_no_transcription_are_sent_as_set():
    """The rarer settings reach the wire in the vendor's shape."""
    turns = TurnDetection(idle_timeout_ms=6_000)
    audio = encoded(Configure(config_of(voice="voice_1234", transcription_model="", turn_detection=turns)))[
        "session"
    ]["audio"]
    assert audio["input"]["turn_detection"]["idle_timeout_ms"] == 6_000
    assert audio["input"]["transcription"] is None
    assert audio["output"]["voice"] == {"id": "voice_1234"}
