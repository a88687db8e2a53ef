"""Tools in calls: they run once, beside the call, and answer the model over whatever session there is."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agentvoice.core.item import ItemKind
from agentvoice.core.leg import CallerAudio, CallStatus
from agentvoice.core.speech import (
    AppendAudio,
    AudioDelta,
    CreateItem,
    Respond,
    ResponseEnded,
    ResponseStarted,
    SendToolResult,
    SessionLost,
)
from agentvoice.core.tool import AgentTools
from agentvoice.services.call_tools import MAX_ASKED, MAX_RUNNING
from agentvoice.storage import agents, call_log
from tests.fakes.clock import START_UTC_MS
from tests.fakes.speech_session import sound
from tests.fakes.tool_server import ToolServer
from tests.services.conftest import ADA, WEATHER_KEY, House
from tests.services.tool_scene import (
    OK,
    ask,
    call_with,
    hang_up,
    kept,
    results,
    until,
)


async def test_tool_runs_once(house: House, server: ToolServer):
    """Asked twice, answered over a lost session and asked again by its replayed id, it makes one request."""
    call = await call_with(house, server)
    first = house.session
    server.go.clear()
    first.emit(ResponseStarted("r1"), ask("c1"), ask("c1"), ResponseEnded("r1", OK), ask("c1"))
    await until(house, lambda: server.asked)
    first.emit(SessionLost("cable pulled"))
    await until(house, lambda: house.session is not first)
    await house.settle()
    (replayed,) = house.session.told_of(CreateItem)
    house.session.emit(ask(replayed.item.tool_call_id))
    await house.settle()
    server.go.set()
    await until(house, lambda: len(house.session.told_of(CreateItem)) == 2)
    await house.settle()
    call_id = await hang_up(house, call)
    assert [asked.target for asked in server.asked] == ["/Berlin"]
    (called,), (result,) = (
        kept(house, call_id, ItemKind.TOOL_CALL),
        kept(house, call_id, ItemKind.TOOL_RESULT),
    )
    assert (called.tool_name, result.tool_call_id) == ("weather", called.tool_call_id)
    assert json.loads(result.text) == {"ok": True, "result": {"degrees": 21}}


async def test_the_result_goes_to_the_session_and_one_reply_follows(house: House, server: ToolServer):
    """The request has the arguments and the secret; the answer goes back by the call's own id."""
    call = await call_with(house, server)
    house.session.emit(ResponseStarted("r1"), ask("c1"), ResponseEnded("r1", OK))
    assert await results(house, house.session) == [{"ok": True, "result": {"degrees": 21}}]
    assert house.session.told[-2:] == [
        SendToolResult("c1", '{"ok":true,"result":{"degrees": 21}}'),
        Respond(),
    ]
    assert server.asked[0].headers["x-api-key"] == WEATHER_KEY
    await hang_up(house, call)


async def test_sound_flows_while_a_tool_runs(house: House, server: ToolServer):
    """Both directions go on, and the display does not call it the caller's turn."""
    call = await call_with(house, server)
    server.go.clear()
    house.session.emit_reply("r1", "Let me look.", 100, end=False)
    house.session.emit(ask("c1"), ResponseEnded("r1", OK))
    await until(house, lambda: server.asked)
    house.leg.hear_all()
    house.leg.do(CallerAudio(sound(20)))
    await house.settle()
    assert house.leg.status is CallStatus.THINKING
    assert len(house.session.told_of(AppendAudio)) == 1
    house.session.emit(AudioDelta("other", 0, sound(40), "r9"))
    await house.settle()
    assert house.leg.queued_samples == 40 * 24
    assert house.session.told_of(SendToolResult) == []
    server.go.set()
    await results(house, house.session)
    await hang_up(house, call)


async def test_a_tool_that_is_too_slow_is_an_answer(house: House, server: ToolServer):
    """After the tool's own limit the model is told; the caller gets no notice."""
    call = await call_with(house, server, timeout_s=3.0)
    server.go.clear()
    house.session.emit(ask("c1"))
    await until(house, lambda: server.asked)
    await house.clock.advance(3.1)
    assert await results(house, house.session) == [{"ok": False, "error": "weather: no answer after 3 s"}]
    assert house.session.told_of(Respond) == [Respond()]
    call_id = await hang_up(house, call)
    assert kept(house, call_id, ItemKind.NOTICE) == []
    with house.database.reading() as session:
        entries = [(entry.name, entry.detail) for entry in call_log.log_of(session, call_id)]
    assert ("tool_failed", "weather: weather: no answer after 3 s") in entries


async def test_a_huge_result_is_cut(house: House, server: ToolServer):
    """The model gets the beginning, and is told that there was more."""
    call = await call_with(house, server, max_result_chars=500)
    server.text = "x" * 5_000_000
    house.session.emit(ask("c1"))
    (answer,) = await results(house, house.session)
    assert answer == {"ok": True, "result": "x" * 500 + " … (cut: the answer is longer)"}
    await hang_up(house, call)


