import json
from dataclasses import replace

import pytest

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.item import ItemKind, Role
from agentvoice.core.speech import (
    AppendAudio,
    AudioDelta,
    CancelResponse,
    CommitInput,
    Configure,
    CreateItem,
    ItemAdded,
    ItemDone,
    ItemFailed,
    ItemRemoved,
    ItemTextDelta,
    Respond,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SendToolResult,
    SessionError,
    SessionLost,
    SpeechStarted,
    SpeechStopped,
    ToolCallRequested,
    TruncateItem,
    TurnCommitted,
    UsageReported,
)
from agentvoice.errors import AuthenticationRejected, ConnectionLost, EngineUnavailable, QuotaExceeded
from agentvoice.protocols.realtime.protocol import MAX_APPEND_BYTES, MAX_REMEMBERED_COMMANDS, RealtimeProtocol
from agentvoice.protocols.realtime.response_slot import MAX_TRIES, MAX_WAITING
from tests.fakes.realtime_agents import config_of, message
from tests.protocols.realtime.conversing import Peer, answer, caller_turn, tool_call

HELD = "conversation_already_has_active_response"


@pytest.fixture
def peer():
    return Peer()


# --- replies ----------------------------------------------------------------------------------


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


def test_one_response_at_a_time(peer):
    """response.create while one is active waits for its done."""
    assert peer.types(Respond()) == ["response.create"]
    assert peer.types(Respond("Goodbye.")) == []  # already while the first is only asked for
    peer.begins("resp_1")
    assert peer.types(Respond()) == []
    peer.ends("resp_1")
    [frame] = peer.frames()
    assert frame["response"]["instructions"].endswith("Goodbye.")
    peer.begins("resp_2")
    peer.ends("resp_2")
    assert [frame["type"] for frame in peer.frames()] == ["response.create"]


def test_plain_requests_that_wait_are_one(peer):
    """Two typed turns during a reply get one answer."""
    peer.begins("resp_1")
    assert peer.types(Respond(), Respond()) == []
    peer.ends("resp_1")
    assert len(peer.frames()) == 1
    peer.begins("resp_2")
    peer.ends("resp_2")
    assert peer.frames() == []


def test_too_many_requests_drop_the_oldest(peer):
    """The queue of requests is bounded, and it is said when one is lost."""
    peer.begins("resp_1")
    for number in range(MAX_WAITING + 1):
        peer.sends(Respond(f"number {number}"))
    assert any("dropped" in line for line in peer.protocol.take_remarks())
    peer.ends("resp_1")
    assert peer.frames()[0]["response"]["instructions"].endswith("number 1")


def test_errors_belong_to_their_cause(peer):
    """An unrelated error does not release a waiting response.create; its own rejection does."""
    [request] = peer.sends(Respond())
    peer.sends(Respond("next"))
    [update] = peer.sends(Configure(config_of("New.")))
    assert peer.fails("invalid_value", update["event_id"]) == [
        SessionError("invalid_value", "sorry", retryable=False, command="Configure")
    ]
    assert peer.fails("server_error", None, "server_error") == [SessionError("server_error", "sorry")]
    assert peer.frames() == []
    assert peer.fails("invalid_value", request["event_id"]) == [
        SessionError("invalid_value", "sorry", retryable=False, command="Respond")
    ]
    assert [frame["type"] for frame in peer.frames()] == ["response.create"]


def test_a_request_that_loses_the_place_to_the_servers_own_reply_waits(peer):
    """The server's turn detection was faster: our request is sent again after its reply."""
    [request] = peer.sends(Respond("Welcome."))
    peer.begins("resp_vad")
    assert peer.fails(HELD, request["event_id"]) == []
    assert peer.frames() == []
    peer.ends("resp_vad")
    [again] = peer.frames()
    assert again["response"] == request["response"] and again["event_id"] != request["event_id"]


def test_a_request_refused_without_end_is_given_up(peer):
    """A server that always says that a response is active is not asked for ever."""
    peer.sends(Respond())
    told = []
    for _ in range(MAX_TRIES):
        told += peer.fails(HELD)
        peer.frames()
    assert told == [SessionError(HELD, "sorry", retryable=False, command="Respond")]
    assert peer.fails(HELD) == told  # and one that nobody asked for is only told


