import pytest

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.item import ItemKind, Role
from agentvoice.core.speech import (
    AudioDelta,
    CancelResponse,
    CreateItem,
    ItemAdded,
    ItemDone,
    ItemFailed,
    ItemTextDelta,
    Respond,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SendToolResult,
    ToolCallRequested,
    UsageReported,
)
from tests.fakes.realtime_agents import message
from tests.protocols.realtime.conversing import answer, caller_turn, tool_call


def test_a_typed_turn_gets_a_reply_with_text_and_usage(peer):
    """The whole life of a text turn, from the caller's words to what the reply used."""
    assert peer.types(CreateItem(message("Ahoy")), Respond()) == [
        "conversation.item.create",
        "response.create",
    ]
    assert peer.begins("resp_1") == [ResponseStarted("resp_1")]
    assert peer.adds("resp_1", "item_2") == [ItemAdded("item_2", ItemKind.MESSAGE, Role.AGENT, "resp_1")]
    assert peer.writes("resp_1", "item_2", "Ahoy ") == [ItemTextDelta("item_2", "Ahoy ")]
    done = answer("item_2", "Ahoy there", "completed")
    assert peer.hears("response.output_item.done", response_id="resp_1", output_index=0, item=done) == [
        ItemDone("item_2", "Ahoy there")
    ]
    assert peer.hears("conversation.item.done", item=done) == []
    usage = {
        "total_tokens": 30,
        "input_tokens": 20,
        "output_tokens": 10,
        "input_token_details": {"text_tokens": 15, "audio_tokens": 5, "cached_tokens": 8},
        "output_token_details": {"text_tokens": 4, "audio_tokens": 6},
    }
    assert peer.ends("resp_1", output=[done], usage=usage) == [
        UsageReported("resp_1", "gpt-realtime-2.1", 15, 5, 8, 4, 6),
        ResponseEnded("resp_1", ResponseStatus.COMPLETED),
    ]


def test_what_we_put_in_ourselves_is_not_told_back(peer):
    """The echo of a created item or a tool result is no news; a later item may stand behind it."""
    peer.sends(CreateItem(message("Ahoy")))
    [result] = peer.sends(SendToolResult("call_1", "{}"))
    ours = {**caller_turn(message("").id), "content": [{"type": "input_text", "text": "Ahoy"}]}
    assert peer.hears("conversation.item.added", item=ours, previous_item_id=None) == []
    assert peer.hears("conversation.item.added", item=result["item"], previous_item_id=None) == []
    peer.begins("resp_1")
    assert peer.hears("conversation.item.added", item=answer("item_2"), previous_item_id=message("").id) == [
        ItemAdded("item_2", ItemKind.MESSAGE, Role.AGENT, "resp_1", message("").id)
    ]


def test_each_response_ends_once_and_nothing_of_it_follows(peer):
    """After response.done its deltas, items and a second done are dropped."""
    peer.begins("resp_1")
    assert peer.begins("resp_1") == []
    peer.adds("resp_1", "item_1")
    assert peer.ends("resp_1") == [ItemDone("item_1"), ResponseEnded("resp_1", ResponseStatus.COMPLETED)]
    assert peer.ends("resp_1", "failed") == []
    assert peer.writes("resp_1", "item_1", "late") == []
    assert peer.speaks("resp_1", "item_1", 20) == []
    assert peer.adds("resp_1", "item_9") == []
    late = answer("item_9", "late", "completed")
    assert peer.hears("response.output_item.done", response_id="resp_1", output_index=0, item=late) == []


def test_a_response_whose_start_was_lost_still_starts_and_ends(peer):
    """response.done alone tells start, items and end."""
    done = answer("item_1", "Ahoy", "completed")
    assert peer.ends(
        "resp_1", "incomplete", output=[done], status_details={"reason": "max_output_tokens"}
    ) == [
        ResponseStarted("resp_1"),
        ItemAdded("item_1", ItemKind.MESSAGE, Role.AGENT, "resp_1"),
        ItemDone("item_1", "Ahoy"),
        ResponseEnded("resp_1", ResponseStatus.INCOMPLETE, "max_output_tokens"),
    ]


def test_a_newer_reply_takes_the_place_of_one_whose_end_was_lost(peer):
    """Two starts without an end: the newer reply is the one that is cancelled."""
    peer.begins("resp_1")
    peer.begins("resp_2")
    assert peer.sends(CancelResponse())[0]["response_id"] == "resp_2"
    assert peer.ends("resp_1", "cancelled") == [ResponseEnded("resp_1", ResponseStatus.CANCELLED)]


