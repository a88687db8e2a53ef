"""The keys of a live call, on a real pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
import termios
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from agentvoice.adapters.sound_device import SoundDeviceLeg
from agentvoice.cli.call_keys import CallKeys, call_keys, is_ours, keys_of
from agentvoice.core.echo import FullDuplex
from agentvoice.core.leg import HungUp, InterruptPressed, LegEvent, SwitchAsked
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.clock import ManualClock
from tests.fakes.sound_card import FakeStream

PATIENCE_S = 5.0
TURNS = 10
"""Of the loop: each looks once at what is readable."""


@dataclass(frozen=True)
class Pty:
    """Both ends: a person types at `person`, the program reads `program`."""

    person: int
    program: int

    def modes(self) -> list[object]:
        return termios.tcgetattr(self.program)


@pytest.fixture
def terminal() -> Iterator[Pty]:
    person, program = pty.openpty()
    yield Pty(person, program)
    for each in (person, program):
        try:
            os.close(each)
        except OSError:
            pass  # the test closed it


@pytest.fixture
def leg() -> SoundDeviceLeg:
    return SoundDeviceLeg(FakeStream().open, ManualClock(), FullDuplex())


async def pressed(leg: SoundDeviceLeg) -> list[LegEvent]:
    """What the leg was told, by now."""
    await leg.close()
    return [event async for event in leg.events()]


async def test_each_key_has_its_meaning(leg: SoundDeviceLeg):
    """Space interrupts, tab hands over, q hangs up, in both cases; others do nothing."""
    CallKeys(leg, ["ada", "max"], lambda: "ada").press(b" x\tQ1\n")
    assert await pressed(leg) == [InterruptPressed(), SwitchAsked("max"), HungUp()]


async def test_arrows_and_function_keys_are_ignored(leg: SoundDeviceLeg):
    """They send letters too, which are no keys pressed."""
    keys = CallKeys(leg, ["ada", "max"], lambda: "ada")
    for each in (b"\x1b[A", b"\x1b q", b"\x1bOQ"):
        keys.press(each)
    assert await pressed(leg) == []


@pytest.mark.parametrize(
    ("agents", "now", "asked"),
    [
        (["ada", "max", "nora"], "max", ["nora"]),
        (["ada", "max"], "max", ["ada"]),
        (["ada", "max"], "gone", ["ada"]),
        (["ada"], "ada", []),
        ([], "ada", []),
    ],
)
async def test_tab_goes_round_the_agents(leg: SoundDeviceLeg, agents: list[str], now: str, asked: list[str]):
    """The next one after who speaks now; alone there is nobody to ask for."""
    CallKeys(leg, agents, lambda: now).press(b"\t")
    assert await pressed(leg) == [SwitchAsked(agent) for agent in asked]


def test_m_closes_and_opens_the_microphone(leg: SoundDeviceLeg):
    """Pressed again, it takes itself back."""
    keys = CallKeys(leg, [], lambda: "")
    keys.press(b"m")
    assert leg.is_muted
    keys.press(b"M")
    assert not leg.is_muted


async def test_keys_come_one_by_one_and_are_not_shown(terminal: Pty):
    """Without Enter and without echo; Ctrl-C stays a signal, Ctrl-Z and Ctrl-S become ordinary keys."""
    keys: asyncio.Queue[bytes] = asyncio.Queue()
    before = terminal.modes()
    with keys_of(terminal.program, keys.put_nowait):
        local_modes = terminal.modes()[3]
        assert isinstance(local_modes, int)
        assert not local_modes & (termios.ICANON | termios.ECHO)
        assert local_modes & termios.ISIG
        async with asyncio.timeout(PATIENCE_S):
            for key in (b"q", b"\t", b"\x1a", b"\x13"):
                os.write(terminal.person, key)
                assert await keys.get() == key
    assert terminal.modes() == before


async def test_the_terminal_is_restored_after_a_fault(terminal: Pty):
    """Whatever ends the call, the terminal is as it was."""
    before = terminal.modes()
    with pytest.raises(RuntimeError):
        with keys_of(terminal.program, print):
            assert terminal.modes() != before
            raise RuntimeError
    assert terminal.modes() == before


async def test_a_closed_terminal_ends_the_keys_only(terminal: Pty):
    """Its end is read once and not again and again; restoring what is gone is no fault."""
    keys: list[bytes] = []
    with keys_of(terminal.program, keys.append):
        os.close(terminal.person)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert not asyncio.get_running_loop().remove_reader(terminal.program)
    assert keys == []


def test_only_a_terminal_is_read(terminal: Pty):
    """A pipe or a file has no keys."""
    read_end, write_end = os.pipe()
    assert not is_ours(read_end)
    assert is_ours(terminal.program)
    os.close(read_end)
    os.close(write_end)


async def test_no_keys_without_a_terminal_or_a_device(
    leg: SoundDeviceLeg, terminal: Pty, monkeypatch: pytest.MonkeyPatch
):
    """Pipes, closed standard input, and calls that are no spoken ones leave all as it is."""
    before = terminal.modes()
    with os.fdopen(os.dup(terminal.program)) as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        with call_keys(FakeLeg(), [], str):
            assert terminal.modes() == before
        with call_keys(leg, [], str):
            assert terminal.modes() != before
    monkeypatch.setattr(sys, "stdin", None)
    with call_keys(leg, [], str):
        assert terminal.modes() == before
