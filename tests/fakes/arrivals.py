"""How sound of answers arrives, as scripts; and an ear that hears it through a playout buffer."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import mean

from agentvoice.core.audio import CALL_FORMAT
from agentvoice.core.jitter import DepthRule
from agentvoice.core.playout import PlayoutBuffer

BLOCK_MS = 20
ANSWERS = 12
ANSWER_MS = 5_000
BETWEEN_MS = 3_000

Answer = list[tuple[int, int]]
"""(ms at which a piece arrives, ms of sound in it), in order."""


class FixedDepth:
    """The rule of a buffer that does not adapt."""

    def __init__(self, depth_ms: int) -> None:
        self.depth_ms = self.wait_ms = depth_ms

    def begin_answer(self) -> None:
        """Nothing changes."""

    def arrived(self, now_ms: float, duration_ms: float) -> int:
        """Nothing changes."""
        return self.depth_ms


def steady(piece_ms: int = 20, pace: float = 1.0, delay: Callable[[int], int] = lambda at: 0) -> list[Answer]:
    """Pieces at a pace (2: twice real time), each later by `delay(ms of sound since the first answer)`."""
    answers = []
    for number in range(ANSWERS):
        start = 1_000 + number * (ANSWER_MS + BETWEEN_MS)
        answer: Answer = []
        for offset in range(0, ANSWER_MS, piece_ms):
            at = start + round(offset / pace) + delay(number * ANSWER_MS + offset)
            answer.append((max(at, answer[-1][0] if answer else 0), piece_ms))  # a line keeps the order
        answers.append(answer)
    return answers


def patterns(seed: int = 1) -> dict[str, list[Answer]]:
    """The scripts by name."""
    chance = random.Random(seed)
    return {
        "steady": steady(),
        "jitter to 60 ms": steady(delay=lambda at: chance.randrange(61)),
        "jitter to 150 ms": steady(delay=lambda at: chance.randrange(151)),
        "one stall of 180 ms": steady(delay=lambda at: 180 if at == 2 * ANSWER_MS + 2_000 else 0),
        "five frames at once": steady(delay=lambda at: 80 - at % 100),
        "deltas of 100 ms at twice real time": steady(100, 2.0, lambda at: chance.randrange(41)),
        "whole answers at once": steady(100, 1_000.0),
    }


@dataclass(frozen=True, slots=True)
class Hearing:
    """How answers were heard."""

    underruns: int
    silent_ms: int
    """Silence in the middle of answers."""
    mean_depth_ms: float
    """Over the pieces as they came."""
    sound: bytes


def hear(answers: list[Answer], rule: DepthRule) -> Hearing:
    """Play the answers in blocks, as a device does."""
    buffer = PlayoutBuffer(rule, BLOCK_MS)
    block_samples = CALL_FORMAT.rate_hz * BLOCK_MS // 1_000
    depths: list[int] = []
    underruns = silent_bytes = 0
    heard: list[bytes] = []
    now = 7  # blocks and pieces do not begin together
    for answer in answers:
        pieces = iter(answer)
        piece = next(pieces, None)
        left_bytes = sum(CALL_FORMAT.bytes_of(ms) for _, ms in answer)
        has_begun = False
        while left_bytes:
            while piece is not None and piece[0] <= now:
                buffer.push(b"\1\0" * (CALL_FORMAT.bytes_of(piece[1]) // 2), piece[0])
                depths.append(rule.depth_ms)
                piece = next(pieces, None)
            block = buffer.take(block_samples, now)
            heard.append(block)
            left_bytes -= len(block)
            has_begun = has_begun or bool(block)
            if has_begun and left_bytes:
                silent_bytes += block_samples * 2 - len(block)
            now += BLOCK_MS
        report = buffer.end_answer()
        assert report is not None
        underruns += report.underruns
    return Hearing(underruns, CALL_FORMAT.ms_of(silent_bytes), mean(depths), b"".join(heard))


def decisions(answers: list[Answer], rule: DepthRule) -> Iterator[tuple[int, int]]:
    """Yield depth and wait after each piece, each answer beginning anew."""
    for answer in answers:
        rule.begin_answer()
        for at, duration in answer:
            rule.arrived(at, duration)
            yield rule.depth_ms, rule.wait_ms
