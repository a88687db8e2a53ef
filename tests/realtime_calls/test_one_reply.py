"""One reply at a time, errors and junk, closed sessions: what the provider may do without ending a call."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.call import EndReason
from agentvoice.core.item import ItemKind, ItemStatus, Role
from agentvoice.core.leg import CallerAudio, CallerText, CallStatus, HungUp, InterruptPressed
from agentvoice.errors import QuotaExceeded
from agentvoice.services.last_words import LAST_WORDS_S
from tests.fakes.realtime_provider import ProviderSession, answer
from tests.realtime_calls.conftest import RealtimeHouse

REPLY = "response.create"
ITEM = "conversation.item.create"
HELD = "conversation_already_has_active_response"


async def types(house: RealtimeHouse, text: str) -> None:
    """The caller types a turn."""
    house.leg.do(CallerText(text))
    await house.settle()


async def is_alive(house: RealtimeHouse, session: ProviderSession) -> None:
    """The call goes on: a turn is asked about and answered."""
    before = len(house.messages())
    await session.turn("proof", "Still there?")
    await session.replies("r_proof", "Yes.", 20)
    await house.settle()
    await house.hears_all()
    assert [text for _, text, _ in house.messages()[before:]] == ["Still there?", "Yes."]


async def test_one_response_at_a_time(house: RealtimeHouse):
    """A reply that is asked for while one is asked for, or runs, waits for its end."""
    session = await house.live_call()
    await types(house, "First")
    await types(house, "Second")
    assert session.types == [ITEM, REPLY, ITEM]
    await session.replies("r1", "To the first.", 20)
    await house.settle()
    assert session.types == [ITEM, REPLY, ITEM, REPLY]
    await house.hears_all()
    await session.begins("r2")
    await house.settle()
    await types(house, "Third")
    assert session.types[4:] == ["response.cancel", ITEM]
    await session.ends("r2", "cancelled")
    await house.settle()
    assert session.types[4:] == ["response.cancel", ITEM, REPLY]
    await house.hang_up()


async def test_the_servers_own_reply_has_the_place_too(house: RealtimeHouse):
    """Turn detection began a reply by itself: a typed turn's reply waits for its end."""
    session = await house.live_call()
    await session.begins("auto")
    await house.settle()
    await types(house, "And this?")
    assert REPLY not in session.types
    await session.ends("auto", "cancelled")
    await house.settle()
    assert session.types[-1] == REPLY
    await house.hang_up()


async def test_a_request_that_lost_the_place_is_sent_again(house: RealtimeHouse):
    """The server's own reply was first: the refused request waits for its end and is sent once more."""
    session = await house.live_call()
    await types(house, "And this?")
    (asked,) = session.sent(REPLY)
    await session.begins("auto")
    await session.fails(HELD, event_id=asked["event_id"])
    await house.settle()
    assert len(session.sent(REPLY)) == 1
    await session.ends("auto")
    await house.settle()
    assert len(session.sent(REPLY)) == 2
    await house.hang_up()


async def test_errors_belong_to_their_cause(house: RealtimeHouse):
    """Errors without a cause or of another event leave a waiting request alone; its own releases it."""
    session = await house.live_call()
    await types(house, "First")
    created = session.sent(ITEM)[0]
    await types(house, "Second")
    (asked,) = session.sent(REPLY)
    await session.fails("server_error", kind="server_error")
    await session.fails("invalid_value", event_id=created["event_id"])
    await session.fails("invalid_value", event_id="evt_of_nobody")
    await house.settle()
    assert session.sent(REPLY) == [asked]
    await session.fails("invalid_value", event_id=asked["event_id"])
    await house.settle()
    assert len(session.sent(REPLY)) == 2
    await house.hang_up()