def test_an_older_request_s_refusal_is_only_told(peer):
    """A refusal of a request that is not the last one leaves the place as it is."""
    [first] = peer.sends(Respond())
    peer.begins("resp_1")
    peer.ends("resp_1")
    peer.sends(Respond())
    assert peer.fails("invalid_value", first["event_id"]) == [
        SessionError("invalid_value", "sorry", retryable=False, command="Respond")
    ]
    assert peer.types(Respond()) == []  # the second is still asked for


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


# --- interruption -----------------------------------------------------------------------------


def test_late_audio_never_plays(peer):
    """Sound and text of a cancelled response are dropped until its done, which is told."""
    peer.begins("resp_1")
    peer.adds("resp_1", "item_1")
    assert peer.speaks("resp_1", "item_1", 20) == [
        AudioDelta("item_1", 0, AudioChunk(CALL_FORMAT, bytes(960)), "resp_1")
    ]
    assert peer.types(CancelResponse()) == ["response.cancel"]
    assert peer.types(CancelResponse()) == []
    assert peer.speaks("resp_1", "item_1", 20) == []
    assert peer.writes("resp_1", "item_1", "late") == []
    full = answer("item_1", "All that was never heard", "incomplete")
    assert peer.ends("resp_1", "cancelled", output=[full], status_details={"reason": "client_cancelled"}) == [
        ItemDone("item_1"),
        ResponseEnded("resp_1", ResponseStatus.CANCELLED, "client_cancelled"),
    ]


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


def test_a_cancelled_request_that_is_refused_does_not_come_back(peer):
    """Nobody wants that reply any more."""
    [request] = peer.sends(Respond())
    peer.sends(CancelResponse())
    assert peer.fails(HELD, request["event_id"]) == []
    assert peer.frames() == []


def test_cancel_without_response_sends_nothing(peer):
    """Nothing runs, nothing is cancelled."""
    assert peer.types(CancelResponse()) == []


def speak_two_seconds(peer):
    peer.begins("resp_1")
    peer.adds("resp_1", "item_1")
    peer.speaks("resp_1", "item_1", 1_000)
    peer.speaks("resp_1", "item_1", 1_000)


@pytest.mark.parametrize(("heard_ms", "sent_ms"), [(700, 700), (2_000, 2_000), (5_000, 2_000)])
def test_truncate_clamps_to_received(peer, heard_ms, sent_ms):
    """The cut is where the caller stopped hearing, and never beyond the sound received."""
    speak_two_seconds(peer)
    [frame] = peer.sends(TruncateItem("item_1", 0, heard_ms))
    assert (frame["type"], frame["audio_end_ms"]) == ("conversation.item.truncate", sent_ms)


def test_fully_heard_is_not_truncated(peer):
    """The item was heard to its end: nothing is sent."""
    speak_two_seconds(peer)
    peer.hears(
        "response.output_audio.done", response_id="resp_1", item_id="item_1", output_index=0, content_index=0
    )
    assert peer.types(TruncateItem("item_1", 0, 2_000)) == []
    assert peer.types(TruncateItem("item_1", 0, 1_999)) == ["conversation.item.truncate"]


def test_nothing_heard_deletes(peer):
    """Barge-in before the first sample: the item is deleted, not truncated at 0."""
    speak_two_seconds(peer)
    assert peer.sends(TruncateItem("item_1", 0, 0))[0]["type"] == "conversation.item.delete"
    assert peer.hears("conversation.item.deleted", item_id="item_1") == []


def test_second_item_is_cut(peer):
    """A response with two audio items, interrupted in the second: only that one is truncated."""
    speak_two_seconds(peer)
    done = answer("item_1", "First.", "completed")
    peer.hears("response.output_item.done", response_id="resp_1", output_index=0, item=done)
    peer.adds("resp_1", "item_2")
    peer.speaks("resp_1", "item_2", 500)
    frames = peer.sends(TruncateItem("item_1", 0, 2_000), TruncateItem("item_2", 0, 120), CancelResponse())
    assert [frame["type"] for frame in frames] == ["conversation.item.truncate", "response.cancel"]
    assert (frames[0]["item_id"], frames[0]["audio_end_ms"]) == ("item_2", 120)


