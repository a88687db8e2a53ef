"""The network goes while a call is live: the same call goes on, or its end is said."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.realtime_provider import Provider
from tests.page.conftest import PATIENCE_S, ends, greets, sings
from tests.page.house import HEARD, PageHouse, Visit
from tests.page.line import line_to

pytestmark = pytest.mark.asyncio(loop_scope="module")


def forget_refusals(visit: Visit) -> None:
    """The browser's own notes of a line that is cut are no faults of the page."""
    visit.faults = [fault for fault in visit.faults if "ERR_" not in fault]


async def test_a_call_is_taken_up_again_after_a_loss(house: PageHouse, speaker: Provider):
    """The page says that it reconnects; then the rest of the answer is heard, in the same call."""
    async with line_to(house.address) as line, house.visit(address=line.address) as visit:
        await visit.call()
        session = await speaker.session()
        await session.next("response.create")
        await sings(session, "greeting", "one two three four five six", 6_000)
        await ends(session, "greeting", "one two three four five six")
        await visit.hear(1_000)
        call = await visit.live("callId")
        line.cut()
        await visit.page.get_by_text("Reconnecting", exact=True).wait_for()
        await visit.hear_silence(300)
        await visit.page.evaluate(HEARD)
        line.mend()
        await visit.hear(3_000)
        assert await visit.live("callId") == call
        await visit.hear_silence(500)
        await session.turn("u1", "Are you there?")
        await sings(session, "r2", "I am.", 300)
        await ends(session, "r2", "I am.")
        await visit.see("I am.")
        await visit.hear(100)
        await visit.hear_silence(500)
        await visit.press("Hang up")
        await visit.page.get_by_role("heading", name="Call ended").wait_for()
        await visit.see("Thread: published")
        forget_refusals(visit)
    shown = (await house.program.must("call", "show", call, "--json")).document
    assert shown["end_reason"] == "caller"
    said = [(item["text"], item["status"]) for item in shown["items"] if item["role"] == "agent"]
    assert said == [("one two three four five six", "completed"), ("I am.", "completed")]
    assert [item["kind"] for item in shown["items"]].count("notice") == 1  # what of the caller was lost


async def test_a_call_that_ended_meanwhile_is_over_in_the_page_too(house: PageHouse, speaker: Provider):
    """An operator ends it while the line is cut: the page says that it cannot go on, and shows what it has."""
    async with line_to(house.address) as line, house.visit(address=line.address) as visit:
        await visit.call()
        await greets(speaker)
        await visit.hear()
        line.cut()
        await visit.page.get_by_text("Reconnecting", exact=True).wait_for()
        await house.program.must("call", "end", await visit.live("callId"))
        line.mend()
        await visit.page.get_by_role("heading", name="Call ended").wait_for()
        await visit.see("The call could not be taken up again.")
        await visit.see("Hello, this is Ada.")
        forget_refusals(visit)


async def test_leaving_the_page_hangs_up(house: PageHouse, speaker: Provider):
    """A page that is left does not come back: the call ends at once instead of being held."""
    async with house.visit() as visit:
        await visit.call()
        await greets(speaker)
        await visit.hear()
        call = await visit.live("callId")
        visit.page.on("dialog", lambda dialog: dialog.accept())  # "Leave the page?"
        await visit.page.goto("about:blank")
        async with asyncio.timeout(PATIENCE_S):  # a third of the time that it would be held
            while (shown := await house.program.must("call", "show", call, "--json")).document[
                "state"
            ] != "ended":
                pass
        assert shown.document["end_reason"] == "caller"
