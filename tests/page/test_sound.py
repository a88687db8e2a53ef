"""Microphone and speaker: choosing them, losing them, having none, and devices of another rate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.realtime_provider import Provider
from tests.page.conftest import ends, greets, hears_speech, sings
from tests.page.house import LOUD, PageHouse
from tests.page.spoken import person, record

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTE_MICROPHONES = """
  window.opened = [];
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wish) => {
    const stream = await open(wish);
    window.opened.push({ wish: wish.audio, stream });
    return stream;
  };
"""
NO_MICROPHONE = """
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("none", "NotFoundError"); };
"""
RATE_48_KHZ = """
  const Usual = window.AudioContext;
  window.AudioContext = class extends Usual { constructor(wish) { super({ ...wish, sampleRate: 48000 }); } };
"""
WISHES = "() => window.opened.map(({ wish }) => [wish.deviceId?.ideal ?? '', wish.echoCancellation, wish.noiseSuppression])"
LOUD_TIMES = f"window.heard.filter(([, level]) => level > {LOUD}).map(([at]) => at)"
LOSE_MICROPHONE = """() => {
  for (const track of window.opened.at(-1).stream.getTracks()) track.stop();
  navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
}"""


async def test_devices_are_chosen_and_the_choice_is_kept(house: PageHouse):
    """The level moves; what is chosen is asked of the browser at once, and again after a reload."""
    async with house.visit(script=NOTE_MICROPHONES) as visit:
        page = visit.page
        await visit.go("sound")
        await visit.press("Check the microphone")
        await page.wait_for_function("() => document.querySelector('meter').value > 0.05")
        await page.wait_for_function("() => document.querySelectorAll('select')[0].options.length > 1")
        microphone = await page.get_by_label("Microphone").locator("option").nth(1).get_attribute("value")
        await page.get_by_label("Microphone").select_option(microphone)
        await page.get_by_label("Take out echo").uncheck()
        await page.wait_for_function("() => window.opened.length === 3")
        assert await page.evaluate(WISHES) == [
            ["", True, True],
            [microphone, True, True],
            [microphone, False, True],
        ]
        await page.reload()
        await visit.press("Check the microphone")
        await page.wait_for_function("() => window.opened.length === 1")
        assert await page.evaluate(WISHES) == [[microphone, False, True]]


async def test_a_microphone_that_goes_is_replaced_in_the_call(
    house: PageHouse, speaker: Provider, microphone: Path
):
    """The device is unplugged: the next one is opened, and the provider hears the caller again."""
    record(microphone, [person(2) for _ in range(15)])
    async with house.visit(microphone, script=NOTE_MICROPHONES) as visit:
        await visit.call()
        session = await greets(speaker)
        await hears_speech(session)
        await visit.page.evaluate(LOSE_MICROPHONE)
        await visit.page.wait_for_function("() => window.opened.length === 2")
        while session.link.has_unread:
            await session.link.expect_any()
        await hears_speech(session)
        await visit.press("Hang up")
        await visit.page.get_by_role("heading", name="Call ended").wait_for()


async def test_without_a_microphone_the_call_goes_on_by_typing(house: PageHouse, speaker: Provider):
    """The page says what is missing; the agent is heard, and typed words reach it."""
    async with house.visit(script=NO_MICROPHONE) as visit:
        await visit.call()
        session = await greets(speaker)
        await visit.see("There is no microphone. Plug one in, or type instead.")
        await visit.hear()
        await visit.page.get_by_label("Type instead of speaking").fill("How far is the moon?")
        await visit.press("Send")
        await session.next("conversation.item.create")
        await session.next("response.create")
        await sings(session, "r2", "384,400 kilometres.", 500)
        await ends(session, "r2", "384,400 kilometres.")
        await visit.see("384,400 kilometres.")
        await visit.press("Hang up")
        await visit.page.get_by_role("heading", name="Call ended").wait_for()


async def test_devices_of_another_rate_are_resampled(house: PageHouse, speaker: Provider, microphone: Path):
    """In a context of 48 kHz both ways are heard, and the answer takes as long as it should."""
    record(microphone, [person(2) for _ in range(10)])
    async with house.visit(microphone, script=RATE_48_KHZ) as visit:
        await visit.call()
        session = await greets(speaker, ms=2_000)
        await visit.page.wait_for_function(f"() => {LOUD_TIMES}.length")
        await visit.hear_silence(400)
        times = await visit.page.evaluate(LOUD_TIMES)
        assert 1_700 < times[-1] - times[0] < 2_400
        await hears_speech(session)
        await visit.press("Hang up")
        await visit.page.get_by_role("heading", name="Call ended").wait_for()
