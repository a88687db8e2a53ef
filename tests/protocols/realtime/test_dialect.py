"""Commands become the client events that every dialect shares."""

import base64
import json
from dataclasses import replace
from typing import get_args

import pytest

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
    SpeechCommand,
    TruncateItem,
)
from agentvoice.protocols.realtime.dialect import UNUSED_CLIENT_EVENTS, USED_CLIENT_EVENTS, with_cleared
from agentvoice.protocols.realtime.ga import GA
from tests.fakes.beta_dialect import check_beta_frame
from tests.fakes.realtime_agents import config_of, message
from tests.fakes.realtime_oracle import CLIENT_TYPES, check_client_frame

TOOL_CALL = replace(
    message('{"why":"asked"}', Role.AGENT, 7),
    kind=ItemKind.TOOL_CALL,
    tool_name="transfer_to_max",
    tool_call_id="call_1",
)


@pytest.fixture
def encoded(dialect):
    def encode(command, ref="", now=None):
        return judged(dialect, command, ref, now)

    return encode


def judged(dialect, command, ref="", now=None):
    frame = dialect.encode_command(command, "evt_9", ref, now)
    assert frame is not None
    check_client_frame(frame) if dialect is GA else check_beta_frame(frame)
    event = json.loads(frame)
    assert event.pop("event_id") == "evt_9"
    return event


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
def test_commands_become_client_events(encoded, command, ref, event):
    """Each command is one client event that the vendor's types accept."""
    assert encoded(command, ref) == event


def test_sound_travels_as_base64(encoded):
    """The samples of an append are those of the chunk."""
    samples = bytes(range(256)) * 4
    event = encoded(AppendAudio(AudioChunk(CALL_FORMAT, samples)))
    assert base64.b64decode(event["audio"]) == samples


def test_a_greeting_is_spoken_word_for_word_and_calls_no_tool(encoded):
    """Respond(say) puts the text into this reply's instructions."""
    response = encoded(Respond("Ahoy, this is Ada."))["response"]
    assert response["instructions"].endswith("\n\nAhoy, this is Ada.")
    assert response["tool_choice"] == "none"


@pytest.mark.parametrize(
    ("role", "wire_role", "part"),
    [
        (Role.USER, "user", "input_text"),
        (Role.AGENT, "assistant", ""),
        (Role.SYSTEM, "system", "input_text"),
    ],
)
def test_messages_are_replayed_as_text_of_their_role(encoded, dialect, role, wire_role, part):
    """A created item keeps our id and says who spoke, an agent's words in the dialect's own type."""
    part = part or dialect.agent_text
    item = encoded(CreateItem(message("Ahoy", role)))["item"]
    assert item == {
        "id": f"{1:032x}",
        "type": "message",
        "role": wire_role,
        "content": [{"type": part, "text": "Ahoy"}],
    }


def test_tool_calls_and_results_are_replayed_with_the_id_that_joins_them(encoded):
    """The replayed call and its output share their call id."""
    call = encoded(CreateItem(TOOL_CALL))["item"]
    result = encoded(CreateItem(replace(TOOL_CALL, id="b" * 32, kind=ItemKind.TOOL_RESULT, text="{}")))[
        "item"
    ]
    assert call["type"] == "function_call" and call["name"] == "transfer_to_max"
    assert result["type"] == "function_call_output" and result["output"] == "{}"
    assert call["call_id"] == result["call_id"] == "call_1"


def test_a_handover_is_told_to_the_model(encoded):
    """The agent that takes over learns that it did."""
    item = encoded(CreateItem(replace(message("ada -> max"), kind=ItemKind.HANDOVER)))["item"]
    assert item["role"] == "system" and item["content"][0]["text"].endswith("ada -> max")


@pytest.mark.parametrize("item", [message(""), replace(message("no sound"), kind=ItemKind.NOTICE)])
def test_what_says_nothing_to_the_model_is_not_sent(item, dialect):
    """Notices and turns without words make no frame."""
    assert dialect.encode_command(CreateItem(item), "evt_1") is None


EVERY_COMMAND = [
    AppendAudio(AudioChunk(CALL_FORMAT, bytes(2))),
    CancelResponse(),
    ClearInput(),
    CommitInput(),
    Configure(config_of()),
    CreateItem(message("Ahoy")),
    Respond(),
    SendToolResult("call_1", "{}"),
    TruncateItem("item_1", 0, 0),
    TruncateItem("item_1", 0, 9),
]


def test_every_client_event_is_sent_or_is_left_out_for_a_reason(encoded):
    """Our commands and the table of unused ones are together the client events of the vendor's types."""
    assert {type(command) for command in EVERY_COMMAND} == set(get_args(SpeechCommand))
    sent = {encoded(command)["type"] for command in EVERY_COMMAND}
    assert sent == set(USED_CLIENT_EVENTS)
    assert sent | set(UNUSED_CLIENT_EVENTS) == CLIENT_TYPES
    assert not sent & set(UNUSED_CLIENT_EVENTS)
    assert all(UNUSED_CLIENT_EVENTS.values())


def test_metadata_goes_with_each_reply_that_we_ask_for(encoded):
    """The profile's metadata stands in response.create, also in a greeting's."""
    now = config_of(metadata={"topic": "ships"})
    assert encoded(Respond(), now=now)["response"] == {"metadata": {"topic": "ships"}}
    greeting = encoded(Respond("Ahoy."), now=now)["response"]
    assert greeting["metadata"] == {"topic": "ships"} and greeting["tool_choice"] == "none"


def test_a_switch_clears_what_only_the_old_agent_set(encoded):
    """Null for what the new agent leaves at its default; nothing of an old agent stays."""
    old = config_of(transcription_language="de", transcription_prompt="ships")
    session = encoded(Configure(config_of("You are Max.")), now=old)["session"]
    words = session["audio"]["input"] if "audio" in session else session
    transcription = words.get("transcription") or words["input_audio_transcription"]
    assert transcription == {"model": "gpt-live-transcribe", "language": None, "prompt": None}


def test_tracing_is_not_said_again(encoded):
    """The provider refuses to change it in a live session."""
    config = config_of(tracing="auto")
    assert encoded(Configure(config))["session"]["tracing"] == "auto"
    assert "tracing" not in encoded(Configure(config), now=config)["session"]


def test_tables_of_another_type_replace_each_other_whole():
    """Only a table of the same type is cleared field by field."""
    before = {"a": {"type": "x", "size": 1}, "b": {"size": 1}, "c": 1, "d": 2}
    assert with_cleared({"a": {"type": "y"}, "b": {}, "c": None}, before) == {
        "a": {"type": "y"},
        "b": {"size": None},
        "c": None,
        "d": None,
    }
