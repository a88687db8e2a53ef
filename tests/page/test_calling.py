"""A person calls from the page: what is heard, seen, said, cut, handed over and published."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest

from tests.fakes.realtime_provider import Provider
from tests.page.conftest import PATIENCE_S, ends, greets, hears_speech, sings
from tests.page.house import LISTEN, PageHouse, Visit
from tests.page.spoken import person, record, silence

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def hang_up(visit: Visit) -> None:
    """Press the button, see that the call is over."""
    await visit.press("Hang up")
    await visit.page.get_by_role("heading", name="Call ended").wait_for()


async def test_a_call_is_answered_heard_and_published(house: PageHouse, speaker: Provider, microphone: Path):
    """The greeting is heard, the microphone reaches the provider, the thread's link is shown in the end."""
    record(microphone, [silence(1), person(3), silence(20)])
    async with house.visit(microphone) as visit:
        await visit.call()
        session = await greets(speaker)
        await visit.hear()
        await visit.see("Hello, this is Ada.")
        assert await hears_speech(session) > 0
        await session.turn("u1", "How far is the moon?")
        await sings(session, "r2", "384,400 kilometres.", 800)
        await ends(session, "r2", "384,400 kilometres.")
        await visit.see("How far is the moon?")
        await visit.see("384,400 kilometres.")
        await visit.hear_silence(300)
        assert await visit.page.get_by_text("Cost").locator("..").inner_text() != "Cost\n$0.00"
        await hang_up(visit)
        await visit.see("Thread: published")
        link = visit.page.get_by_role("link", name="nostr:nevent")
        assert (await link.get_attribute("href") or "").startswith("nostr:nevent1")


async def test_speaking_over_the_agent_stops_it(house: PageHouse, speaker: Provider, microphone: Path):
    """The sound stops at once, the provider is told how much was heard, the transcript says where it was cut."""
    record(microphone, [silence(3), person(2), silence(20)])
    async with house.visit(microphone) as visit:
        await visit.call()
        session = await speaker.session()
        await session.next("response.create")
        text = "one two three four five six seven eight nine ten"
        await sings(session, "greeting", text, 20_000)
        began = await visit.hear()
        at_ms = await hears_speech(session)
        await session.speech_started(at_ms)
        await session.next("conversation.item.truncate")
        await visit.hear_silence(300)
        silent = await visit.page.evaluate("performance.now()")
        (cut,) = session.sent("conversation.item.truncate")
        assert 500 < cut["audio_end_ms"] <= silent - began
        await session.ends("greeting", "cancelled")
        await session.speech_stopped(at_ms + 1_000)
        await session.committed("u1")
        await session.transcript("u1", "Wait!")
        await visit.see("Wait!")
        await visit.see(f"cut off after {cut['audio_end_ms'] / 1_000:.1f} s")
        await sings(session, "r2", "I wait.", 500)
        await ends(session, "r2", "I wait.")
        await visit.hear()
        await hang_up(visit)


async def test_the_agent_is_changed_by_a_button(house: PageHouse, speaker: Provider):
    """Max answers with his own voice in the same call, and the transcript says who spoke."""
    async with house.visit() as visit:
        await visit.call()
        await greets(speaker)
        await visit.hear()
        await visit.press("Max")
        session = await speaker.session()
        while (await session.link.expect_any())["type"] != "response.create":
            pass  # what was said so far, item by item
        await visit.hear_silence(300)
        await sings(session, "r1", "Max here.", 800)
        await ends(session, "r1", "Max here.")
        await visit.hear()
        await visit.page.get_by_role("heading", name="Call with Max").wait_for()
        await visit.see("Ada handed over to Max")
        await visit.see("Max here.")
        await hang_up(visit)


async def test_mute_sends_silence(house: PageHouse, speaker: Provider, microphone: Path):
    """While muted the provider gets sound without a word in it, and the button says so."""
    record(microphone, [person(2) for _ in range(10)])
    async with house.visit(microphone) as visit:
        await visit.call()
        session = await greets(speaker)
        await hears_speech(session)
        await visit.press("Mute")
        before = len(session.link.received)
        async with asyncio.timeout(PATIENCE_S):
            while len(session.link.received) < before + 100:
                await session.link.expect_any()
        muted = [event for event in session.link.received[before + 20 :] if event["type"].endswith("append")]
        assert muted and not any(base64.b64decode(event["audio"]).strip(b"\0") for event in muted)
        assert await visit.page.get_by_role("button", name="Mute").get_attribute("aria-pressed") == "true"
        await visit.press("Mute")
        await hears_speech(session)
        await hang_up(visit)


async def test_a_call_by_keyboard_alone(house: PageHouse, speaker: Provider):
    """Enter calls, Space interrupts, M mutes, words are typed, Escape hangs up once it is confirmed."""
    async with house.visit() as visit:
        await visit.go("start")
        page = visit.page
        await page.get_by_role("radio", name="Ada").focus()
        for _ in range(4):
            await page.keyboard.press("Tab")
            if (await page.evaluate("document.activeElement.textContent")).startswith("Call "):
                break
        await page.keyboard.press("Enter")
        session = await speaker.session()
        await session.next("response.create")
        await sings(session, "greeting", "one two three four five six", 10_000)
        await page.evaluate(LISTEN)
        await visit.hear(300)
        await page.keyboard.press("Space")
        await session.next("conversation.item.truncate")
        await session.ends("greeting", "cancelled")
        await page.keyboard.press("m")
        assert await visit.live("isMuted") is True
        await page.get_by_label("Type instead of speaking").focus()
        await page.keyboard.type("My name is Max")
        await page.keyboard.press("Enter")
        await visit.see("My name is Max")
        assert await visit.live("isMuted") is True  # what is typed is no shortcut
        page.on("dialog", lambda dialog: dialog.accept())
        await page.keyboard.press("Escape")
        await page.get_by_role("heading", name="Call ended").wait_for()


async def test_do_not_publish(house: PageHouse, speaker: Provider):
    """A press keeps the whole call off Nostr, before the call or in it; the page says so."""
    async with house.visit() as visit:
        await visit.call()
        await greets(speaker)
        await visit.see("will be published to the relay on this machine")
        await visit.press("Do not publish this call")
        await visit.see("This call will not be published.")
        await hang_up(visit)
        await visit.see("Thread: not published")
        assert await visit.page.get_by_role("link", name="nostr:").count() == 0


async def test_a_budget_that_is_nearly_spent_is_told(house: PageHouse, speaker: Provider):
    """The warning stands in the page while the call goes on, beside what it has cost."""
    await house.program.must("project", "add", "tight", "--new-key", "--budget", "0.035")
    async with house.visit() as visit:
        await visit.go("start")
        await visit.page.get_by_label("Project").select_option("tight")
        await visit.press("Call Ada")
        session = await greets(speaker)
        await session.next("response.create")  # the agent is to say it too
        await visit.page.locator(".warn").get_by_text("budget").wait_for()
        assert float((await visit.live("spent"))["cost_usd"]) > 0.028
        await visit.press("Interrupt")
        await hang_up(visit)
