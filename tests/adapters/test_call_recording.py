from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentvoice.adapters import call_recording
from agentvoice.adapters.call_recording import FLUSH_BYTES, MAX_WAITING_BYTES, CallRecording
from agentvoice.errors import UsageError
from agentvoice.protocols.wav import WavDecoder
from tests.fakes.wav_files import encode_samples, tones

RATE_HZ = 24_000
FRAME_SAMPLES = 480


def tone(seconds: float, frequency_hz: float) -> bytes:
    return encode_samples(tones(RATE_HZ, seconds, frequency_hz), "s16")


def read_sides(path: Path) -> tuple[bytes, bytes]:
    """Left and right as the standard library reads them, after our own decoder found no fault."""
    decoder = WavDecoder()
    decoder.push(path.read_bytes())
    assert decoder.finish() == ()
    with wave.open(str(path)) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (RATE_HZ, 2, 2)
        stereo = np.frombuffer(reader.readframes(reader.getnframes()), "<i2").reshape(-1, 2)
    return stereo[:, 0].tobytes(), stereo[:, 1].tobytes()


def test_known_tones_land_on_their_side_at_their_sample(tmp_path: Path):
    """Caller left, agent right, each sample where it was heard, with silence around."""
    recording = CallRecording.create(tmp_path / "call.wav")
    caller, agent = tone(1, 440), tone(0.3, 1_000)
    begin = 13 * FRAME_SAMPLES
    for start in range(0, RATE_HZ, FRAME_SAMPLES):
        heard = slice(max(0, start - begin) * 2, max(0, start + FRAME_SAMPLES - begin) * 2)
        recording.append(caller=caller[start * 2 : (start + FRAME_SAMPLES) * 2], agent=agent[heard])
    recording.close()
    left, right = read_sides(recording.path)
    assert left == caller
    assert right == bytes(begin * 2) + agent + bytes(len(caller) - begin * 2 - len(agent))
    assert recording.failure == ""


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), max_size=30))
def test_sides_stay_aligned(tmp_path_factory: pytest.TempPathFactory, stretches: list[tuple[int, int]]):
    """Every stretch of time begins at the same sample on both sides, however long its sides are."""
    path = tmp_path_factory.mktemp("recording") / "call.wav"
    recording = CallRecording.create(path)
    left = right = b""
    for number, (caller, agent) in enumerate(stretches, start=1):
        sides = [number.to_bytes(2, "little") * size for size in (caller, agent)]
        recording.append(caller=sides[0], agent=sides[1])
        left += sides[0].ljust(max(caller, agent) * 2, b"\0")
        right += sides[1].ljust(max(caller, agent) * 2, b"\0")
    recording.close()
    with wave.open(str(path)) as reader:
        stereo = np.frombuffer(reader.readframes(1 << 20), "<i2").reshape(-1, 2)
    assert (stereo[:, 0].tobytes(), stereo[:, 1].tobytes()) == (left, right)


KILLED = """
import os, signal, sys
from pathlib import Path
from agentvoice.adapters.call_recording import CallRecording
recording = CallRecording.create(Path(sys.argv[1]))
for _ in range(50 * 5):
    recording.append(caller=b"\\1\\0" * 480, agent=b"\\2\\0" * 480)
while recording.path.stat().st_size < 44 + 4 * 96_000:
    os.sched_yield()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_a_valid_file(tmp_path: Path):
    """After kill -9 the file is a WAV that misses a second at most."""
    path = tmp_path / "call.wav"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    left, right = read_sides(path)
    assert len(left) >= 3 * RATE_HZ * 2
    assert set(left[::2]) == {1}
    assert set(right[::2]) == {2}


def test_a_new_file_is_valid_at_once(tmp_path: Path):
    """Before any sound the file is an empty WAV, not a broken one."""
    recording = CallRecording.create(tmp_path / "call.wav")
    with wave.open(str(recording.path)) as reader:
        assert reader.getnframes() == 0
    recording.close()


def test_closing_twice_and_late_sound_are_harmless(tmp_path: Path):
    """After close nothing is added, and close may be repeated."""
    recording = CallRecording.create(tmp_path / "call.wav")
    recording.append(caller=tone(0.1, 440))
    recording.close()
    recording.append(caller=tone(0.1, 440))
    recording.close()
    assert read_sides(recording.path)[0] == tone(0.1, 440)


@pytest.mark.parametrize("name", ["missing/call.wav", "."])
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, name: str):
    """The error names the path and the system's reason; it is the operator's input (exit 2)."""
    with pytest.raises(UsageError, match=r"output: .* cannot be written: ") as refused:
        CallRecording.create(tmp_path / name)
    assert refused.value.exit_code == 2


def test_a_full_disk_ends_the_recording_not_the_call(tmp_path: Path):
    """/dev/full refuses every write: appending goes on, and the failure is told."""
    recording = CallRecording(tmp_path / "call.wav", open("/dev/full", "wb", buffering=0))
    for _ in range(3):
        recording.append(caller=bytes(FLUSH_BYTES))
    recording.close()
    assert "No space left on device" in recording.failure
    recording.append(caller=b"\0\0")


def test_a_stalled_disk_loses_sound_but_not_time(tmp_path: Path):
    """While the disk stands still, sound beyond the bound becomes silence of the same length."""
    recording, go_on = stalled_recording(tmp_path / "call.wav")
    second = b"\1\0" * RATE_HZ
    fitting = MAX_WAITING_BYTES // FLUSH_BYTES
    for _ in range(fitting + 5):
        recording.append(caller=second, agent=second)
    go_on()
    while recording._waiting_bytes:
        os.sched_yield()
    recording.append(caller=second)
    recording.close()
    left, _ = read_sides(recording.path)
    assert left == second * fitting + bytes(len(second) * 5) + second
    assert "some of the call is silent" in recording.failure


def stalled_recording(path: Path):
    """A recording onto a file whose first write waits until it may go on."""
    gate = threading.Event()

    class StalledFile:
        def __init__(self) -> None:
            self._file = path.open("wb", buffering=0)

        def write(self, data: bytes) -> int:
            gate.wait()
            return self._file.write(data)

        def seek(self, position: int) -> int:
            return self._file.seek(position)

        def close(self) -> None:
            self._file.close()

    return CallRecording(path, StalledFile()), gate.set  # type: ignore[arg-type]  # it uses these three


def test_a_file_as_large_as_wav_allows_ends_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """At the limit of 32-bit sizes the file stays valid; what follows is left out, and told."""
    monkeypatch.setattr(call_recording, "MAX_DATA_BYTES", 1_001)  # the real one takes 4 GiB of disk
    recording = CallRecording.create(tmp_path / "call.wav")
    recording.append(caller=tone(0.1, 440))
    recording.close()
    assert read_sides(recording.path)[0] == tone(0.1, 440)[:500]
    assert "as large as a WAV can be" in recording.failure


def test_a_recording_is_its_owners_alone(tmp_path: Path):
    """What was said is kept with mode 0600, and a link never leads the file elsewhere."""
    path = tmp_path / "call.wav"
    CallRecording.create(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    link = tmp_path / "link.wav"
    link.symlink_to(tmp_path / "elsewhere.wav")
    with pytest.raises(UsageError, match=r"link\.wav cannot be written"):
        CallRecording.create(link)
    assert not (tmp_path / "elsewhere.wav").exists()