async def test_a_caller_waits_on_when_something_else_failed(house: RealtimeHouse):
    """An item was refused while the reply is being thought of: the caller is not told that none comes."""
    session = await house.live_call()
    await types(house, "First")
    await session.fails("invalid_value", event_id=session.sent(ITEM)[0]["event_id"])
    await house.settle()
    assert house.leg.status is CallStatus.THINKING
    assert [item.text for item in house.items() if item.kind is ItemKind.NOTICE] == []
    await session.replies("r1", "Here.", 20)
    await house.settle()
    await house.hears_all()
    assert house.messages()[-1] == (Role.AGENT, "Here.", ItemStatus.COMPLETED)
    await house.hang_up()


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("input_audio_buffer_commit_empty", None),
        ("response_cancel_not_active", "response.cancel"),
        ("item_truncate_invalid_item_id", "conversation.item.truncate"),
        ("invalid_value", "conversation.item.truncate"),
        ("item_create_duplicate_item_id", None),
    ],
)
async def test_benign_errors_survive(house: RealtimeHouse, code: str, cause: str | None):
    """What came too late or twice is logged once; nobody is told, and the call goes on."""
    session = await house.live_call()
    await session.speaks_on("r1", "one two", 1_000)
    await house.settle()
    await house.hears(500)
    house.leg.do(InterruptPressed())
    await house.settle()
    event_id = session.sent(cause)[0]["event_id"] if cause else None
    with capture_logs() as logs:
        await session.fails(code, event_id=event_id)
        await session.fails(code)
        await session.ends("r1", "cancelled")
        await house.settle()
    remarks = [line for line in logs if line["event"] == "realtime remark"]
    assert len(remarks) == 1 and code in remarks[0]["remark"]
    assert [item.kind for item in house.items() if item.kind is ItemKind.NOTICE] == []
    await is_alive(house, session)
    await house.hang_up()


async def test_nothing_after_close(house: RealtimeHouse):
    """The caller hangs up while a turn and sound wait for a slow connection: they are never sent."""
    session = await house.live_call()
    link = session.link
    link.connection.transport.pause_reading()
    second = AudioChunk(CALL_FORMAT, bytes(CALL_FORMAT.bytes_of(20_000)))
    for _ in range(8):  # more than the socket's buffers take
        house.leg.do(CallerAudio(second))
        await house.clock.settle()
    house.leg.do(CallerText("Too late"), CallerAudio(second), HungUp())
    await house.clock.settle()
    await house.clock.advance(LAST_WORDS_S)
    outcome = await house.outcome()
    link.connection.transport.resume_reading()
    await link.closed.wait()
    assert ITEM not in session.types and REPLY not in session.types
    assert house.messages(outcome.call_id) == [(Role.USER, "Too late", ItemStatus.COMPLETED)]


async def test_a_tool_result_is_not_sent_after_close(house: RealtimeHouse):
    """The call ends with the tool's reply: neither answer nor next reply goes out."""
    session = await house.live_call()
    await session.begins("r1")
    house.leg.do(HungUp())
    await house.clock.settle()
    await house.outcome()
    assert await session.link.closed.wait()
    assert session.types == []


JUNK: tuple[str | bytes, ...] = (
    "{",
    "[]",
    "null",
    '"text"',
    '{"type": 7}',
    '{"no": "type"}',
    '{"type": "response.brand_new", "event_id": "e"}',
    '{"type": "response.output_audio.delta", "event_id": "e"}',
    '{"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "content_index": 0,'
    ' "delta": "!!!"}',
    '{"type": "conversation.item.added", "item": {"id": 7}}',
    '{"type": "response.done", "response": "none"}',
    '{"type": "error"}',
    "[" * 10_000,
    b"\xff\xfe\x00binary",
    b"",
)


async def test_junk_is_survived(house: RealtimeHouse):
    """Malformed JSON, unknown types, missing fields, binary: one log line for each, the call goes on."""
    session = await house.live_call()
    with capture_logs() as logs:
        for _ in range(3):
            await session.raw(*JUNK)
        await house.settle()
    remarks = [line["remark"] for line in logs if line["event"] == "realtime remark"]
    assert len(remarks) == len(set(remarks)) <= len(JUNK)
    assert any("response.brand_new" in line for line in remarks)
    assert [line for line in logs if line["log_level"] == "error"] == []
    await is_alive(house, session)
    await house.hang_up()


