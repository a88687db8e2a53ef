"""A client that may only call: after it hung up, the page shows it what became of its own calls, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.realtime_provider import Provider
from tests.page.house import PageHouse, Visit
from tests.page.line import line_to
from tests.page.test_managing import short_call
from tests.page.test_sign_in import stranger

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_S = 60.0


@asynccontextmanager
async def caller(house: PageHouse, address: str = "") -> AsyncIterator[Visit]:
    """A browser that is signed in by a token of its own, with scope `call`."""
    made = await house.program.must("token", "new", "caller", "--scope", "call", "--json")
    async with stranger(house, address=address) as visit:
        await visit.page.get_by_label("Token").fill(made.document["token"])
        await visit.press("Sign in")
        await visit.page.get_by_role("button", name="Call Ada").wait_for()
        yield visit


async def careful_call(visit: Visit, speaker: Provider, words: str) -> None:
    """A call that waits for review."""
    await visit.page.get_by_label("Project").select_option("careful")
    await short_call(visit, speaker, words)
    await visit.see("Thread: waiting for review")


async def published(house: PageHouse) -> None:
    """The newest call has its thread on the relay."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            shown = (await house.program.must("publication", "show", "last", "--json")).document
            if shown["publication"]["state"] == "published":
                return


async def test_a_caller_sees_its_thread_published(house: PageHouse, speaker: Provider):
    """Transcript, cost, each relay and the link, at once and among the past calls; nothing to decide or manage."""
    async with caller(house) as visit:
        await short_call(visit, speaker, "A heron stood there.")
        await visit.see("Thread: published")
        await visit.see("The relay on this machine")
        link = visit.page.get_by_role("link", name="nostr:nevent")
        assert (await link.get_attribute("href") or "").startswith("nostr:nevent1")
        assert await visit.page.get_by_text("Cost").locator("..").inner_text() != "Cost\n$0.00"
        assert await visit.page.get_by_role("navigation").get_by_role("link").all_inner_texts() == [
            "Call",
            "Past calls",
            "Sound",
        ]
        await visit.page.get_by_role("link", name="Details of this call").click()
        await (
            visit.page.get_by_role("region", name="Transcript").get_by_text("A heron stood there.").wait_for()
        )
        await visit.see("Thread: published")
        own = visit.page.url.rpartition("/")[2]
    async with caller(house) as visit:
        await short_call(visit, speaker, "An albatross came.")
        await visit.go("history")
        calls = visit.page.get_by_role("region", name="Calls").get_by_role("link")
        await calls.first.wait_for()
        assert await calls.count() == 1  # the first one was another caller's
        await calls.click()
        await visit.page.get_by_role("region", name="Transcript").get_by_text("An albatross came.").wait_for()
        await visit.go("history")
        await visit.page.get_by_role("searchbox").fill("heron")
        await visit.press("Search")
        await visit.see("No call was found.")
        await visit.go(f"calls/{own}")
        await visit.page.get_by_role("alert").get_by_text("no such call").wait_for()


async def test_a_thread_that_gets_on_is_shown_by_itself(house: PageHouse, speaker: Provider):
    """Approved by somebody else, it turns to published in the caller's page; deciding is not offered there."""
    async with caller(house) as visit:
        await careful_call(visit, speaker, "The number is 42.")
        assert await visit.page.get_by_role("link", name="Read and decide").count() == 0
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        await house.program.must("publication", "approve", "last")
        await visit.see("Thread: published")
        assert {url.rpartition("/api/v1/")[2].partition("/")[0] for url in asked} == {"calls"}


async def test_what_happened_while_the_stream_was_lost_is_read_again(house: PageHouse, speaker: Provider):
    """The line is cut while the thread is published; once it is back the page shows it."""
    async with line_to(house.address) as line, caller(house, line.address) as visit:
        await careful_call(visit, speaker, "The number is 43.")
        line.cut()
        await house.program.must("publication", "approve", "last")
        await published(house)
        await visit.see("Thread: waiting for review")
        line.mend()
        await visit.see("Thread: published")
        visit.faults = [fault for fault in visit.faults if "ERR_" not in fault]


HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


async def test_a_page_without_its_stream_reads_again(house: PageHouse, speaker: Provider):
    """In a tab that nobody sees the stream rests; whoever looks at it again, or is refused a stream, is up to date."""
    async with caller(house) as visit:
        await careful_call(visit, speaker, "The number is 44.")
        await visit.page.evaluate(HIDE, True)
        await house.program.must("publication", "approve", "last")
        await published(house)
        await visit.see("Thread: waiting for review")
        await visit.page.evaluate(HIDE, False)
        await visit.see("Thread: published")
        await visit.page.route("**/api/v1/events", lambda route: route.fulfill(status=503))
        await visit.go("start")
        await careful_call(visit, speaker, "The number is 45.")
        await house.program.must("publication", "approve", "last")
        await visit.see("Thread: published")
        visit.faults = [fault for fault in visit.faults if "503" not in fault]
