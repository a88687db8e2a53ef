"""Failed replies are asked for again: after a limit, after trouble, after words without sound."""

from __future__ import annotations

import pytest

from agentvoice.core.speech import (
    CancelResponse,
    ItemDone,
    ItemRemoved,
    Respond,
    ResponseEnded,
    ResponseStatus,
    SessionError,
)
from agentvoice.protocols.realtime.retries import MAX_RATE_REPEATS, SERVER_WAIT_S
from tests.fakes.realtime_agents import config_of
from tests.protocols.realtime.conversing import Peer, answer, tool_call

LIMIT = {"type": "failed", "error": {"type": "requests", "code": "rate_limit_exceeded"}}
TROUBLE = {"type": "failed", "error": {"type": "server_error", "code": "server_error"}}
GIVEN_UP = SessionError("rate_limit_exceeded", "rate_limit_exceeded", command="Respond")


@pytest.fixture
def spoken(dialect):
    return Peer(config_of(output="audio"), dialect=dialect)


def fails(peer, response, details):
    peer.begins(response)
    return peer.ends(response, "failed", status_details=details)


def test_a_rate_limited_reply_is_asked_for_again_after_the_wait_bounded(peer):
    """The wait is the provider's; the caller is told only when no reply comes at last."""
    limits = [{"name": "tokens", "limit": 10, "remaining": 0, "reset_seconds": 2.5}]
    peer.hears("rate_limits.updated", rate_limits=limits)
    peer.sends(Respond())
    for number in range(MAX_RATE_REPEATS):
        error, ended = fails(peer, f"resp_{number}", LIMIT)
        assert error.is_retried and ended.status is ResponseStatus.FAILED
        assert (peer.frames(), peer.protocol.take_wait_s(), peer.protocol.take_wait_s()) == ([], 2.5, None)
        peer.protocol.wait_over()
        assert [frame["type"] for frame in peer.frames()] == ["response.create"]
    assert fails(peer, "resp_last", LIMIT)[0] == GIVEN_UP
    assert peer.protocol.take_wait_s() is None
    peer.protocol.wait_over()
    assert peer.frames() == []


def test_a_refused_request_is_asked_again_with_its_words(peer):
    """An error event for response.create is the same; the greeting is not lost."""
    [request] = peer.sends(Respond("Ahoy."))
    [error] = peer.fails("rate_limit_exceeded", request["event_id"])
    assert error.is_retried and peer.protocol.take_wait_s() is not None
    peer.protocol.wait_over()
    assert peer.frames()[0]["response"]["instructions"].endswith("Ahoy.")


def test_a_refused_request_is_given_up_at_last(peer):
    """The bound holds for refused requests too."""
    [request] = peer.sends(Respond())
    for _ in range(MAX_RATE_REPEATS):
        assert peer.fails("rate_limit_exceeded", request["event_id"])[0].is_retried
        peer.protocol.wait_over()
        [request] = peer.frames()
    [error] = peer.fails("rate_limit_exceeded", request["event_id"])
    assert not error.is_retried


def test_a_request_that_was_cancelled_meanwhile_is_not_asked_again(peer):
    """The caller interrupted before the refusal came."""
    [request] = peer.sends(Respond())
    peer.sends(CancelResponse())
    peer.fails("rate_limit_exceeded", request["event_id"])
    peer.protocol.wait_over()
    assert peer.frames() == []


def test_server_trouble_is_repeated_once(peer):
    """A second failure is told."""
    assert fails(peer, "resp_1", TROUBLE)[0].is_retried
    assert peer.protocol.take_wait_s() == SERVER_WAIT_S
    peer.protocol.wait_over()
    assert len(peer.frames()) == 1
    assert not fails(peer, "resp_2", TROUBLE)[0].is_retried