async def test_pieces_drips_and_repeats_are_one_event_each(house: RealtimeHouse):
    """Fragmented, dripped byte by byte, sent twice: a reply is still itself, once."""
    session = await house.live_call()
    await session.in_pieces({"type": "response.created", "response": {"id": "r1"}}, 7)
    added = {"type": "response.output_item.added", "response_id": "r1", "item": answer("x")}
    await session.dripped(added)
    await session.raw(json.dumps(added))
    await session.writes("r1", "x", "Slowly but surely.")
    await session.speaks("r1", "x", 100)
    for _ in range(2):
        await session.finishes("r1", answer("x", "Slowly but surely.", "completed"))
        await session.ends("r1", output=[answer("x", "Slowly but surely.", "completed")])
    await house.settle()
    await house.hears_all()
    assert house.messages() == [(Role.AGENT, "Slowly but surely.", ItemStatus.COMPLETED)]
    await is_alive(house, session)
    await house.hang_up()


async def test_a_huge_frame_is_an_event_like_any_other(house: RealtimeHouse):
    """Two minutes of sound in one delta (7 MB on the wire) reach the leg whole."""
    session = await house.live_call()
    item = await session.speaks_on("r1", "A long story.", 120_000)
    await house.settle()
    assert house.leg.queued_samples == 120_000 * 24
    await session.finishes("r1", answer(item, "A long story.", "completed"))
    await session.ends("r1")
    await house.hears_all()
    await is_alive(house, session)
    await house.hang_up()


async def test_sound_split_inside_a_sample_stays_whole(house: RealtimeHouse):
    """Deltas of an odd number of bytes: no sample is lost, and what follows is not shifted by a byte."""
    heard: list[bytes] = []
    play = house.leg.play
    house.leg.play = lambda chunk: (heard.append(chunk.samples), play(chunk))[1]  # type: ignore[method-assign,func-returns-value]  # listens
    session = await house.live_call()
    await session.begins("r1")
    await session.adds("r1", "x")
    for delta in ("AQ==", "AgM=", "BAUG", "Bw==", "CAkK"):  # 1 | 2 3 | 4 5 6 | 7 | 8 9 10
        await session._part("response.output_audio.delta", "r1", "x", 0, delta=delta)
    await house.settle()
    assert b"".join(heard) == bytes(range(1, 11))
    assert all(len(samples) % 2 == 0 for samples in heard)
    assert house.leg.queued_samples == 5
    await house.hang_up()


FATAL = ("insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached")


@pytest.mark.parametrize("code", FATAL)
@pytest.mark.parametrize("where", ["error", "type", "response.done", "close"])
async def test_fatal_errors_stop_retries(house: RealtimeHouse, code: str, where: str):
    """An account without money ends the call at once, wherever it is said: no other session is opened."""
    session = await house.live_call()
    if where == "error":
        await session.fails(code)
    elif where == "type":
        await session.say("error", error={"type": code, "code": None, "message": "sorry"})
    elif where == "close":
        await session.closes(1008, f"invalid_request_error.{code}")
    else:
        await session.begins("r1")
        details = {"type": "failed", "error": {"type": "invalid_request_error", "code": code}}
        await session.ends("r1", "failed", status_details=details)
    outcome = await house.outcome()
    assert outcome.reason is EndReason.ENGINE_FAILED and code in str(outcome.error)
    assert len(house.provider.sessions) == 1
    assert code in house.items(outcome.call_id)[-1].text


async def test_a_fatal_refusal_of_a_new_session_stops_retries(house: RealtimeHouse):
    """The session broke and its successor is refused for good: the tries end with the first."""
    session = await house.live_call()
    house.provider.refuse(429, {"code": "insufficient_quota"})
    session.breaks()
    outcome = await house.outcome()
    assert isinstance(outcome.error, QuotaExceeded)
    assert house.provider.refused == 1


async def test_a_passing_error_of_a_reply_does_not_end_the_call(house: RealtimeHouse):
    """A rate limit inside response.done fails that reply only."""
    session = await house.live_call()
    await session.begins("r1")
    details = {"type": "failed", "error": {"type": "server_error", "code": "rate_limit_exceeded"}}
    await session.ends("r1", "failed", status_details=details)
    await house.settle()
    await is_alive(house, session)
    await house.hang_up()
