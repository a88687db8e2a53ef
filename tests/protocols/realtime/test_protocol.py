import json
from dataclasses import replace

import pytest

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.item import ItemKind
from agentvoice.core.speech import (
    AppendAudio,
    CancelResponse,
    CommitInput,
    Configure,
    CreateItem,
    Respond,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SendToolResult,
    SessionError,
    SessionLost,
)
from agentvoice.errors import AuthenticationRejected, ConnectionLost, EngineUnavailable, QuotaExceeded
from agentvoice.protocols.realtime.protocol import MAX_APPEND_BYTES, MAX_REMEMBERED_COMMANDS, RealtimeProtocol
from agentvoice.protocols.realtime.response_slot import MAX_TRIES, MAX_WAITING
from tests.fakes.realtime_agents import config_of, message
from tests.protocols.realtime.conversing import Peer

HELD = "conversation_already_has_active_response"


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
    assert peer.fails(HELD) == []  # and what nobody asked for is the server's own affair


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


def test_a_cancelled_request_that_is_refused_does_not_come_back(peer):
    """Nobody wants that reply any more."""
    [request] = peer.sends(Respond())
    peer.sends(CancelResponse())
    assert peer.fails(HELD, request["event_id"]) == []
    assert peer.frames() == []


def test_cancel_without_response_sends_nothing(peer):
    """Nothing runs, nothing is cancelled."""
    assert peer.types(CancelResponse()) == []


def test_transfer_updates_then_speaks(peer):
    """Handover in place: session.update, the tool result, then exactly one response.create."""
    assert peer.types(Configure(config_of("You are Max.")), SendToolResult("call_1", "{}"), Respond()) == [
        "session.update",
        "conversation.item.create",
        "response.create",
    ]


@pytest.mark.parametrize(
    "code", ["input_audio_buffer_commit_empty", "response_cancel_not_active", "item_create_duplicate_item_id"]
)
def test_benign_errors_survive(peer, code):
    """Commands that came too late or twice: one log line, the call goes on."""
    assert peer.fails(code) == []
    assert len(peer.protocol.take_remarks()) == 1
    assert peer.types(CommitInput()) == ["input_audio_buffer.commit"]


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
    assert ended == ResponseEnded("resp_1", ResponseStatus.LOST, "insufficient_quota")
    assert lost == SessionLost("insufficient_quota", retryable=False)


def test_a_passing_error_inside_response_done_ends_only_the_reply(peer):
    """A rate limit costs this reply, not the session."""
    peer.begins("resp_1")
    details = {"type": "failed", "error": {"type": "server_error", "code": "rate_limit_exceeded"}}
    assert peer.ends("resp_1", "failed", status_details=details)[-1:] == [
        ResponseEnded("resp_1", ResponseStatus.FAILED, "rate_limit_exceeded")
    ]


def test_the_60_minute_limit_is_an_expiry(peer):
    """session_expired ends the running reply and asks for a new session."""
    peer.begins("resp_1")
    ended, lost = peer.fails("session_expired")
    assert isinstance(ended, ResponseEnded) and ended.status is ResponseStatus.LOST
    assert lost.expired and lost.retryable


def test_a_session_that_is_refused_is_lost():
    """An error to the first session.update is the answer to opening it."""
    protocol = RealtimeProtocol(config_of(voice="nobody"))
    update = json.loads(protocol.next_frame() or "")
    error = {"type": "invalid_request_error", "code": "invalid_value", "event_id": update["event_id"]}
    [lost] = protocol.receive_message(json.dumps({"type": "error", "error": error}))
    assert (
        isinstance(lost, SessionLost)
        and not lost.retryable
        and isinstance(protocol.failure, EngineUnavailable)
    )


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


def test_an_approval_that_nobody_gives_is_remarked_on_once():
    """A server with `require_approval = "always"` is seen by the model, and waits when it is called."""
    peer = Peer()
    item = {
        "id": "r1",
        "type": "mcp_approval_request",
        "server_label": "docs",
        "name": "x",
        "arguments": "{}",
    }
    for _ in range(2):
        assert peer.hears("conversation.item.added", item=item, previous_item_id=None) == []
    assert peer.protocol.take_remarks() == [
        "the MCP server docs waits for an approval, which nobody can give here"
    ]


def test_a_failed_mcp_listing_is_remarked_on_once():
    """The call goes on without the server's tools; the operator finds its label in the log."""
    peer = Peer()
    item = {"id": "mcpl_1", "type": "mcp_list_tools", "server_label": "docs", "tools": []}
    assert peer.hears("conversation.item.added", item=item, previous_item_id=None) == []
    for ref in ("mcpl_1", "mcpl_1", "mcpl_2"):
        assert peer.hears("mcp_list_tools.failed", item_id=ref) == []
    assert peer.protocol.take_remarks() == [
        "the provider could not list the tools of the MCP server docs",
        "the provider could not list the tools of the MCP server (unnamed)",
    ]


def test_a_place_held_against_the_servers_own_wish_is_survived(peer):
    """With interrupt_response=false the server may fail to answer a turn by itself: no error of ours."""
    peer.begins("resp_1")
    assert peer.fails(HELD) == []
    assert any("nothing left to do" in line for line in peer.protocol.take_remarks())
    assert peer.frames() == []
