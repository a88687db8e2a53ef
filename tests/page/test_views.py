"""Each view as people meet it: without a fault that axe-core finds, in light, in dark and on a phone.

The pictures are kept in build/page, to be looked at.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.fakes.realtime_provider import Provider
from tests.page.conftest import ends, greets, sings
from tests.page.house import HEARD, PageHouse, Visit, look_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
AXE = ROOT / "tests" / "peers" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = ROOT / "build" / "page"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1060, "height": 680}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": DESK},
    "dark": {"color_scheme": "dark", "viewport": DESK},
    "phone": {"color_scheme": "light", "viewport": PHONE, "has_touch": True, "is_mobile": True},
    "phone-dark": {"color_scheme": "dark", "viewport": PHONE, "has_touch": True, "is_mobile": True},
}


async def converse(visit: Visit, speaker: Provider, agent: str = "Ada") -> None:
    """Begin a call in which both have said something, something was cut, and somebody else came."""
    await visit.call(agent)
    session = await greets(speaker, "Hello, this is Ada. How can I help?", 200)
    await visit.hear()
    await visit.hear_silence(300)
    await visit.page.evaluate(HEARD)
    await session.turn("u1", "Could you tell me how far away the moon is?")
    await sings(session, "r1", "The moon is about 384,400 kilometres away, which is thirty times", 4_000)
    await visit.see("thirty times")
    await visit.hear(1_000)
    await visit.press("Interrupt")
    await session.next("conversation.item.truncate")
    await session.ends("r1", "cancelled")
    await session.turn("u2", "And how long does light take?", "u1")
    await sings(session, "r2", "About 1.3 seconds.", 300)
    await ends(session, "r2", "About 1.3 seconds.")
    await visit.see("About 1.3 seconds.")
    await visit.see("Listening")


async def finish(visit: Visit) -> str:
    """Hang up; return the call's id."""
    call: str = await visit.live("callId")
    await visit.press("Hang up")
    await visit.page.get_by_role("heading", name="Call ended").wait_for()
    return call


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(house: PageHouse, speaker: Provider) -> dict[str, str]:
    """Two calls that are over: one is published, one waits for review."""
    async with house.visit() as visit:
        await converse(visit, speaker)
        published = await finish(visit)
        await visit.see("Thread: published")
        await visit.go("start")
        await visit.page.get_by_label("Project").select_option("careful")
        await converse(visit, speaker)
        careful = await finish(visit)
        await visit.see("Thread: waiting for review")
    return {"published": published, "careful": careful}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(house: PageHouse) -> AsyncIterator[Browser]:
    async with house.browser() as opened:
        yield opened


@asynccontextmanager
async def looks(house: PageHouse, browser: Browser, **options: Any) -> AsyncIterator[dict[str, Visit]]:
    """The page in each look at once."""
    async with AsyncExitStack() as stack:
        visits = {}
        for name, look in LOOKS.items():
            made = await browser.new_context(reduced_motion="reduce", **look, **options)
            context = await stack.enter_async_context(made)
            visits[name] = await stack.enter_async_context(look_in(context, house.address))
        yield visits


async def examine(visit: Visit, view: str, look: str) -> None:
    """Keep a picture of what is shown; fail for what axe-core finds, or for what does not fit."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await visit.page.screenshot(path=PICTURES / f"{view}-{look}.png", full_page=True)
    await visit.page.evaluate(AXE.read_text())
    run = "(rules) => axe.run(document, { runOnly: { type: 'tag', values: rules } })"
    found = await visit.page.evaluate(run, RULES)
    shown = [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found["violations"]]
    assert shown == [], json.dumps(shown, indent=1)
    assert len(found["passes"]) > 10
    assert await visit.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


VIEWS = {
    "start": ("start", "Call Ada"),
    "past-call": ("calls/{published}", "Thread: published"),
    "past-calls": ("history", "Waiting for review"),
    "agents": ("agents", "Max of the tests"),
    "agent": ("agents/ada", "Revision 1"),
    "new-agent": ("agents/new", "Short name"),
    "projects": ("projects", "Read before it goes"),
    "project": ("projects/careful", "What becomes of a finished call"),
    "review-queue": ("review", "Read before it goes|careful"),
    "review": ("review/{careful}", "Approve and publish"),
    "sound": ("sound", "Check the microphone"),
}


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_is_fit_for_everybody(
    house: PageHouse, browser: Browser, calls: dict[str, str], view: str
):
    """Axe-core finds nothing in it, light or dark, and it fits a phone's width."""
    route, text = VIEWS[view]
    async with looks(house, browser) as visits:
        for look, visit in visits.items():
            await visit.go(route.format(**calls))
            await visit.page.get_by_text(text.split("|")[-1]).first.wait_for()
            await examine(visit, view, look)


async def test_the_question_before_unpublishing_is_fit_for_everybody(
    house: PageHouse, browser: Browser, calls: dict[str, str]
):
    """The same holds for the box that asks, which has the keyboard while it is open."""
    async with looks(house, browser) as visits:
        for look, visit in visits.items():
            await visit.go(f"calls/{calls['published']}")
            await visit.press("Unpublish")
            await visit.page.get_by_role("dialog").wait_for()
            assert await visit.page.evaluate("document.activeElement.textContent") == "Keep it published"
            await examine(visit, "unpublish", look)


async def test_a_live_call_is_fit_for_everybody(house: PageHouse, browser: Browser, speaker: Provider):
    """The same holds while the call goes on, and when it has just ended."""
    async with looks(house, browser) as visits:
        for look, visit in visits.items():
            await converse(visit, speaker)
            await examine(visit, "call", look)
            await finish(visit)
            await visit.see("Thread: published")
            await examine(visit, "call-ended", look)


async def test_the_sign_in_view_is_fit_for_everybody(house: PageHouse, browser: Browser):
    """The same holds for what somebody sees whom the daemon does not know."""
    async with looks(house, browser, extra_http_headers={"X-Forwarded-For": "192.0.2.1"}) as visits:
        for look, visit in visits.items():
            await visit.go("start")
            await visit.page.get_by_label("Token").wait_for()
            await examine(visit, "sign-in", look)
            visit.faults.clear()  # the browser's own note of the refusal
