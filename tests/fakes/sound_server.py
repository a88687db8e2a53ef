"""A real sound server without hardware: what is spoken into its microphone, and what its speaker plays."""

from __future__ import annotations

import asyncio
import math
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agentvoice.adapters.resample import StreamResampler
from agentvoice.core.audio import CALL_FORMAT

SCRIPT = Path(__file__).with_suffix(".sh")
START_TIMEOUT_S = 30.0
ROOM_MS = 40
WHOLE = 0.9
"""Likeness of what has no gap."""
RAW = ("--raw", "--format=s16le", "--channels=1")
CALL_RATE = f"--rate={CALL_FORMAT.rate_hz}"
SERVER_HZ = 48_000
"""The server's own rate: who listens at another one hears some ms later."""


class SoundServer:
    """PipeWire with two null sinks; `environment` leads programs to it."""

    def __init__(self, folder: Path) -> None:
        self.environment = {
            "XDG_RUNTIME_DIR": str(folder),
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        }
        self.played = b""
        """What came out of the speaker since `listening` began, in CALL_FORMAT."""
        self.is_heard = asyncio.Event()
        """Set once that was more than silence."""
        self._began_s = math.inf
        self._news = asyncio.Event()

    async def speak(self, sound: bytes) -> None:
        """Speak into the microphone; returns when all was spoken."""
        process = await self._client("pacat", "--playback", "-d", "mic", CALL_RATE, *RAW)
        await process.communicate(sound)
        assert process.returncode == 0

    async def couple(self) -> None:
        """From now on the microphone hears the speaker, as in a room without headphones."""
        loop = ("module-loopback", "source=spk.monitor", "sink=mic", f"latency_msec={ROOM_MS}")
        process = await self._client("pactl", "load-module", *loop)
        await process.communicate()
        assert process.returncode == 0

    def played_at_s(self, place: int) -> float:
        """When the sample at this place of `played` left the speaker, by the event loop's time."""
        return self._began_s + place / CALL_FORMAT.rate_hz

    async def hears(self, seconds: float) -> None:
        """Listen for so long more."""
        wanted = len(self.played) + CALL_FORMAT.bytes_of(round(seconds * 1_000))
        while len(self.played) < wanted:
            self._news.clear()
            await self._news.wait()

    @asynccontextmanager
    async def listening(self, latency_ms: int = 20) -> AsyncIterator[None]:
        """Listen to the speaker as long as the block runs; the less the latency, the more the server has to do."""
        device = ("-d", "spk.monitor", f"--latency-msec={latency_ms}", f"--rate={SERVER_HZ}")
        process = await self._client("pacat", "--record", *device, *RAW)
        reader = asyncio.ensure_future(self._listen(process))
        try:
            yield
        finally:
            process.terminate()
            await reader
            await process.wait()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        resampler, heard_samples = StreamResampler(SERVER_HZ, CALL_FORMAT.rate_hz), 0
        while sound := await process.stdout.read(1 << 16):
            self.played += resampler.push(sound)
            heard_samples += len(sound) // CALL_FORMAT.sample_bytes
            # Nothing is heard before it is played: the piece that came with the least delay tells the time.
            began_s = asyncio.get_running_loop().time() - heard_samples / SERVER_HZ
            self._began_s = min(self._began_s, began_s)
            self._news.set()
            if any(sound):
                self.is_heard.set()
        self.played += resampler.flush()

    async def _client(self, *command: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **self.environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )


@asynccontextmanager
async def sound_server() -> AsyncIterator[SoundServer]:
    """Run a sound server of this test's own."""
    with tempfile.TemporaryDirectory(prefix="agentvoice-sound-") as folder:
        process = await asyncio.create_subprocess_exec(
            *("dbus-run-session", "--", "bash", str(SCRIPT), folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                ready = await process.stdout.readline()
            if ready != b"ready\n":
                _, complaint = await process.communicate()
                raise AssertionError(f"the sound server did not start: {complaint.decode()}")
            yield SoundServer(Path(folder))
        finally:
            process.stdin.close()  # at its end the script ends
            await process.communicate()


def noise(seconds: float, seed: int) -> bytes:
    """Noise of a voice's band, different for each seed: it is found again wherever it went."""
    white = np.random.default_rng(seed).standard_normal(int(CALL_FORMAT.rate_hz * seconds))
    smooth = np.convolve(white, np.ones(8) / 8, "same")
    samples: bytes = (smooth / np.max(np.abs(smooth)) * 12_000).astype("<i2").tobytes()
    return samples


def likeness(sound: bytes, original: bytes) -> float:
    """Return how much of `original` is in `sound`, at any place in it: 1.0 is all, unchanged but for its level."""
    return float(np.max(_likenesses(sound, original), initial=0.0))


def place_of(sound: bytes, original: bytes) -> int | None:
    """Return the sample of `sound` at which `original` begins in it; None: it is not there in one piece."""
    likenesses = _likenesses(sound, original)
    return int(np.argmax(likenesses)) if np.max(likenesses, initial=0.0) > WHOLE else None


def _likenesses(sound: bytes, original: bytes) -> NDArray[np.float64]:
    """At each place of `sound` at which `original` could begin."""
    long, short = (np.frombuffer(each, "<i2").astype(float) for each in (sound, original))
    if len(long) < len(short):
        return np.zeros(0)
    size = len(long) + len(short) - 1
    spectra = np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size))
    products = np.fft.irfft(spectra, size)[: len(long) - len(short) + 1]
    sums = np.concatenate([[0.0], np.cumsum(long**2)])
    powers = sums[len(short) :] - sums[: -len(short)]
    found: NDArray[np.float64] = products / np.sqrt(np.maximum(powers, 1.0) * np.sum(short**2))
    return found
