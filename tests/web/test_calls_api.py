"""Calls over HTTP: history and search, and what operators ask of live ones."""

from __future__ import annotations

import pytest

from agentvoice.core.call import EndReason
from agentvoice.core.leg import PublishingChanged
from agentvoice.core.speech import Respond
from tests.services.press import CALL_ID
from tests.web.api_scene import NO_CALL, Scene


async def test_a_switch_answers_when_it_is_done(call_scene: Scene):
    """204, and the new agent has been asked to speak."""
    await call_scene.house.live_call()
    (call,) = call_scene.house.manager.live_calls
    assert await call_scene.ask("POST", f"/calls/{call}/switch", {"agent": "max"}) == (204, None)
    assert call_scene.house.session.told[-1] == Respond("Max speaking.")


async def test_a_switch_that_fails_says_why(call_scene: Scene):
    """The call goes on with the old agent; the operator gets the reason and the CLI's exit code."""
    call = await call_scene.house.live_call()
    path = f"/calls/{call_scene.house.manager.live_calls[0]}/switch"
    for agent, words in (("ada", "speaking already"), ("eve", "cannot hand over to 'eve'")):
        status, failure = await call_scene.ask("POST", path, {"agent": agent})
        assert (status, failure["exit_code"]) == (409, 1)
        assert words in failure["error"]
    assert not call.done()


@pytest.mark.parametrize("body", [{}, {"agnt": "max"}, {"agent": 5}, [], {"agent": "max", "more": 1}])
async def test_a_wrong_body_names_what_is_wrong(call_scene: Scene, body: object):
    """400 before the call is looked for; nothing is switched."""
    status, failure = await call_scene.ask("POST", f"/calls/{NO_CALL}/switch", body)
    assert (status, failure["exit_code"]) == (400, 2)
    assert failure["error"].startswith("body: ")


async def test_a_call_is_ended(call_scene: Scene):
    """204, and the call ends as the operator's."""
    call = await call_scene.house.live_call()
    (live,) = call_scene.house.manager.live_calls
    assert await call_scene.ask("POST", f"/calls/{live}/end") == (204, None)
    assert (await call).reason is EndReason.OPERATOR


async def test_a_live_call_is_kept_unpublished_and_its_caller_sees_it(call_scene: Scene):
    """204, stored at once, and shown in the call."""
    await call_scene.house.live_call()
    (live,) = call_scene.house.manager.live_calls
    assert await call_scene.ask("POST", f"/calls/{live}/do-not-publish") == (204, None)
    assert call_scene.house.call(live).do_not_publish
    assert call_scene.house.leg.shown_of(PublishingChanged)[-1].refused


@pytest.mark.parametrize("verb", ["switch", "end", "do-not-publish"])
async def test_a_call_that_is_not_there_is_not_found(call_scene: Scene, verb: str):
    """404 with the id."""
    body = {"agent": "max"} if verb == "switch" else {}
    status, failure = await call_scene.ask("POST", f"/calls/{NO_CALL}/{verb}", body)
    assert (status, failure["exit_code"]) == (404, 3)
    assert NO_CALL in failure["error"]


async def test_calls_are_shown_and_searched(scene: Scene):
    """The documents of `call show` and `call list`; every word must be in what was said, or who took part."""
    scene.press.finish_call()
    scene.press.finish_call("0191" * 8, (("", "Where is the harbour?"), ("ada", "By the sea.")))
    assert [each["id"] for each in (await scene.get("/calls"))["calls"]] == ["0191" * 8, CALL_ID]
    for query, found in (
        ("HARBOUR", ["0191" * 8]),
        ("harbour ada", ["0191" * 8]),
        ("harbour morning", []),
        ("home", ["0191" * 8, CALL_ID]),
        ("100%25", []),
    ):
        calls = (await scene.get(f"/calls?query={query}"))["calls"]
        assert [each["id"] for each in calls] == found, query
    assert len((await scene.get("/calls?limit=1"))["calls"]) == 1
    assert [each["id"] for each in (await scene.get(f"/calls?before={'0191' * 8}"))["calls"]] == [CALL_ID]
    assert (await scene.get("/calls?state=live&project=home&agent=ada")) == {"calls": []}
    document = await scene.get(f"/calls/{CALL_ID}")
    assert next(item["text"] for item in document["items"]) == "Good morning."
    assert (await scene.get("/calls/last"))["id"] == "0191" * 8


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "limit: got 0, want a whole number from 1 to 1000"),
        ("limit=many", "limit: got the text 'many', want a whole number"),
        ("state=lost", "state: got the text 'lost', want one of connecting, live"),
        ("querry=x", "querry: unknown key; did you mean query?"),
        ("limit=1&limit=2", "got a parameter twice"),
        ("query=%00", "want text without control characters"),
    ],
)
async def test_a_wrong_question_is_told_what_is_wanted(scene: Scene, query: str, words: str):
    """One clear error with the command line's exit code beside it."""
    status, failure = await scene.ask("GET", f"/calls?{query}")
    assert (status, failure["exit_code"]) == (400, 2)
    assert words in failure["error"]
