"""What of the microphone passes while an agent is heard."""

from __future__ import annotations

import pytest

from agentvoice.core.audio import CALL_FORMAT
from agentvoice.core.echo import EchoMode, FullDuplex, HalfDuplexGate

BLOCK = b"\2\0" * (CALL_FORMAT.rate_hz // 50)
SILENCE = bytes(len(BLOCK))


def passed(gate: HalfDuplexGate, spoken: list[bytes]) -> list[bool]:
    """Whether the caller was heard in each block."""
    cleaned = [gate.clean(BLOCK, each) for each in spoken]
    assert all(each in (BLOCK, SILENCE) for each in cleaned)
    return [each == BLOCK for each in cleaned]


def test_the_gate_is_open_while_nobody_speaks():
    """Without sound of an agent all of the caller passes."""
    gate = HalfDuplexGate(100)
    assert passed(gate, [b""] * 3) == [True] * 3
    assert not gate.is_closed


@pytest.mark.parametrize(
    ("tail_ms", "delay_ms", "closed_blocks"), [(0, 0, 0), (60, 0, 3), (60, 40, 5), (50, 0, 3)]
)
def test_the_gate_stays_closed_for_the_tail_and_the_way(tail_ms: int, delay_ms: int, closed_blocks: int):
    """After the last sound silence passes for so long; begun blocks count whole."""
    gate = HalfDuplexGate(tail_ms)
    gate.begin(delay_ms)
    assert passed(gate, [BLOCK, BLOCK[:2]]) == [False, False]
    assert gate.is_closed is (closed_blocks > 0)
    assert passed(gate, [b""] * (closed_blocks + 1)) == [False] * closed_blocks + [True]


def test_a_gap_shorter_than_the_tail_does_not_open_the_gate():
    """An answer that runs dry for a moment is one answer to the gate."""
    gate = HalfDuplexGate(60)
    assert passed(gate, [BLOCK, b"", b"", BLOCK, b"", b"", b"", b""]) == [False] * 7 + [True]


def test_headphones_let_all_pass():
    """Full duplex: the caller is heard while the agent speaks."""
    duplex = FullDuplex()
    duplex.begin(100)
    assert duplex.clean(BLOCK, BLOCK) == BLOCK
    assert not duplex.is_closed


def test_the_modes_are_those_of_the_settings():
    """The words in the configuration and here are the same."""
    assert [mode.value for mode in EchoMode] == ["gate", "cancel", "off"]
