"""The caller's end of a call, chosen by options."""

from __future__ import annotations

import os
import sys
import wave
from pathlib import Path

import pytest

from agentvoice.adapters.device_stream import DeviceNames
from agentvoice.adapters.echo_cancellation import EchoCanceller
from agentvoice.adapters.sound_device import SoundDeviceLeg
from agentvoice.adapters.text_leg import TextLeg
from agentvoice.adapters.wav_file import WavLeg
from agentvoice.cli.caller_leg import LegOptions, open_leg, typed_lines
from agentvoice.config import SoundSettings
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.echo import FullDuplex, HalfDuplexGate
from agentvoice.errors import AudioDeviceError, InvalidAudioFile, UsageError
from tests.fakes.clock import ManualClock
from tests.fakes.sound_card import FakePortAudio
from tests.fakes.wav_files import tones, wav_file


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    path = tmp_path / "caller.wav"
    path.write_bytes(wav_file(tones(24_000, 0.2, 440), 24_000))
    return path


@pytest.fixture
def truncated(spoken: Path) -> Path:
    spoken.write_bytes(spoken.read_bytes()[:-1_000])
    return spoken


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (LegOptions("a.wav", texts=("hi",)), "--say: got it with --input FILE"),
        (LegOptions("USB", texts=("hi",)), "--say: got it with --input FILE or DEVICE"),
        (LegOptions("a.wav", "speaker"), "--output: got speaker without a microphone"),
        (LegOptions("a.wav", "USB"), "--output: got USB without a microphone"),
        (LegOptions("mic", "speaker", ("hi",)), "--output: got speaker without a microphone"),
        (LegOptions("text", "speaker"), "--output: got speaker without a microphone"),
        (LegOptions("a.wav", has_headphones=True), "--headphones: got it without a microphone"),
        (LegOptions("a.wav", "./a.wav"), "want another file than --input"),
        (LegOptions("a.mp3"), "--input: got 'a.mp3', want mic, text, FILE.wav or a device"),
        (LegOptions("./recording"), "--input: got './recording', want mic, text, FILE.wav or a device"),
        (LegOptions("text", "a.ogg"), "--output: got 'a.ogg', want speaker, FILE.wav or a device"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: LegOptions, words: str):
    """The option is named, before any file or device is touched."""
    with pytest.raises(UsageError) as refused:
        options.check()
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        LegOptions(),
        LegOptions("mic", "speaker"),
        LegOptions("mic", "call.WAV"),
        LegOptions("mic", "call.wav", ("hi",)),
        LegOptions("text"),
        LegOptions("a.wav", "b.wav"),
        LegOptions("USB Headset", "HDA Intel: ALC257 Analog (hw:0,0)", has_headphones=True),
        LegOptions("2", "b.wav"),
    ],
)
def test_options_that_go_together_are_taken(options: LegOptions):
    """Microphone, typed turns and files, each with or without a recording."""
    options.check()
    assert (options.recording_path is not None) is (options.target.lower().endswith(".wav"))


@pytest.mark.parametrize(("texts", "source"), [(("hi",), "mic"), ((), "text")])
async def test_typed_turns_get_a_text_leg(texts: tuple[str, ...], source: str):
    """`--say` is enough; `text` reads lines."""
    async with open_leg(LegOptions(source, texts=texts), ManualClock(), print) as leg:
        assert isinstance(leg, TextLeg)


async def test_a_file_gets_a_leg_and_a_whole_recording(spoken: Path, tmp_path: Path):
    """When the block ends the recording is a valid file with what the agents said on the right."""
    output = tmp_path / "call.wav"
    async with open_leg(LegOptions("text", str(output)), ManualClock(), print) as leg:
        leg.play(AudioChunk(CALL_FORMAT, b"\1\0" * 2_400))
    with wave.open(str(output)) as file:
        assert (file.getnchannels(), file.getnframes()) == (2, 2_400)
        assert file.readframes(2_400) == b"\0\0\1\0" * 2_400
    async with open_leg(LegOptions(str(spoken)), ManualClock(), print) as leg:
        assert isinstance(leg, WavLeg)


