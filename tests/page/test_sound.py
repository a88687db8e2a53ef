"""Microphone and speaker: choosing them, losing them, having none, and devices of another rate."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from agentvoice.adapters.resample import StreamResampler
from tests.fakes.realtime_provider import Provider
from tests.page.conftest import PATIENCE_S, RATE_HZ, ends, greets, hears_speech, sings
from tests.page.house import LOUD, PageHouse
from tests.page.spoken import MICROPHONE_HZ, person, record, silence

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
UNPROCESSED = (
    """localStorage.setItem("agentvoice.sound", '{"echo": false, "noise": false, "gain": false}');"""
)
TAP = """
  window.given = [];
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (this instanceof AudioWorkletNode && target === this.context.destination) {
      const tap = this.context.createScriptProcessor(4096, 1, 1);
      tap.onaudioprocess = ({ inputBuffer }) => window.given.push(...inputBuffer.getChannelData(0));
      connect.call(this, tap);
      connect.call(tap, this.context.destination);
    }
    return connect.call(this, target, ...rest);
  };
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


async def test_the_caller_s_sound_arrives_as_it_was(house: PageHouse, speaker: Provider, microphone: Path):
    """With the browser's processing off, what the provider gets is the recording, window by window."""
    spoken = person(6)
    record(microphone, [silence(0.5), spoken, silence(10)])
    async with house.visit(microphone, script=UNPROCESSED) as visit:
        await visit.call()
        session = await greets(speaker)
        got = b""
        async with asyncio.timeout(PATIENCE_S):
            while len(got) < 2 * RATE_HZ * 5:
                event = await session.link.expect_any()
                got += base64.b64decode(event.get("audio", ""))
        await visit.press("Hang up")
        await visit.page.get_by_role("heading", name="Call ended").wait_for()
    meant = StreamResampler(MICROPHONE_HZ, RATE_HZ).push(spoken)
    windows = [got[at : at + RATE_HZ] for at in range(RATE_HZ, len(got) - RATE_HZ, RATE_HZ)]  # 0.5 s each
    assert median(likeness(window, meant) for window in windows) > 0.95


async def test_the_agent_s_sound_is_played_as_it_was(house: PageHouse, speaker: Provider):
    """What the playback worklet gives out is what the provider sent, window by window, all of it."""
    spoken = StreamResampler(MICROPHONE_HZ, RATE_HZ).push(person(4))
    async with house.visit(script=TAP) as visit:
        await visit.call()
        session = await speaker.session()
        await session.next("response.create")
        await sings(session, "greeting", "Hello.", 0, spoken)
        await ends(session, "greeting", "Hello.")
        await visit.hear(3_000)
        await visit.hear_silence(500)
        given = np.asarray(await visit.page.evaluate("window.given"))
        await visit.press("Hang up")
        await visit.page.get_by_role("heading", name="Call ended").wait_for()
    heard = np.rint(given * 32_767).astype("<i2").tobytes()
    windows = [spoken[at : at + RATE_HZ] for at in range(0, len(spoken) - RATE_HZ, RATE_HZ)]
    assert median(likeness(window, heard) for window in windows) > 0.95
    loud = np.flatnonzero(np.abs(given) > 0.001)
    assert abs((loud[-1] - loud[0]) / RATE_HZ - len(spoken) / 2 / RATE_HZ) < 0.5


def likeness(window: bytes, meant: bytes) -> float:
    """Best correlation of a window with any place of what was meant."""
    part, whole = (np.frombuffer(sound, "<i2").astype(float) for sound in (window, meant))
    size = len(part) + len(whole)
    products = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    sums = np.concatenate(([0.0], np.cumsum(whole**2)))
    energies = sums[len(part) :] - sums[: -len(part)]  # of the stretch that begins at each place
    return float(np.max(products[: len(energies)] / (np.sqrt(energies * np.sum(part**2)) + 1)))


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