def test_a_cut_item_says_nothing_more(peer):
    """After the cut neither deltas nor the server's full text reach the transcript."""
    speak_two_seconds(peer)
    peer.sends(TruncateItem("item_1", 0, 700))
    assert peer.types(TruncateItem("item_1", 0, 700)) == []
    assert peer.writes("resp_1", "item_1", "unheard") == []
    full = answer("item_1", "heard and unheard", "completed")
    assert peer.hears("response.output_item.done", response_id="resp_1", output_index=0, item=full) == []


@pytest.mark.parametrize("ref", ["item_9", "item_1"])
def test_what_has_no_sound_is_not_cut(peer, ref):
    """An unknown item or one of text only: nothing is sent."""
    peer.begins("resp_1")
    peer.adds("resp_1", "item_1")
    assert peer.types(TruncateItem(ref, 0, 500)) == []


# --- the caller's turns -----------------------------------------------------------------------


def test_transcript_in_its_place(peer):
    """A turn takes its place when committed; its words may come after the reply."""
    assert peer.hears("input_audio_buffer.speech_started", audio_start_ms=400, item_id="item_1") == [
        SpeechStarted(400)
    ]
    assert peer.hears("input_audio_buffer.speech_stopped", audio_end_ms=1_900, item_id="item_1") == [
        SpeechStopped(1_900)
    ]
    assert peer.hears("input_audio_buffer.committed", item_id="item_1", previous_item_id=None) == [
        TurnCommitted("item_1")
    ]
    assert peer.hears("conversation.item.added", item=caller_turn("item_1"), previous_item_id=None) == []
    assert peer.hears("conversation.item.done", item=caller_turn("item_1"), previous_item_id=None) == []
    peer.begins("resp_1")
    assert peer.hears("conversation.item.added", item=answer("item_2"), previous_item_id="item_1") == [
        ItemAdded("item_2", ItemKind.MESSAGE, Role.AGENT, "resp_1", "item_1")
    ]
    peer.ends("resp_1")
    assert hears_words(peer, "item_1", " What ") == [ItemTextDelta("item_1", " What ")]
    assert hears_all(peer, "item_1", " What ship? ", {"type": "duration", "seconds": 1.5}) == [
        ItemDone("item_1", "What ship?"),
        UsageReported("", "gpt-live-transcribe", audio_ms=1_500),
    ]


def hears_words(peer, item, delta):
    name = "conversation.item.input_audio_transcription.delta"
    return peer.hears(name, item_id=item, content_index=0, delta=delta)


def hears_all(peer, item, transcript, usage):
    name = "conversation.item.input_audio_transcription.completed"
    return peer.hears(name, item_id=item, content_index=0, transcript=transcript, usage=usage)