def test_what_was_partly_heard_is_not_said_again(spoken):
    """Sound of the failed reply came: it is told as failed."""
    spoken.begins("resp_1")
    spoken.adds("resp_1", "item_1")
    spoken.speaks("resp_1", "item_1", 100)
    told = spoken.ends("resp_1", "failed", status_details=TROUBLE)
    assert [event.is_retried for event in told if isinstance(event, SessionError)] == [False]


def test_a_cancelled_reply_that_fails_is_nobodys_loss(peer):
    """The caller did not want it any more."""
    peer.begins("resp_1")
    peer.sends(CancelResponse())
    assert peer.ends("resp_1", "failed", status_details=TROUBLE) == [
        ResponseEnded("resp_1", ResponseStatus.FAILED, "server_error")
    ]


@pytest.mark.parametrize("happens", ["interrupt", "newer request", "newer reply"])
def test_a_wait_ends_when_the_call_goes_on(peer, happens):
    """An interrupt, a newer request or the server's own reply makes the old request needless."""
    fails(peer, "resp_1", LIMIT)
    if happens == "interrupt":
        peer.sends(CancelResponse())
    elif happens == "newer request":
        assert peer.types(Respond()) == ["response.create"]
    if happens != "interrupt":
        peer.begins("resp_2")
        peer.ends("resp_2")
    peer.protocol.wait_over()
    assert peer.frames() == []


def test_a_request_that_waits_already_is_the_repetition(peer):
    """Two typed turns and a failure: one more reply, not two."""
    peer.begins("resp_1")
    peer.sends(Respond())
    assert peer.ends("resp_1", "failed", status_details=LIMIT)[0].is_retried
    assert len(peer.frames()) == 1
    peer.protocol.wait_over()
    peer.begins("resp_2")
    peer.ends("resp_2")
    assert peer.frames() == []


def writes_only(peer, response, item):
    """A reply of words without sound."""
    peer.begins(response)
    peer.adds(response, item)
    done = answer(item, "Only words.", "completed")
    told = peer.hears("response.output_item.done", response_id=response, output_index=0, item=done)
    return told + peer.ends(response, output=[done])


def test_a_text_only_reply_is_asked_for_again_once_and_kept_once(spoken):
    """The written twin is deleted on both sides; a second one is kept: it cannot loop."""
    told = writes_only(spoken, "resp_1", "item_1")
    assert [type(event) for event in told] == [SessionError, ItemRemoved, ResponseEnded]
    assert told[0].is_retried and told[1] == ItemRemoved("item_1")
    assert [frame["type"] for frame in spoken.frames()] == ["conversation.item.delete", "response.create"]
    told = writes_only(spoken, "resp_2", "item_2")
    assert told == [ItemDone("item_2", "Only words."), ResponseEnded("resp_2", ResponseStatus.COMPLETED)]
    assert spoken.frames() == []


def test_text_output_is_no_failure(peer):
    """An agent whose output is text is never asked to say it again."""
    told = writes_only(peer, "resp_1", "item_1")
    assert told[0] == ItemDone("item_1", "Only words.") and peer.frames() == []


def test_words_before_a_tool_call_are_no_failure(spoken):
    """Asking again would run the tool twice."""
    spoken.begins("resp_1")
    spoken.adds("resp_1", "item_1")
    told = spoken.ends("resp_1", output=[answer("item_1", "One moment."), tool_call("item_2")])
    assert ItemDone("item_1", "One moment.") in told
    assert spoken.frames() == []


def test_a_wait_outlives_no_session(peer):
    """Closed while it waits: nothing is sent any more."""
    fails(peer, "resp_1", LIMIT)
    peer.protocol.close()
    peer.protocol.wait_over()
    assert peer.frames() == []


def test_a_failure_of_a_reply_that_holds_no_place_is_only_told(peer):
    """A reply that a newer one overtook is not asked for again."""
    peer.begins("resp_1")
    peer.begins("resp_2")
    told = peer.ends("resp_1", "failed", status_details=LIMIT)
    assert told[0] == GIVEN_UP
