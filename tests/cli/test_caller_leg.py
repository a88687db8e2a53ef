"""The caller's end of a call, chosen by options."""

from __future__ import annotations

import os
import sys
import wave
from pathlib import Path

import pytest

from agentvoice.adapters.text_leg import TextLeg
from agentvoice.adapters.wav_file import WavLeg
from agentvoice.cli.caller_leg import LegOptions, open_leg, typed_lines
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.errors import InvalidAudioFile, UsageError
from tests.fakes.clock import ManualClock
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
        (LegOptions("a.wav", "speaker"), "--output: got speaker without --input mic"),
        (LegOptions("mic", "speaker", ("hi",)), "--output: got speaker without --input mic"),
        (LegOptions("text", "speaker"), "--output: got speaker without --input mic"),
        (LegOptions("a.wav", "./a.wav"), "want another file than --input"),
        (LegOptions("a.mp3"), "--input: got 'a.mp3', want mic, text or FILE.wav"),
        (LegOptions("text", "a.ogg"), "--output: got 'a.ogg', want speaker or FILE.wav"),
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