def test_stale_deltas_lose(peer):
    """A final transcript is not overwritten by later deltas or a late failure."""
    peer.hears("input_audio_buffer.committed", item_id="item_1")
    usage = {"type": "tokens", "input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
    details = {"input_token_details": {"audio_tokens": 9, "text_tokens": 0}}
    assert hears_all(peer, "item_1", "Ahoy", usage | details)[1] == UsageReported(
        "", "gpt-live-transcribe", input_audio_tokens=9, output_text_tokens=3
    )
    assert hears_words(peer, "item_1", "Ah") == []
    assert fails_to_hear(peer, "item_1") == []
    assert len(hears_all(peer, "item_9", "Whose?", usage)) == 1  # no item, but it is billed


def fails_to_hear(peer, item):
    return peer.hears(
        "conversation.item.input_audio_transcription.failed",
        item_id=item,
        content_index=0,
        error={"type": "server_error", "code": "audio_unintelligible", "message": "mumbling"},
    )


def test_a_failed_transcription_leaves_a_marked_item(peer):
    """The turn fails with the provider's reason."""
    peer.hears("input_audio_buffer.committed", item_id="item_1")
    assert fails_to_hear(peer, "item_1") == [ItemFailed("item_1", "audio_unintelligible: mumbling")]


def test_a_turn_without_words_is_removed():
    """An empty transcript was noise; a server without usage is survived."""
    peer = Peer()
    peer.hears("input_audio_buffer.committed", item_id="item_1")
    name = "conversation.item.input_audio_transcription.completed"
    text = json.dumps({"type": name, "item_id": "item_1", "transcript": "  "})
    assert peer.protocol.receive_message(text) == [ItemRemoved("item_1")]


def test_without_a_transcription_model_turns_are_marked():
    """Nobody will ever send that turn's text: it is marked at once."""
    peer = Peer(config_of(transcription_model=""))
    assert peer.hears("input_audio_buffer.committed", item_id="item_1") == [
        TurnCommitted("item_1"),
        ItemFailed("item_1", "no transcription model is set"),
    ]


def test_a_turn_told_by_item_added_alone_is_a_turn(peer):
    """Compatible servers may leave out the committed event."""
    assert peer.hears("conversation.item.added", item=caller_turn("item_1"), previous_item_id=None) == [
        TurnCommitted("item_1")
    ]


def test_unknown_predecessor(peer):
    """An item whose previous_item_id is unknown is kept, at the end."""
    assert peer.hears("input_audio_buffer.committed", item_id="item_2", previous_item_id="item_lost") == [
        TurnCommitted("item_2", None)
    ]


def test_an_item_that_the_server_deletes_is_removed(peer):
    """The server took an unfinished item out by itself."""
    peer.hears("input_audio_buffer.committed", item_id="item_1")
    assert peer.hears("conversation.item.deleted", item_id="item_1") == [ItemRemoved("item_1")]
    assert peer.hears("conversation.item.deleted", item_id="item_9") == []


# --- tools ------------------------------------------------------------------------------------


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


def test_transfer_updates_then_speaks(peer):
    """Handover in place: session.update, the tool result, then exactly one response.create."""
    assert peer.types(Configure(config_of("You are Max.")), SendToolResult("call_1", "{}"), Respond()) == [
        "session.update",
        "conversation.item.create",
        "response.create",
    ]


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


# --- errors and the end -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", ["input_audio_buffer_commit_empty", "response_cancel_not_active", "item_create_duplicate_item_id"]
)
def test_benign_errors_survive(peer, code):
    """Commands that came too late or twice: one log line, the call goes on."""
    assert peer.fails(code) == []
    assert len(peer.protocol.take_remarks()) == 1
    assert peer.types(CommitInput()) == ["input_audio_buffer.commit"]


def test_a_truncate_that_came_too_late_survives(peer):
    """Whatever the server says about our cut, the call goes on."""
    speak_two_seconds(peer)
    [frame] = peer.sends(TruncateItem("item_1", 0, 700))
    assert peer.fails("invalid_value", frame["event_id"]) == []


@pytest.mark.parametrize(
    ("code", "kind", "failure"),
    [
        ("insufficient_quota", "invalid_request_error", QuotaExceeded),
        (None, "insufficient_quota", QuotaExceeded),
        ("invalid_api_key", "invalid_request_error", AuthenticationRejected),
        ("beta_api_shape_disabled", "invalid_request_error", EngineUnavailable),
    ],
)
def test_fatal_errors_stop_retries(peer, code, kind, failure):
    """Quota and key errors end the session for good, by code or by type."""
    [lost] = peer.fails(code, None, kind)
    assert isinstance(lost, SessionLost) and not lost.retryable
    assert type(peer.protocol.failure) is failure
    assert peer.types(CommitInput()) == []


def test_a_fatal_error_inside_response_done_stops_retries(peer):
    """The reply ends, then the session, each told once."""
    peer.begins("resp_1")
    details = {"type": "failed", "error": {"type": "insufficient_quota", "code": "insufficient_quota"}}
    ended, lost = peer.ends("resp_1", "failed", status_details=details)
    assert ended == ResponseEnded("resp_1", ResponseStatus.FAILED, "insufficient_quota")
    assert lost == SessionLost("insufficient_quota", retryable=False)


def test_a_passing_error_inside_response_done_ends_only_the_reply(peer):
    """A rate limit costs this reply, not the session."""
    peer.begins("resp_1")
    details = {"type": "failed", "error": {"type": "server_error", "code": "rate_limit_exceeded"}}
    assert peer.ends("resp_1", "failed", status_details=details) == [
        ResponseEnded("resp_1", ResponseStatus.FAILED, "rate_limit_exceeded")
    ]


