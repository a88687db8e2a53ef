"""A real sound server without hardware: what is spoken into its microphone, and what its speaker plays."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from agentvoice.core.audio import CALL_FORMAT

SCRIPT = Path(__file__).with_suffix(".sh")
START_TIMEOUT_S = 30.0
ROOM_MS = 40
RAW = ("--raw", "--format=s16le", f"--rate={CALL_FORMAT.rate_hz}", "--channels=1")


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

    async def speak(self, sound: bytes) -> None:
        """Speak into the microphone; returns when all was spoken."""
        process = await self._client("pacat", "--playback", "-d", "mic", *RAW)
        await process.communicate(sound)
        assert process.returncode == 0

    async def couple(self) -> None:
        """From now on the microphone hears the speaker, as in a room without headphones."""
        loop = ("module-loopback", "source=spk.monitor", "sink=mic", f"latency_msec={ROOM_MS}")
        process = await self._client("pactl", "load-module", *loop)
        await process.communicate()
        assert process.returncode == 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen to the speaker as long as the block runs."""
        process = await self._client("pacat", "--record", "-d", "spk.monitor", "--latency-msec=20", *RAW)
        reader = asyncio.ensure_future(self._listen(process))
        try:
            yield
        finally:
            process.terminate()
            await reader
            await process.wait()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while sound := await process.stdout.read(1 << 16):
            self.played += sound
            if any(sound):
                self.is_heard.set()

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


def likeness(sound: bytes, original: bytes) -> float:
    """Return how much of `original` is in `sound`, at any place in it: 1.0 is all, unchanged but for its level."""
    long, short = (np.frombuffer(each, "<i2").astype(float) for each in (sound, original))
    if len(long) < len(short):
        return 0.0
    size = len(long) + len(short) - 1
    spectra = np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size))
    products = np.fft.irfft(spectra, size)[: len(long) - len(short) + 1]
    sums = np.concatenate([[0.0], np.cumsum(long**2)])
    powers = sums[len(short) :] - sums[: -len(short)]
    return float(np.max(products / np.sqrt(np.maximum(powers, 1.0) * np.sum(short**2))))
