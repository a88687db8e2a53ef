"""Threads over HTTP: where they stand, and what is decided of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agentvoice.adapters.daemon_client import DaemonClient
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import NotFound
from agentvoice.protocols.publication_documents import PublicationChange
from agentvoice.web.app import build_control_app
from tests.fakes.relay_server import accept, give, relay_server
from tests.services.press import CALL_ID
from tests.web.api_scene import Scene

PATH = f"/publications/{CALL_ID}"


async def signed(scene: Scene) -> None:
    """A thread that is signed and not sent."""
    scene.press.finish_call()
    await scene.press.publisher().prepare(CALL_ID)


async def test_a_thread_is_shown_as_the_command_shows_it(scene: Scene):
    """The same document, by id or as the last one; there is no review."""
    await signed(scene)
    document = await scene.get(PATH)
    assert (document["call"], document["review"]) == (CALL_ID, None)
    assert document["publication"]["relays"][0]["states"] == {"waiting": 4}
    assert document["publication"]["summary"].startswith("Not published yet: 0 of 1 relays")
    assert await scene.get("/publications/last") == document


async def test_threads_are_listed(scene: Scene):
    """A page of summaries, by state."""
    await signed(scene)
    found = (await scene.get("/publications?state=queued&limit=5"))["publications"]
    assert [(each["call"], each["relays"], each["complete_relays"]) for each in found] == [(CALL_ID, 1, 0)]
    assert await scene.get(f"/publications?before={CALL_ID}") == {"publications": []}


async def test_a_thread_is_dropped_and_tried_again(scene: Scene):
    """Each answers how many deliveries it changed and where the thread stands, and wakes the publisher."""
    await signed(scene)
    assert await scene.ask("POST", f"{PATH}/drop", {"relay": "wss://relay.example"}) == (
        200,
        {"call": CALL_ID, "deliveries": 4, "state": "failed"},
    )
    assert await scene.ask("POST", "/publications/last/retry") == (
        200,
        {"call": CALL_ID, "deliveries": 4, "state": "queued"},
    )
    assert scene.woken == ["publisher"] * 2
    status, failure = await scene.ask("POST", f"{PATH}/retry", {"relay": "wss://other.example"})
    assert (status, failure["exit_code"]) == (404, 3)


async def test_what_a_relay_lost_is_sent_again(scene: Scene):
    """As by `publication retry --resend`: read back, queued again, and told what is there."""
    async with relay_server(on_event=accept) as liar:
        scene.press.change_project(relays=(liar.address,))
        await signed(scene)
        publisher = scene.press.publisher()
        await publisher.deliver_due()
        lost = (await publisher.publication(CALL_ID)).events[1].event.id
        liar.on_request = give(liar, {lost})
        status, document = await scene.ask("POST", "/publications/last/resend", {"relay": liar.address})
        assert status == 200, document
        (check,) = document.pop("verification")
        assert document == {"call": CALL_ID, "deliveries": 1, "state": "queued", "lost": 1}
        assert (check["events"], check["expected"], check["lost"]) == (3, 4, [lost])
        assert scene.woken == ["publisher"]


async def test_a_thread_is_taken_back(scene: Scene):
    """For good: its relays are named, the publisher is woken, and nothing of it is sent again."""
    async with relay_server(on_event=accept) as relay:
        scene.press.change_project(relays=(relay.address,))
        await signed(scene)
        publisher = scene.press.publisher()
        await publisher.deliver_due()
        assert await scene.ask("POST", f"{PATH}/unpublish") == (
            200,
            {"call": CALL_ID, "state": "none", "relays": [relay.address]},
        )
        assert scene.woken == ["publisher"]
        await publisher.sweep()
    assert [event["kind"] for event in relay.events] == [1, 1, 1, 1, 5, 5, 5]
    assert (await scene.get(PATH))["publication"]["unpublished_at"] is not None
    status, failure = await scene.ask("POST", f"{PATH}/resend")
    assert (status, failure["exit_code"]) == (403, 4)


async def test_a_private_thread_cannot_be_taken_back(scene: Scene):
    """Its wraps are signed by keys that nobody has any more: refused, as the command does."""
    async with relay_server(on_event=accept) as relay:
        scene.press.change_project(relays=(relay.address,))
        scene.press.finish_call(policy=PublishPolicy.PRIVATE)
        await scene.press.publisher().prepare(CALL_ID)
        status, failure = await scene.ask("POST", f"{PATH}/unpublish")
    assert (status, failure["exit_code"]) == (403, 4)
    assert "a private thread cannot be taken back" in failure["error"]
    assert scene.woken == []


async def test_a_call_is_reviewed_edited_and_approved(scene: Scene):
    """The review is shown with the thread; an edit shows in it; after the approval both are refused."""
    scene.press.finish_call(policy=PublishPolicy.REVIEW)
    assert next(turn["text"] for turn in (await scene.get(PATH))["review"]["turns"]) == "Good morning."
    status, document = await scene.ask("PUT", f"{PATH}/turns/1", {"text": "Good evening."})
    assert (status, document["review"]["turns"][0]["text"]) == (200, "Good evening.")
    _, document = await scene.ask("PUT", f"{PATH}/turns/2", {"text": ""})
    assert (document["review"]["turns"][1]["text"], document["review"]["edited"]) == (None, 2)
    _, document = await scene.ask("PUT", f"{PATH}/turns/1", {"text": None})
    assert (document["review"]["turns"][0]["text"], document["review"]["edited"]) == ("Good morning.", 1)
    _, document = await scene.ask("POST", f"{PATH}/approve")
    assert document == {"call": CALL_ID, "deliveries": 0, "state": "queued"}
    for method, path, body in (
        ("PUT", "turns/1", {"text": "x"}),
        ("POST", "approve", {}),
        ("POST", "reject", {}),
    ):
        status, failure = await scene.ask(method, f"{PATH}/{path}", body)
        assert (status, failure["exit_code"]) == (403, 4), path
        assert "does not wait for review" in failure["error"]


async def test_a_call_is_rejected(scene: Scene):
    """It will not be published; the reason is kept."""
    scene.press.finish_call(policy=PublishPolicy.REVIEW)
    _, document = await scene.ask("POST", f"{PATH}/reject", {"reason": "names a child"})
    assert document["state"] == "none"
    assert (await scene.get(PATH))["publication"]["error"] == "rejected by the operator: names a child"


async def test_the_command_line_reaches_it_over_the_control_socket(scene: Scene, tmp_path: Path):
    """The client of `publication retry`: the daemon's answer, and its refusals as ours."""
    await signed(scene)
    runner = web.AppRunner(build_control_app(scene.house.manager, str, scene.desks), handle_signals=False)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "socket")).start()
    client = DaemonClient(tmp_path / "socket")
    assert await client.retry_publication("last") == PublicationChange(CALL_ID, 4, "queued")
    assert scene.woken == ["publisher"]
    with pytest.raises(NotFound, match="no such call"):
        await client.retry_publication("f" * 32)
    await runner.cleanup()