@pytest.mark.parametrize(
    ("status", "words"),
    [(500, "the server answered with status 500"), (302, "to another address (status 302)")],
)
async def test_a_server_that_refuses_is_an_answer(house: House, server: ToolServer, status: int, words: str):
    """The model is told what the server said, and no redirect is followed."""
    call = await call_with(house, server)
    server.status, server.text, server.headers = status, "out of order", {"Location": "/elsewhere"}
    house.session.emit(ask("c1"))
    (answer,) = await results(house, house.session)
    assert (answer["ok"], answer["result"]) == (False, "out of order")
    assert words in answer["error"]
    assert len(server.asked) == 1
    await hang_up(house, call)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("weather", "{", "arguments: got no JSON"),
        ("weather", "[]", "arguments: got JSON that is no object"),
        ("weather", "{}", "arguments.city: got nothing, want text"),
        ("weather", '{"city": 3}', "arguments.city: got 3, want text"),
        ("weather", '{"city": ".."}', "arguments.city: got '..'"),
        ("note", '{"text": ""}', "arguments.text: got 0 characters"),
        ("fly", "{}", "there is no tool named fly"),
    ],
)
async def test_bad_arguments_are_named_to_the_model(
    house: House, server: ToolServer, name: str, arguments: str, words: str
):
    """Nothing is asked of the server; the model reads which field was wrong."""
    call = await call_with(house, server)
    house.session.emit(ask("c1", name, arguments))
    (answer,) = await results(house, house.session)
    assert not answer["ok"]
    assert words in answer["error"]
    assert server.asked == []
    await hang_up(house, call)


async def test_end_call_is_a_tool_that_an_agent_may_lack(house: House, server: ToolServer):
    """An agent without it cannot end calls, and is told so."""
    with house.database.writing() as session:
        tools = AgentTools(builtin=())
        agents.update_agent(session, replace(ADA, tools=tools), house.clock.utc_ms())
    call = await house.live_call()
    house.session.emit(ask("c1", "end_call", "{}"))
    assert await results(house, house.session) == [{"ok": False, "error": "there is no tool named end_call"}]
    assert not call.done()
    await hang_up(house, call)


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def test_the_time_is_that_of_the_machine(house: House, server: ToolServer, in_tokyo: None):
    """By the call's clock, in the machine's zone."""
    assert START_UTC_MS == 1_800_000_000_000
    call = await call_with(house, server)
    house.session.emit(ask("c1", "current_time", "{}"))
    assert await results(house, house.session) == [
        {"ok": True, "time": "2027-01-15T17:00:00+09:00", "weekday": "Friday", "zone": "JST"}
    ]
    await hang_up(house, call)


async def test_a_note_is_kept_with_the_call(house: House, server: ToolServer):
    """As an item, and in the call's log."""
    call = await call_with(house, server)
    house.session.emit(ask("c1", "note", '{"text": "Her number is 7."}'))
    assert await results(house, house.session) == [{"ok": True}]
    call_id = await hang_up(house, call)
    assert [item.text for item in kept(house, call_id, ItemKind.TOOL_CALL)] == [
        '{"text": "Her number is 7."}'
    ]
    with house.database.reading() as session:
        notes = [entry.detail for entry in call_log.log_of(session, call_id) if entry.name == "note"]
    assert notes == ["Her number is 7."]


async def test_a_secret_is_nowhere_but_in_the_request(
    house: House, server: ToolServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    """A server that repeats it, and one that cannot be reached, do not put it into items or logs."""
    caplog.set_level(logging.DEBUG)
    call = await call_with(house, server)
    server.repeats_headers = True
    house.session.emit(ask("c1"))
    (answer,) = await results(house, house.session)
    assert "'x-api-key': '(secret)'" in answer["result"]
    server.breaks = True
    house.session.emit(ask("c2"))
    assert not (await results(house, house.session, 2))[1]["ok"]
    call_id = await hang_up(house, call)
    assert [asked.headers["x-api-key"] for asked in server.asked] == [WEATHER_KEY, WEATHER_KEY]
    written = capsys.readouterr()
    stored = [*house.items(call_id), house.call(call_id), house.session.config, house.session.told]
    assert WEATHER_KEY not in repr(stored) + caplog.text + written.out + written.err


async def test_a_missing_secret_is_an_answer(
    house: House, server: ToolServer, monkeypatch: pytest.MonkeyPatch
):
    """The setting that names it is told; nothing is asked of the server."""
    monkeypatch.delenv("WEATHER_KEY")
    call = await call_with(house, server)
    house.session.emit(ask("c1"))
    (answer,) = await results(house, house.session)
    assert "tools.http weather.headers.X-Api-Key: got env:WEATHER_KEY" in answer["error"]
    assert server.asked == []
    await hang_up(house, call)


async def test_tools_run_a_few_at_a_time(house: House, server: ToolServer):
    """More wait their turn, and far more are refused."""
    call = await call_with(house, server)
    server.go.clear()
    house.session.emit(*(ask(f"c{number}") for number in range(MAX_ASKED + 1)))
    await until(house, lambda: len(server.asked) == MAX_RUNNING)
    (refused,) = await results(house, house.session)
    assert refused == {"ok": False, "error": f"more than {MAX_ASKED} tools run already"}
    assert len(server.asked) == MAX_RUNNING
    server.go.set()
    await results(house, house.session, MAX_ASKED + 1)
    assert len(server.asked) == MAX_ASKED
    await hang_up(house, call)