async def test_a_wrong_input_costs_no_output(tmp_path: Path):
    """The input is read first: an earlier recording of that name is still there."""
    output = tmp_path / "call.wav"
    output.write_text("an earlier call")
    with pytest.raises(InvalidAudioFile):
        async with open_leg(LegOptions(str(tmp_path / "none.wav"), str(output)), ManualClock(), print):
            pass
    assert output.read_text() == "an earlier call"


async def test_a_warning_names_its_file(truncated: Path, capsys: pytest.CaptureFixture[str]):
    """What is wrong with a recording is told on stderr, and the call goes on."""
    async with open_leg(LegOptions(str(truncated)), ManualClock(), print):
        pass
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{truncated}: the file is truncated")


async def test_lines_are_read_until_the_end_of_input(monkeypatch: pytest.MonkeyPatch):
    """Each line is a turn, the last may lack its newline; a source that stays open ends nothing."""
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as source, os.fdopen(write_end, "w") as keyboard:
        monkeypatch.setattr(sys, "stdin", source)
        lines = typed_lines()
        keyboard.write("Hello\n")
        keyboard.flush()
        assert await anext(lines) == "Hello\n"
        keyboard.write("Bye")
        keyboard.close()
        assert [line async for line in lines] == ["Bye"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (LegOptions(), DeviceNames("", "", "sound.input", "sound.output")),
        (
            LegOptions(target="call.wav", sound=SoundSettings(input="USB", output="2")),
            DeviceNames("USB", "2", "sound.input", "sound.output"),
        ),
        (
            LegOptions("0", "speaker", sound=SoundSettings(input="USB")),
            DeviceNames("0", "", "--input", "sound.output"),
        ),
        (LegOptions("mic", "1"), DeviceNames("", "1", "sound.input", "--output")),
    ],
)
def test_the_command_line_wins_over_the_settings(options: LegOptions, names: DeviceNames):
    """Each device has the name of what it was chosen by, for errors."""
    assert options.devices == names


@pytest.mark.parametrize(
    ("options", "control"),
    [
        (LegOptions(), HalfDuplexGate),
        (LegOptions(has_headphones=True), FullDuplex),
        (LegOptions(sound=SoundSettings(echo="off")), FullDuplex),
        (LegOptions(sound=SoundSettings(echo="cancel")), EchoCanceller),
        (LegOptions(sound=SoundSettings(echo="cancel"), has_headphones=True), FullDuplex),
    ],
)
def test_echo_is_handled_as_the_settings_say(options: LegOptions, control: type):
    """The gate unless told otherwise; headphones need nothing."""
    assert type(options.echo_control()) is control


async def test_a_microphone_gets_a_device_leg_with_its_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The devices are open inside the block and closed after it; the recording is a valid file."""
    machine = FakePortAudio(("Card", 1, 2, 48_000.0))
    monkeypatch.setitem(sys.modules, "sounddevice", machine)
    output = tmp_path / "call.wav"
    async with open_leg(LegOptions("card", str(output)), ManualClock(), print) as leg:
        assert isinstance(leg, SoundDeviceLeg)
        (stream,) = machine.streams
        assert not stream.is_closed
    assert stream.is_closed
    with wave.open(str(output)) as file:
        assert file.getnframes() == 0


async def test_a_busy_device_costs_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The device is opened first: an earlier recording of that name is still there."""
    output = tmp_path / "call.wav"
    output.write_text("an earlier call")
    machine = FakePortAudio(("Card", 1, 2, 48_000.0), refusal=("Device unavailable", -9985))
    monkeypatch.setitem(sys.modules, "sounddevice", machine)
    with pytest.raises(AudioDeviceError):
        async with open_leg(LegOptions(target=str(output)), ManualClock(), print):
            pass
    assert output.read_text() == "an earlier call"


async def test_an_output_that_cannot_be_written_closes_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nothing stays open when the call cannot begin."""
    machine = FakePortAudio(("Card", 1, 2, 48_000.0))
    monkeypatch.setitem(sys.modules, "sounddevice", machine)
    with pytest.raises(UsageError, match="cannot be written"):
        async with open_leg(LegOptions(target=str(tmp_path / "no" / "call.wav")), ManualClock(), print):
            pass
    assert machine.streams[0].is_closed
