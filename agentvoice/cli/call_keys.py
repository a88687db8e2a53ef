"""The keys of a live call: read one by one from the terminal, which is as it was when the call ends."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from agentvoice.adapters.sound_device import SoundDeviceLeg
from agentvoice.core.leg import HungUp, InterruptPressed, SwitchAsked
from agentvoice.core.ports import CallerLeg

HINT = "space interrupt, tab next agent, m mute, q hang up"

READ_BYTES = 64
ESCAPE = b"\x1b"
"""Begins what arrows and function keys send: none of them means anything here."""


class CallKeys:
    """What each key does with a call.

    `agents` are the slugs that `tab` goes through, in order; `current` returns who speaks now.
    """

    def __init__(self, leg: SoundDeviceLeg, agents: Sequence[str], current: Callable[[], str]) -> None:
        self._leg = leg
        self._agents = agents
        self._current = current
        self._actions: dict[bytes, Callable[[], None]] = {
            b" ": lambda: leg.press(InterruptPressed()),
            b"\t": self._next_agent,
            b"m": self._mute,
            b"q": lambda: leg.press(HungUp()),
        }

    def press(self, keys: bytes) -> None:
        """Do what the keys mean; others are ignored."""
        if keys.startswith(ESCAPE):
            return
        for number in keys:
            action = self._actions.get(bytes((number,)).lower())
            if action is not None:
                action()

    def _next_agent(self) -> None:
        agents, current = self._agents, self._current()
        place = agents.index(current) + 1 if current in agents else 0
        following = agents[place % len(agents)] if agents else current
        if following != current:
            self._leg.press(SwitchAsked(following))

    def _mute(self) -> None:
        self._leg.is_muted = not self._leg.is_muted


def is_ours(terminal: int) -> bool:
    """Whether the file is a terminal that this process may read: a job in the background may not."""
    if not os.isatty(terminal):
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # a terminal, but not the one that controls this process
        return True


@contextmanager
def keys_of(terminal: int, press: Callable[[bytes], None]) -> Iterator[None]:
    """Tell `press` of each key until the block ends; then the terminal is as it was.

    Keys come at once and are not shown. Ctrl-C still interrupts. Ctrl-Z and Ctrl-S do nothing, for a
    call cannot stand still: neither the program nor what it shows.
    """
    loop = asyncio.get_running_loop()
    before = termios.tcgetattr(terminal)

    def readable() -> None:
        try:
            keys = os.read(terminal, READ_BYTES)
        except OSError:
            keys = b""
        if keys:
            press(keys)
        else:  # the terminal has gone
            loop.remove_reader(terminal)

    try:
        tty.setcbreak(terminal)
        modes = termios.tcgetattr(terminal)
        modes[0] &= ~termios.IXON
        modes[6][termios.VSUSP] = os.fpathconf(terminal, "PC_VDISABLE").to_bytes(1, "big")
        termios.tcsetattr(terminal, termios.TCSANOW, modes)
        loop.add_reader(terminal, readable)
        yield
    finally:
        loop.remove_reader(terminal)
        with suppress(termios.error):  # it has gone
            termios.tcsetattr(terminal, termios.TCSANOW, before)


@contextmanager
def call_keys(leg: CallerLeg, agents: Sequence[str], current: Callable[[], str]) -> Iterator[None]:
    """Let the keys of standard input steer a call of the sound devices; without a terminal, nothing."""
    terminal = _standard_input()
    if not isinstance(leg, SoundDeviceLeg) or terminal is None or not is_ours(terminal):
        yield
        return
    with keys_of(terminal, CallKeys(leg, agents, current).press):
        yield


def _standard_input() -> int | None:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # there is none, or it is no file
        return None