def test_the_60_minute_limit_is_an_expiry(peer):
    """session_expired ends the running reply and asks for a new session."""
    peer.begins("resp_1")
    ended, lost = peer.fails("session_expired")
    assert isinstance(ended, ResponseEnded) and ended.status is ResponseStatus.FAILED
    assert lost.expired and lost.retryable


def test_a_session_that_is_refused_is_lost():
    """An error to the first session.update is the answer to opening it."""
    protocol = RealtimeProtocol(config_of(voice="nobody"))
    update = json.loads(protocol.next_frame() or "")
    error = {"type": "invalid_request_error", "code": "invalid_value", "event_id": update["event_id"]}
    [lost] = protocol.receive_message(json.dumps({"type": "error", "error": error}))
    assert isinstance(lost, SessionLost) and not lost.retryable and isinstance(protocol.failure, EngineUnavailable)


def test_a_broken_connection_loses_the_session_once(peer):
    """The loss is told once and may be retried."""
    [lost] = peer.protocol.connection_lost(None, "")
    assert isinstance(lost, SessionLost) and lost.retryable and type(peer.protocol.failure) is ConnectionLost
    assert peer.protocol.connection_lost(1000, "") == []


def test_junk_is_survived(peer):
    """Malformed JSON, unknown type, missing field: one log line each, the call goes on."""
    for junk in ("{", '{"type":"response.invented"}', '{"type":"response.done"}', '{"no":"type"}') * 3:
        assert peer.protocol.receive_message(junk) == []
    assert len(peer.protocol.take_remarks()) == 4
    assert peer.protocol.take_remarks() == []
    assert peer.begins("resp_1") == [ResponseStarted("resp_1")]


def test_events_that_mean_nothing_to_us_tell_nothing(peer):
    """Known events without a meaning are no remark either; nor are deltas of unknown items."""
    assert peer.hears("rate_limits.updated", rate_limits=[]) == []
    assert peer.hears("session.updated", session={"type": "realtime"}) == []
    system = {"id": "x", "type": "message", "role": "system", "content": []}
    assert peer.hears("conversation.item.added", item=system) == []
    assert peer.writes("resp_1", "item_9", "?") == []
    peer.hears(
        "response.output_audio.done", response_id="resp_1", item_id="item_9", output_index=0, content_index=0
    )
    assert peer.protocol.take_remarks() == []


def test_nothing_after_close(peer):
    """What waits is not sent once the session is closed, and what comes is not told."""
    peer.protocol.send(AppendAudio(AudioChunk(CALL_FORMAT, bytes(960))))
    peer.protocol.send(SendToolResult("call_1", "{}"))
    peer.protocol.send(Respond())
    peer.protocol.close()
    assert peer.types(CommitInput(), Respond(), AppendAudio(AudioChunk(CALL_FORMAT, bytes(960)))) == []
    assert peer.begins("resp_1") == []
    assert peer.protocol.connection_lost(1000, "") == []


def test_a_long_chunk_is_sent_in_pieces():
    """Sound kept over a gap may be longer than one append should be; nothing of it is lost."""
    chunk = AudioChunk(CALL_FORMAT, bytes(MAX_APPEND_BYTES + 960))
    frames = Peer(max_audio_ms=60_000).sends(AppendAudio(chunk))
    assert [len(frame["audio"]) * 3 // 4 // 960 for frame in frames] == [MAX_APPEND_BYTES // 960, 1]


def test_unsent_audio_drops_the_oldest(peer):
    """A slow connection loses old sound, counted, and never a command."""
    for number in range(150):
        peer.protocol.send(AppendAudio(AudioChunk(CALL_FORMAT, bytes([number]) * 960)))
    peer.protocol.send(CommitInput())
    frames = peer.frames()
    assert peer.protocol.dropped_audio_ms == 1_000
    assert len(frames) == 101 and frames[-1]["type"] == "input_audio_buffer.commit"


def test_a_server_that_stops_reading_is_noticed(peer):
    """Commands are never dropped: too many unsent mean a dead connection. Old ones are forgotten."""
    for _ in range(MAX_REMEMBERED_COMMANDS + 1):
        peer.protocol.send(CommitInput())
    assert peer.protocol.is_stalled


def test_items_that_the_provider_is_not_told_make_no_frame(peer):
    """A notice is for the caller only."""
    assert peer.sends(CreateItem(replace(message("Reconnected."), kind=ItemKind.NOTICE))) == []
