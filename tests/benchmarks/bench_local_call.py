"""Local calls of the demo's recording: how long the caller waits, and how late the loop is meanwhile."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from statistics import median

from agentvoice.adapters.local_speech.engine import LocalEngine
from agentvoice.adapters.local_speech.stages import Stages, TextToSpeech
from agentvoice.adapters.local_speech.vad import VoiceActivity
from agentvoice.adapters.local_speech.worker_client import LocalSpeech
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.adapters.wav_file import WavLeg
from agentvoice.adapters.wav_input import WavInput, read_wav
from agentvoice.cli.demo_cast import FIRST_AGENT, PROJECT
from agentvoice.config.bundled import bundled_folder
from agentvoice.core.agent import LocalSettings
from agentvoice.core.item import ItemKind, Role
from agentvoice.core.leg import CallStatus, CallUpdate, HandoverTimed, ItemChanged, StatusChanged, TurnTimed
from agentvoice.daemon import Runtime, open_runtime
from agentvoice.services.call_manager import CallRequest
from tests.benchmarks.figures import Row, percentile, spread
from tests.benchmarks.house import data_folder
from tests.benchmarks.loop_lag import Stall, sampled_bare_loop, sampled_lag, watched_callbacks

RUNS = 3
VOICE_TO_VOICE_GOAL_MS = 1_000
LOOP_LAG_GOAL_MS = 10
STALLS_SHOWN = 6


@dataclass
class TurnTimes:
    """When the stations of one turn were passed (monotonic s, 0: not yet)."""

    committed_s: float = 0.0
    written_s: float = 0.0
    sentence_s: float = 0.0
    heard_s: float = 0.0
    voice_to_voice_ms: int = 0
    handover_ms: int = 0

    def parts(self) -> str:
        """The time between the stations, in order; they add up to the whole."""
        ended_s = self.heard_s - self.voice_to_voice_ms / 1_000
        names = ("end-pointing", "transcript", "handover" if self.handover_ms else "first sentence", "voice")
        at_s = [ended_s, self.committed_s, self.written_s, self.sentence_s, self.heard_s]
        taken = [round((end - begin) * 1_000) for begin, end in itertools.pairwise(at_s)]
        return ", ".join(f"{name} {ms}" for name, ms in zip(names, taken, strict=True))


@dataclass
class CallTimes:
    """The turns of one call, taken from what it shows its caller and from when it begins to speak."""

    now_s: Callable[[], float]
    turns: list[TurnTimes] = field(default_factory=list)
    _turn: TurnTimes = field(default_factory=TurnTimes)

    def note(self, update: CallUpdate) -> None:
        """Take in an update of the call."""
        match update:
            case StatusChanged(status=CallStatus.HEARING):
                self._turn = TurnTimes()
            case StatusChanged(status=CallStatus.THINKING) if not self._turn.committed_s:
                self._turn.committed_s = self.now_s()
            case ItemChanged(item=item) if item.kind is ItemKind.MESSAGE and item.role is Role.USER:
                if item.is_finished:
                    self._turn.written_s = self.now_s()
                    self._turn.sentence_s = 0.0
            case TurnTimed():
                self._turn.heard_s = self.now_s()
                self._turn.voice_to_voice_ms = update.voice_to_voice_ms
                self.turns.append(self._turn)
                self._turn = TurnTimes()
            case HandoverTimed() if self.turns:
                self.turns[-1].handover_ms = update.duration_ms

    def voice_began(self) -> None:
        """A sentence goes to the voice."""
        self._turn.sentence_s = self._turn.sentence_s or self.now_s()


class TimedVoice:
    """A TextToSpeech that tells when it is asked."""

    def __init__(self, voice: TextToSpeech, began: Callable[[], None]) -> None:
        self._voice = voice
        self._began = began

    def speak(self, text: str, voice: str) -> AsyncGenerator[bytes, None]:
        """See TextToSpeech."""
        self._began()
        return self._voice.speak(text, voice)


class TimedModels:
    """The models of an engine whose sentences are timed for one call."""

    def __init__(self, models: LocalSpeech, times: CallTimes) -> None:
        self._models = models
        self._times = times
        self.start = models.start

    def stages_for(self, local: LocalSettings) -> Stages:
        """See engine.Models."""
        stages = self._models.stages_for(local)
        return replace(stages, tts=TimedVoice(stages.tts, self._times.voice_began))

    async def voice_activity(self) -> VoiceActivity:
        """See engine.Models."""
        return await self._models.voice_activity()

    async def close(self) -> None:
        """The models outlive the engine of one call."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A stretch of local calls."""

    calls: tuple[CallTimes, ...]
    late_ms: tuple[float, ...]
    bare_late_ms: tuple[float, ...]
    stalls: tuple[Stall, ...]

    @property
    def voice_to_voice_ms(self) -> list[int]:
        """Of every turn of every call."""
        return [turn.voice_to_voice_ms for call in self.calls for turn in call.turns]

    @property
    def handovers_ms(self) -> list[int]:
        """Of every handover."""
        return [turn.handover_ms for call in self.calls for turn in call.turns if turn.handover_ms]


