"""`agentvoice demo` as a user runs it: with the real models, alone and beside a daemon."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from nostr_sdk import PublicKey

from agentvoice.adapters.pauses import FRAME_SAMPLES
from agentvoice.adapters.wav_input import read_wav
from tests.conftest import ROOT
from tests.fakes.agentvoice_process import Finished, Program
from tests.fakes.nostr_reader import read_thread

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

RATE_HZ = 24_000
SPEECH_LEVEL = 300
"""Mean level of 20 ms of 16 bit sound that nobody would take for silence."""

DEMO_LIMIT_S = 120.0
"""Twice what a demo may take: the machine may be busy with other tests."""

GREETING = "Good day, this is the Ada that I made."


@dataclass(frozen=True)
class Stage:
    """What the demos of one home left behind; its daemon still runs."""

    program: Program
    first: Finished
    second: Finished
    silent: Finished
    unasked: Finished


async def turns_of_the_recording() -> list[bytes]:
    """The bundled recording cut behind each of its pauses."""
    recording = await read_wav(ROOT / "demo" / "hello.wav")
    borders = [0, *(2 * FRAME_SAMPLES * (frame + 1) for frame in sorted(recording.speech.pauses))]
    return [recording.samples[start:end] for start, end in pairwise(borders)]


def write_recording(path: Path, *parts: bytes) -> str:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(b"".join(parts) + bytes(RATE_HZ * 2))
    return str(path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, models_home: Path) -> AsyncIterator[Stage]:
    """One demo in a new home; then, with an edited agent and a daemon, three at once."""
    folder = tmp_path_factory.mktemp("demo")
    program = Program(folder / "home")
    program.home.mkdir(mode=0o700)
    (program.home / "models").symlink_to(models_home / "models")
    asked, handed_over, _, goodbye = await turns_of_the_recording()
    inputs = {
        "short": write_recording(folder / "short.wav", handed_over, goodbye),
        "silent": write_recording(folder / "silent.wav", bytes(RATE_HZ * 2)),
        "unasked": write_recording(folder / "unasked.wav", asked, goodbye),
    }
    first = await program.run("demo", "--json", seconds=DEMO_LIMIT_S)
    await program.must("agent", "edit", "ada", "--greeting", GREETING)
    async with program.daemon():
        second, silent, unasked = await asyncio.gather(
            *(
                program.run("demo", "--json", "--input", path, seconds=DEMO_LIMIT_S)
                for path in inputs.values()
            )
        )
        yield Stage(program, first, second, silent, unasked)


async def npubs(program: Program) -> dict[str, str]:
    listed = (await program.must("agent", "list", "--json")).document["agents"]
    return {agent["slug"]: agent["npub"] for agent in listed}


async def test_the_demo_of_a_new_home_holds_all_it_promises(stage: Stage):
    """Exit 0: two agents spoke and signed, one handed over, the thread was verified, turns were timed."""
    assert stage.first.exit_code == 0, stage.first.err
    document = stage.first.document
    assert (document["problems"], document["verified"]) == ([], True)
    assert document["agents"] == ["ada", "max"]
    assert document["publication"]["state"] == "published"
    assert [(one["from"], one["to"]) for one in document["handovers"]] == [("ada", "max")]
    assert set((await npubs(stage.program)).values()) <= set(document["signers"])
    assert {turn["agent"] for turn in document["turns"]} == {"ada", "max"}
    assert all(0 < turn["voice_to_voice_ms"] < 15_000 for turn in document["turns"])
    assert document["relay"].startswith("ws://127.0.0.1:")
    assert (document["project"], document["engine"], document["cost_usd"]) == ("demo", "local", "0.00")


async def test_the_demo_is_a_call_like_any_other(stage: Stage):
    """Other commands show the same call; the live transcript was on stderr, the document alone on stdout."""
    demo = stage.first.document
    shown = (await stage.program.must("call", "show", demo["id"], "--json")).document
    assert shown["items"] == demo["items"]
    assert [event["id"] for event in shown["publication"]["events"]] == [
        event["id"] for event in demo["publication"]["events"]
    ]
    assert "you: " in stage.first.err
    assert not any(line.startswith("{") for line in stage.first.err.splitlines())


def is_spoken(item: dict[str, Any]) -> bool:
    return bool(item["kind"] == "message" and item["role"] == "agent" and item["text"])


async def test_an_independent_client_reads_the_threads(stage: Stage):
    """The daemon's relay has the thread of each demo, every turn signed by who spoke it."""
    keys = {npub: PublicKey.parse(npub).to_hex() for npub in (await npubs(stage.program)).values()}
    for document in (stage.first.document, stage.second.document):
        events = await read_thread(document["publication"]["root"], stage.second.document["relay"])
        assert {event.id().to_hex() for event in events} == {
            event["id"] for event in document["publication"]["events"]
        }
        said = {item["text"] for item in document["items"] if is_spoken(item)}
        signed = {event.content() for event in events if event.author().to_hex() in keys.values()}
        assert [text for text in said if not any(text in content for content in signed)] == []
        assert ["realtime-session", document["id"]] in [tag.to_vec() for tag in events[0].tags()]


