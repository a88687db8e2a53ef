"""Calls by microphone and speaker: the program on a terminal, PortAudio, a sound server, a scripted provider."""

from __future__ import annotations

import asyncio
import base64
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentvoice.core.audio import CALL_FORMAT
from agentvoice.core.level import SILENCE_DB, level_db
from tests.fakes.agentvoice_process import Program
from tests.fakes.realtime_provider import Provider, ProviderSession, answer, provider, usage
from tests.fakes.sound_server import SoundServer, likeness, noise, sound_server
from tests.fakes.terminal import Terminal, terminal

RATE_HZ = CALL_FORMAT.rate_hz
EVENT_TIMEOUT_S = 20.0
HEARD_WELL = 0.95
"""Likeness of sound that came through; what did not come is below 0.2."""


def bursts(seconds: float, seed: int) -> bytes:
    """A voice with pauses, 100 ms of either: what an echo canceller is made for."""
    samples = np.frombuffer(noise(seconds, seed), "<i2")
    is_on = np.repeat(np.random.default_rng(seed).random(len(samples) // 2_400) > 0.4, 2_400)
    spoken: bytes = (samples * is_on).astype("<i2").tobytes()
    return spoken


@dataclass
class Stage:
    """Everything outside the program."""

    program: Program
    provider: Provider
    sound: SoundServer
    screen: Terminal
    process: asyncio.subprocess.Process | None = None

    @asynccontextmanager
    async def call(self, *options: str) -> AsyncIterator[ProviderSession]:
        """Call ada on the terminal; when the block ends, so must the program."""
        self.process = await asyncio.create_subprocess_exec(
            *(
                "setsid",
                "--ctty",
                sys.executable,
                "-m",
                "agentvoice",
                "call",
                "start",
                "ada",
                "--json",
                *options,
            ),
            env={**self.program._environment(), **self.sound.environment, "TERM": "xterm"},
            stdin=self.screen.program,
            stdout=asyncio.subprocess.PIPE,
            stderr=self.screen.program,
        )
        try:
            opened = await self.provider.session()
            await self.screen.shows("listening")
            yield opened
            async with asyncio.timeout(40):
                out, _ = await self.process.communicate()
            assert self.process.returncode == 0, self.screen.shown
            assert b'"end_reason": "caller"' in out
        finally:
            if self.process.returncode is None:
                self.process.kill()
                await self.process.communicate()


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("device") / "home"
    for slug, name in (("ada", "Ada"), ("max", "Max")):
        asyncio.run(Program(home).must("agent", "add", slug, "--name", name, "--engine", "openai"))
    return home


@pytest.fixture
async def stage(furnished: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    shutil.copytree(furnished, tmp_path / "home")
    async with provider() as made, sound_server() as sound, terminal() as screen:
        environment = {"AGENTVOICE_ENGINES__OPENAI__URL": made.url, "OPENAI_API_KEY": "none"}
        yield Stage(Program(tmp_path / "home", environment), made, sound, screen)


async def hears(session: ProviderSession, sound: bytes, seconds: float = 10.0) -> bool:
    """Whether the provider gets this sound of the caller, within the time."""
    for _ in range(int(seconds * 5)):
        for _ in range(10):  # frames of 20 ms
            await session.link.expect_any()
        if likeness(session.link.input_buffer[-len(sound) * 3 :], sound) > HEARD_WELL:
            return True
    return False


async def speak_on(session: ProviderSession, sound: bytes) -> str:
    """Begin a reply with this sound, of which more may come; returns its item."""
    await session.begins("r1")
    await session.adds("r1", "i1")
    await session.writes("r1", "i1", "It is a long story.")
    part: dict[str, Any] = {"response_id": "r1", "item_id": "i1", "output_index": 0, "content_index": 0}
    await session.say("response.output_audio.delta", **part, delta=base64.b64encode(sound).decode())
    return "i1"


async def test_both_voices_come_through_and_the_gate_holds(stage: Stage):
    """The provider hears the caller, the speaker plays the agent; while it does, the microphone is silent."""
    first, over, reply = noise(1.0, seed=1), noise(1.0, seed=2), noise(2.5, seed=3)
    before = stage.screen.modes()
    async with stage.call() as session, stage.sound.listening():
        assert stage.screen.modes() != before
        _, is_heard = await asyncio.gather(stage.sound.speak(first), hears(session, first))
        assert is_heard
        item = await speak_on(session, reply)
        await session.has_spoken("r1", item)
        await session.finishes("r1", answer(item, "It is a long story.", "completed"))
        await session.ends("r1", usage=usage())
        await stage.screen.shows("mic off")
        sent_bytes = len(session.link.input_buffer)
        await stage.sound.speak(over)
        meanwhile = session.link.input_buffer[sent_bytes + RATE_HZ // 5 :]
        assert level_db(meanwhile) == SILENCE_DB
        await stage.screen.shows("Ada: It is a long story.")
        await stage.screen.shows("[-")  # the gate is open again
        _, is_heard = await asyncio.gather(stage.sound.speak(first), hears(session, first))
        assert is_heard
        assert likeness(stage.sound.played, reply) > HEARD_WELL
        stage.screen.type(b"q")
    assert stage.screen.modes() == before


@pytest.mark.parametrize(
    ("echo", "least_db", "most_db"), [("off", -6, 6), ("cancel", 15, 100), ("gate", 40, 100)]
)
async def test_the_echo_of_a_speaker(stage: Stage, echo: str, least_db: float, most_db: float):
    """Where the microphone hears the speaker: all comes back, most is cancelled, or the gate lets nothing in."""
    stage.program.environment["AGENTVOICE_SOUND__ECHO"] = echo
    await stage.sound.couple()
    reply = bursts(6.0, seed=5)
    async with stage.call() as session, stage.sound.listening():
        await speak_on(session, reply)
        await stage.sound.is_heard.wait()
        sent_bytes = len(session.link.input_buffer)
        last = CALL_FORMAT.bytes_of(5_000), CALL_FORMAT.bytes_of(3_000)
        while len(session.link.input_buffer) < sent_bytes + last[0]:
            await session.link.expect_any()
        came_back = session.link.input_buffer[sent_bytes + last[1] : sent_bytes + last[0]]
        loss_db = level_db(reply) - level_db(came_back)
        stage.screen.type(b"q")
    assert least_db <= loss_db <= most_db


async def test_keys_steer_the_call(stage: Stage):
    """Space cuts the answer, m mutes, tab hands over, q hangs up."""
    async with stage.call("--headphones") as session, stage.sound.listening():
        item = await speak_on(session, noise(20.0, seed=4))
        await stage.sound.is_heard.wait()
        stage.screen.type(b" ")
        truncated = await wanted(session, "conversation.item.truncate")
        assert truncated["item_id"] == item
        assert 0 <= truncated["audio_end_ms"] < 20_000
        await session.ends("r1", status="cancelled", usage=usage())
        stage.screen.type(b"m")
        await stage.screen.shows("mic off")
        stage.screen.type(b"m")
        await stage.screen.shows("[-")
        stage.screen.type(b"\t")
        await stage.screen.shows("— Max is on the call —")
        stage.screen.type(b"q")


async def wanted(session: ProviderSession, name: str) -> dict[str, Any]:
    """The client's next event of this type."""
    try:
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while True:
                event = await session.link.expect_any()
                if event["type"] == name:
                    return event
    except TimeoutError:
        raise AssertionError(f"want {name}, got {session.types}") from None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_signals_hang_up_and_restore_the_terminal(stage: Stage, number: signal.Signals):
    """The interrupt key, an end from outside, a closed window: the call ends as if hung up."""
    before = stage.screen.modes()
    async with stage.call():
        assert stage.process is not None
        assert stage.screen.modes() != before
        if number is signal.SIGINT:
            stage.screen.type(b"\x03")
        else:
            stage.process.send_signal(number)
    assert stage.screen.modes() == before


async def test_without_a_terminal_a_call_is_plain_lines(stage: Stage):
    """Pipes get no keys and nothing that moves a cursor; a device may be named."""
    program = Program(stage.program.home, {**stage.program.environment, **stage.sound.environment})
    process = await program.spawn("call", "start", "ada", "--input", "pulse", "--output", "pulse", "--json")
    session = await stage.provider.session()
    await session.next("input_audio_buffer.append")
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(40):
        _, err = await process.communicate(b"q \t")
    assert process.returncode == 0
    assert "— Ada is on the call —" in err.decode().splitlines()
    assert b"\x1b" not in err


async def test_the_devices_of_the_server_are_listed_and_unknown_ones_refused(stage: Stage):
    """`call devices` names what `--input` takes; anything else is one clear error, before any call."""
    program = Program(stage.program.home, {**stage.program.environment, **stage.sound.environment})
    listed = (await program.must("call", "devices", "--json")).document["devices"]
    assert {"pulse", "default"} <= {device["name"] for device in listed}
    refused = await program.run("call", "start", "ada", "--input", "flute")
    assert refused.exit_code == 2
    assert refused.complaint == (
        "--input: got 'flute', want a microphone that is listed by: agentvoice call devices"
    )


async def test_a_server_that_has_gone_is_explained(stage: Stage, tmp_path: Path):
    """The sound server does not run: one line says so, and what to do."""
    gone = {**stage.sound.environment, "XDG_RUNTIME_DIR": str(tmp_path)}
    program = Program(stage.program.home, {**stage.program.environment, **gone})
    refused = await program.run("call", "start", "ada")
    assert refused.exit_code == 1
    assert "agentvoice: " + refused.complaint == refused.err.rstrip("\n")