def test_late_audio_never_plays(peer):
    """Sound and text of a cancelled response are dropped until its done, which is told."""
    peer.begins("resp_1")
    peer.adds("resp_1", "item_1")
    assert peer.speaks("resp_1", "item_1", 20) == [
        AudioDelta("item_1", 0, AudioChunk(CALL_FORMAT, bytes(960)), "resp_1")
    ]
    assert peer.types(CancelResponse()) == ["conversation.item.truncate", "response.cancel"]
    assert peer.types(CancelResponse()) == []
    assert peer.speaks("resp_1", "item_1", 20) == []
    assert peer.writes("resp_1", "item_1", "late") == []
    full = answer("item_1", "All that was never heard", "incomplete")
    assert peer.ends("resp_1", "cancelled", output=[full], status_details={"reason": "client_cancelled"}) == [
        ResponseEnded("resp_1", ResponseStatus.CANCELLED, "client_cancelled"),
    ]


def test_half_a_sample_is_no_sound_yet(peer):
    """The first byte of a sample waits for the second."""
    peer.begins("resp_1")
    peer.adds("resp_1", "item_1")
    delta = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    assert peer.hears("response.output_audio.delta", **delta, delta="AQ==") == []
    [told] = peer.hears("response.output_audio.delta", **delta, delta="Ag==")
    assert told.chunk.samples == b"\x01\x02"


def test_newer_reply_survives(peer):
    """An interrupt meant for reply 1 does not stop reply 2, waiting or running."""
    peer.begins("resp_1")
    peer.sends(Respond("Second."))
    assert peer.sends(CancelResponse())[0]["response_id"] == "resp_1"
    peer.ends("resp_1", "cancelled")
    assert [frame["type"] for frame in peer.frames()] == ["response.create"]
    peer.begins("resp_2")
    peer.adds("resp_2", "item_2")
    assert peer.frames() == []
    assert peer.writes("resp_2", "item_2", "Second.") == [ItemTextDelta("item_2", "Second.")]


def test_a_reply_that_is_only_asked_for_is_cancelled_when_it_begins(peer):
    """The caller interrupts before the server confirmed the reply."""
    peer.sends(Respond())
    assert peer.types(CancelResponse()) == []
    assert peer.begins("resp_1") == [ResponseStarted("resp_1")]
    assert peer.frames()[0]["response_id"] == "resp_1"
    peer.adds("resp_1", "item_1")
    assert peer.speaks("resp_1", "item_1", 20) == []


def test_a_tool_call_is_requested_once(peer):
    """However often the server repeats it, the tool is asked for once; its result goes back."""
    peer.begins("resp_1")
    call = tool_call("item_1")
    opened = {**call, "status": "in_progress", "arguments": ""}
    assert peer.hears("response.output_item.added", response_id="resp_1", output_index=0, item=opened) == [
        ItemAdded("item_1", ItemKind.TOOL_CALL, Role.AGENT, "resp_1")
    ]
    assert peer.hears("conversation.item.added", item=opened) == []
    assert peer.hears("response.output_item.done", response_id="resp_1", output_index=0, item=call) == [
        ItemDone("item_1", '{"a":1}'),
        ToolCallRequested("item_1", "call_1", "transfer_to_max", '{"a":1}'),
    ]
    assert peer.hears("response.output_item.done", response_id="resp_1", output_index=0, item=call) == []
    assert peer.hears("conversation.item.done", item=call) == []
    assert peer.ends("resp_1", output=[call]) == [ResponseEnded("resp_1", ResponseStatus.COMPLETED)]
    [frame] = peer.sends(SendToolResult("call_1", '{"ok":true}'))
    assert frame["item"]["call_id"] == "call_1"


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_tool_call_that_was_cut_off_does_not_run(peer, cancelled):
    """Half a tool call, or one of a cancelled reply, is marked and never requested."""
    peer.begins("resp_1")
    if cancelled:
        peer.sends(CancelResponse())
    call = tool_call("item_1", "completed" if cancelled else "incomplete")
    assert peer.hears("response.output_item.done", response_id="resp_1", output_index=0, item=call)[1:] == [
        ItemFailed("item_1", "the tool call was not completed")
    ]


def test_a_tool_call_left_open_fails_with_its_reply(peer):
    """Every item that was added is finished when its reply ends."""
    peer.begins("resp_1")
    call = tool_call("item_1", "in_progress")
    peer.hears("response.output_item.added", response_id="resp_1", output_index=0, item=call)
    assert peer.ends("resp_1", "failed")[0] == ItemFailed(
        "item_1", "the reply ended before the tool call was complete"
    )