@pytest.mark.parametrize("turn", ["0", "4", "one", "9999999", "²"])
async def test_a_turn_that_is_not_there_is_not_found(scene: Scene, turn: str):
    """Turns are numbered from 1, as in the review."""
    scene.press.finish_call(policy=PublishPolicy.REVIEW)
    status, failure = await scene.ask("PUT", f"{PATH}/turns/{turn}", {"text": "x"})
    assert (status, failure["error"].split(":")[0]) == (404, "turn")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/publications/" + "f" * 32, None, 404, "no such call"),
        (
            "GET",
            "/publications?state=lost",
            None,
            400,
            "state: got the text 'lost', want one of none, review",
        ),
        ("GET", "/publications?limit=0", None, 400, "limit: got 0, want a whole number from 1 to 1000"),
        ("GET", "/publications?limit=99999", None, 400, "limit: got 99999"),
        ("GET", "/publications?limit=%C2%B2", None, 400, "limit: got the text '²'"),
        ("POST", f"{PATH}/retry", {"realy": "x"}, 400, "unknown field `realy`"),
        ("PUT", f"{PATH}/turns/1", {}, 400, "missing required field `text`"),
        ("POST", "/publications/" + "f" * 32 + "/drop", {}, 404, "no such call"),
        ("POST", "/publications/" + "f" * 32 + "/unpublish", {}, 404, "no such call"),
        ("POST", "/publications/" + "f" * 32 + "/resend", {}, 404, "no such call"),
        ("POST", f"{PATH}/unpublish", {"yes": True}, 400, "unknown field `yes`"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wanted(
    scene: Scene, method: str, path: str, body: Any, status: int, words: str
):
    """One clear error with the command line's exit code beside it."""
    got, failure = await scene.ask(method, path, body)
    assert got == status
    assert words in failure["error"]
