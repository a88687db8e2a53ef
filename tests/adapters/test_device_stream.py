"""Opening microphone and speaker: by name, at a rate that both take, or with a reason."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from agentvoice.adapters.device_rate import FILL_MS, RateConverter
from agentvoice.adapters.device_stream import (
    COMMON_RATES_HZ,
    DeviceNames,
    open_duplex_stream,
    rates_to_try,
)
from agentvoice.adapters.sound_devices import SoundDevice
from agentvoice.errors import AudioDeviceError, UsageError
from tests.fakes.sound_card import FakePortAudio

MACHINE = (("Card", 2, 2, 44_100.0), ("USB headset", 1, 2, 48_000.0))

Machine = Callable[..., FakePortAudio]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    def make(**options: Any) -> FakePortAudio:
        made = FakePortAudio(*MACHINE, **options)
        monkeypatch.setitem(sys.modules, "sounddevice", made)
        return made

    return make


def block(*arguments: object) -> None:
    """The call's callback."""


def stopped() -> None:
    """The call's end."""


def test_the_named_devices_are_opened_at_the_call_rate(machine: Machine):
    """Nothing is converted where the devices take 24 kHz; the delay is that of their queues."""
    port_audio = machine()
    stream = open_duplex_stream(DeviceNames("usb", "0"))(block, stopped)
    (options,) = port_audio.opened
    assert (options["device"], options["samplerate"], options["blocksize"]) == ((1, 0), 24_000, 480)
    assert (options["channels"], options["dtype"]) == (1, "int16")
    assert options["callback"].usual_output_delay_s == 0.03
    assert options["finished_callback"] is stopped
    assert stream.delay_ms == 40
    stream.close()
    assert port_audio.streams[0].is_closed


def test_another_rate_is_converted(machine: Machine):
    """The first rate that both take is used, in blocks as long as the call's."""
    port_audio = machine(rates_hz=(48_000,))
    stream = open_duplex_stream(DeviceNames())(block, stopped)
    assert [options["samplerate"] for options in port_audio.opened] == [24_000, 44_100, 48_000]
    assert port_audio.opened[-1]["blocksize"] == 960
    assert isinstance(port_audio.opened[-1]["callback"], RateConverter)
    assert stream.delay_ms == 40 + FILL_MS


def test_rates_are_tried_in_the_order_of_their_worth():
    """The call's own, the speaker's, the microphone's, the usual ones; each once."""
    microphone, speaker = SoundDevice(0, "m", 1, 0, 11_025), SoundDevice(1, "s", 0, 1, 48_000)
    assert rates_to_try(microphone, speaker) == [24_000, 48_000, 11_025, *COMMON_RATES_HZ[1:]]


def test_devices_without_a_common_rate_are_explained(machine: Machine):
    """All rates were tried; the error says what to take instead."""
    machine(rates_hz=())
    with pytest.raises(AudioDeviceError, match=r"Invalid sample rate.*`default` or `pulse`"):
        open_duplex_stream(DeviceNames())(block, stopped)


def test_a_device_that_cannot_be_opened_is_explained_at_once(machine: Machine):
    """Other rates do not help a busy device; the error names both devices."""
    port_audio = machine(refusal=("Error opening RawStream: Device unavailable", -9985))
    with pytest.raises(AudioDeviceError) as refused:
        open_duplex_stream(DeviceNames("usb", ""))(block, stopped)
    assert len(port_audio.opened) == 1
    for words in ("microphone 'USB headset'", "speaker 'Card'", "Device unavailable", "another program"):
        assert words in str(refused.value)


def test_a_stream_that_does_not_start_is_closed(machine: Machine):
    """What was opened is released before the error is told."""
    port_audio = machine()
    port_audio.start_refusal = (
        "Error starting stream: Unanticipated host error",
        -9999,
        (0, -5, "I/O error"),
    )
    with pytest.raises(AudioDeviceError, match="I/O error; the sound server does not answer"):
        open_duplex_stream(DeviceNames())(block, stopped)
    assert port_audio.streams[0].is_closed


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (DeviceNames("flute"), "--input: got 'flute'"),
        (DeviceNames("", "drum", speaker_option="sound.output"), "sound.output: got 'drum'"),
    ],
)
def test_a_wrong_name_names_its_origin(machine: Machine, names: DeviceNames, words: str):
    """The option or the setting that holds it; nothing is opened."""
    port_audio = machine()
    with pytest.raises(UsageError) as refused:
        open_duplex_stream(names)(block, stopped)
    assert words in str(refused.value)
    assert port_audio.opened == []


def test_what_libraries_write_does_not_reach_the_terminal(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """ALSA writes to standard error by itself; while a stream opens, that goes nowhere, later it is back."""
    port_audio = machine()
    listed = port_audio.query_devices()

    def noisy() -> list[dict[str, object]]:
        os.write(2, b"ALSA lib confmisc.c: nonsense\n")
        return listed

    monkeypatch.setattr(port_audio, "query_devices", noisy, raising=False)
    open_duplex_stream(DeviceNames())(block, stopped)
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"