def levels(side: np.ndarray) -> np.ndarray:
    """The mean level of each 20 ms."""
    frames = side[: len(side) // 480 * 480].reshape(-1, 480)
    means: np.ndarray = np.abs(frames.astype(np.int32)).mean(axis=1)
    return means


async def test_the_recording_has_the_caller_left_and_the_agents_right(stage: Stage):
    """A stereo WAV: the caller's turns sample by sample on the left, speech on both sides, hardly at once."""
    with wave.open(stage.first.document["recording"]) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE_HZ)
        sides = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    left, right = sides[:, 0].tobytes(), sides[:, 1].tobytes()
    for turn in await turns_of_the_recording():
        assert turn.strip(b"\0") in left
        assert turn.strip(b"\0") not in right
    caller, agents = (levels(sides[:, side]) > SPEECH_LEVEL for side in (0, 1))
    assert caller.sum() > 150
    assert agents.sum() > 150
    assert np.argmax(agents) < np.argmax(caller)  # the greeting comes first
    assert (caller & agents).sum() < 0.1 * agents.sum()


async def test_a_second_demo_leaves_everybodys_agents_alone(stage: Stage):
    """It follows another recording, in the daemon, with the agents as the user made them."""
    assert stage.second.exit_code == 0, stage.second.err
    document = stage.second.document
    assert document["verified"]
    assert document["id"] != stage.first.document["id"]
    assert document["signers"] == stage.first.document["signers"]
    assert document["items"][0]["text"] == GREETING
    history = (await stage.program.must("agent", "history", "ada", "--json")).document
    assert len(history["revisions"]) == 2
    assert len(await npubs(stage.program)) == 2


async def test_silence_fails_the_demo(stage: Stage):
    """Exit 1: nobody was heard, and the document says so."""
    assert stage.silent.exit_code == 1
    problems = stage.silent.document["problems"]
    assert "nobody was heard: the recording has no speech that was understood" in problems
    assert "max never spoke" in problems


async def test_a_recording_that_asks_for_nobody_fails_the_demo(stage: Stage):
    """Exit 1: the demo knows nothing about its recording, so no handover is played for it."""
    assert stage.unasked.exit_code == 1
    document = stage.unasked.document
    assert document["problems"][0] == "nobody asked for the other agent: there was no handover"
    assert document["handovers"] == []
    assert any(item["role"] == "user" and "France" in item["text"] for item in document["items"])


async def test_a_wrong_recording_is_refused(stage: Stage, tmp_path: Path):
    """Exit 2 with one line; an existing output is not touched."""
    wrong, kept = tmp_path / "wrong.wav", tmp_path / "kept.wav"
    wrong.write_text("no sound")
    kept.write_text("mine")
    finished = await stage.program.run("demo", "--input", str(wrong), "--output", str(kept))
    assert finished.exit_code == 2
    assert "got no WAV file" in finished.complaint
    assert kept.read_text() == "mine"