def run() -> list[Row]:
    """Measure one call at a time, then two at once; the best of several runs each."""
    with data_folder(with_models=True) as settings:

        async def measure() -> tuple[list[Measured], list[Measured]]:
            async with open_runtime(settings, SystemClock()) as runtime:
                await runtime.start()
                await runtime.local_speech.start()
                wav = await read_wav(bundled_folder("demo") / "hello.wav")
                alone = [await measure_calls(runtime, wav, 1) for _ in range(RUNS)]
                return alone, [await measure_calls(runtime, wav, 2) for _ in range(RUNS)]

        alone, together = asyncio.run(measure())
    return [*rows_of("one call", alone), *rows_of("two calls at once", together)]


async def measure_calls(runtime: Runtime, wav: WavInput, count: int) -> Measured:
    """Run calls at once on the runtime's loop, which is sampled from before the first to after the last."""
    all_times = tuple(CallTimes(runtime.clock.monotonic_s) for _ in range(count))
    async with sampled_bare_loop() as bare_late_ms:
        with sampled_lag() as lag, watched_callbacks() as stalls:
            async with asyncio.TaskGroup() as group:
                for times in all_times:
                    group.create_task(_call(runtime, wav, times))
    return Measured(all_times, tuple(lag.late_ms), tuple(bare_late_ms), tuple(stalls))


async def _call(runtime: Runtime, wav: WavInput, times: CallTimes) -> None:
    name = f"local-{id(times)}"
    models = TimedModels(runtime.local_speech, times)
    runtime.engines[name] = LocalEngine(models, runtime.settings.engines.local, runtime.clock)
    leg = WavLeg(wav, runtime.clock, on_update=times.note)
    try:
        outcome = await runtime.calls.run(CallRequest(FIRST_AGENT, PROJECT, name), leg)
    finally:
        await leg.close()
        del runtime.engines[name]
    if outcome.error is not None or not times.turns:
        raise RuntimeError(f"the call gave no turns: {outcome.error or outcome.reason}")


def rows_of(what: str, runs: list[Measured]) -> list[Row]:
    """Return the figures of the best run, with those of all."""
    best = min(runs, key=lambda run: median(run.voice_to_voice_ms))
    calmest = min(runs, key=lambda run: percentile(run.late_ms, 99))
    turns = [
        f"{number} ({turn.voice_to_voice_ms} ms): {turn.parts()}"
        for call in best.calls
        for number, turn in enumerate(call.turns, 1)
    ]
    medians = ", ".join(f"{median(run.voice_to_voice_ms):.0f}" for run in runs)
    lags = ", ".join(f"{percentile(run.late_ms, 99):.1f}" for run in runs)
    bare = f"beside it, a bare loop of another process: {spread(calmest.bare_late_ms)}"
    handovers = sorted(ms for run in runs for ms in run.handovers_ms)
    rows = [
        Row(
            f"{what}: voice to voice, p50",
            median(best.voice_to_voice_ms),
            "ms",
            VOICE_TO_VOICE_GOAL_MS,
            parts="\n".join([f"turn {turn}" for turn in turns] + [f"p50 of each run: {medians}"]),
        ),
        Row(
            f"{what}: loop lag, p99",
            percentile(calmest.late_ms, 99),
            "ms",
            LOOP_LAG_GOAL_MS,
            parts="\n".join(
                [spread(calmest.late_ms), bare, f"p99 of each run: {lags}", *_causes(calmest.stalls)]
            ),
        ),
    ]
    if handovers:
        parts = "request to first sound, the new agent's greeting made from nothing"
        rows.append(Row(f"{what}: handover, best", handovers[0], "ms", parts=parts))
    return rows


def _causes(stalls: tuple[Stall, ...]) -> list[str]:
    longest = sorted(stalls, key=lambda stall: -stall.took_ms)[:STALLS_SHOWN]
    return [
        f"stood still {stall.took_ms:.1f} ms (CPU {stall.cpu_ms:.1f}): {stall.cause}" for stall in longest
    ]
