"""The recording of a call: a stereo WAV, caller left, agents right, both as they were heard.

A leg appends what was said and what was played in the same stretch of time, so the sides stay
aligned to the sample. Files are written by a thread of the recording's own: appending never waits.
After each second of sound the header is written again, so the file is valid whenever the process
dies, and misses a second at most.
"""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path
from typing import BinaryIO

import numpy as np

from agentvoice.core.audio import CALL_FORMAT
from agentvoice.errors import UsageError
from agentvoice.protocols.wav import HEADER_BYTES, MAX_DATA_BYTES, encode_header

CHANNELS = 2
FILE_MODE = 0o600
FLUSH_BYTES = CALL_FORMAT.rate_hz * CHANNELS * CALL_FORMAT.sample_bytes
"""Sound that is written at once: one second."""
MAX_WAITING_BYTES = 60 * FLUSH_BYTES
"""Sound that waits for a slow disk; beyond it silence of the same length is written instead."""

_FRAME_BYTES = CHANNELS * CALL_FORMAT.sample_bytes
_SILENCE_BYTES = 1 << 16


class CallRecording:
    """One open file. A failing disk ends the recording, never the call: see `failure`."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.failure = ""
        """Why the recording is incomplete, "" if it is not."""
        self._file = file
        self._waiting: queue.SimpleQueue[bytes | int | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._lost_bytes = 0  # of sound that did not fit, until silence takes its place
        self._lock = threading.Lock()  # guards the two counts above
        self._written_bytes = 0
        self._is_closed = False
        self._thread = threading.Thread(target=self._write, name="call-recording", daemon=True)
        self._thread.start()

    @classmethod
    def create(cls, path: Path) -> CallRecording:
        """Create or replace the file; it is a valid, empty WAV at once.

        Raises UsageError when it cannot be written there.
        """
        try:
            file = open(path, "wb", buffering=0, opener=_open_private)
            file.write(encode_header(CALL_FORMAT.rate_hz, CHANNELS, 0))
        except OSError as error:
            raise UsageError(f"output: {path} cannot be written: {error.strerror}") from error
        return cls(path, file)

    def append(self, *, caller: bytes = b"", agent: bytes = b"") -> None:
        """Add a stretch of time, in CALL_FORMAT; the shorter side is silent to its end."""
        size = max(len(caller), len(agent))
        if not size or self._is_closed:
            return
        sides = [np.frombuffer(side.ljust(size, b"\0"), "<i2") for side in (caller, agent)]
        self._enqueue(np.stack(sides, axis=1).tobytes())

    def close(self) -> None:
        """Write what waits and close the file; it blocks on the disk, so call it in a thread."""
        if not self._is_closed:
            self._is_closed = True
            self._waiting.put(None)
        self._thread.join()

    def _enqueue(self, sound: bytes) -> None:
        with self._lock:
            if self._waiting_bytes + len(sound) > MAX_WAITING_BYTES:
                self._lost_bytes += len(sound)
                return
            lost_bytes, self._lost_bytes = self._lost_bytes, 0
            self._waiting_bytes += len(sound)
        if lost_bytes:
            self._waiting.put(lost_bytes)
        self._waiting.put(sound)

    def _write(self) -> None:
        unwritten: list[bytes] = []
        try:
            while (piece := self._waiting.get()) is not None:
                if isinstance(piece, int):
                    self._flush(unwritten)
                    self._write_silence(piece)
                    continue
                unwritten.append(piece)
                if sum(map(len, unwritten)) >= FLUSH_BYTES:
                    self._flush(unwritten)
            self._flush(unwritten)
            self._write_silence(self._lost_bytes)
        except OSError as error:
            self._is_closed = True
            self.failure = f"{self.path}: {error.strerror}"
        finally:
            self._file.close()

    def _flush(self, unwritten: list[bytes]) -> None:
        sound = b"".join(unwritten)
        unwritten.clear()
        self._write_sound(sound)
        with self._lock:
            self._waiting_bytes -= len(sound)

    def _write_silence(self, size_bytes: int) -> None:
        if size_bytes:
            self.failure = f"{self.path}: the disk was too slow, some of the call is silent"
        while size_bytes:
            piece = min(size_bytes, _SILENCE_BYTES)
            self._write_sound(bytes(piece))
            size_bytes -= piece

    def _write_sound(self, sound: bytes) -> None:
        room = (MAX_DATA_BYTES - self._written_bytes) // _FRAME_BYTES * _FRAME_BYTES
        if len(sound) > room:
            self.failure = f"{self.path}: the file is as large as a WAV can be"
            sound = sound[:room]
        # Sound first: a header never names sound that is not there.
        self._file.seek(HEADER_BYTES + self._written_bytes)
        _write_all(self._file, sound)
        self._written_bytes += len(sound)
        self._file.seek(0)
        _write_all(self._file, encode_header(CALL_FORMAT.rate_hz, CHANNELS, self._written_bytes))


def _write_all(file: BinaryIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _open_private(path: str, flags: int) -> int:
    """Open for the owner alone: what was said is nobody else's, and no link leads elsewhere."""
    return os.open(path, flags | os.O_NOFOLLOW, FILE_MODE)
