"""`agentvoice call devices`."""

from __future__ import annotations

import sys

import pytest

from tests.cli.conftest import Cli
from tests.fakes.sound_card import FakePortAudio


def test_devices_are_a_table_or_a_document(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """Number, name, channels and rate; a star marks the system's choice."""
    machine = FakePortAudio(("HDMI\x1b[2J", 0, 8, 48_000.0), ("USB headset", 1, 2, 44_100.0), default=(1, 0))
    monkeypatch.setitem(sys.modules, "sounddevice", machine)
    answer = cli("call", "devices")
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "NUMBER  NAME         INPUTS  OUTPUTS     HZ",
        "     0  HDMI [2J     -       8 *      48000",
        "     1  USB headset  1 *     2        44100",
    ]
    assert cli("call", "devices", "--json").document["devices"][1] == {
        "number": 1,
        "name": "USB headset",
        "inputs": 1,
        "outputs": 2,
        "rate_hz": 44_100,
        "is_default_input": True,
        "is_default_output": False,
    }


def test_no_devices_leads_to_calls_without_them(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    """The answer is empty, and says what works all the same."""
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio(default=(-1, -1)))
    assert "--input FILE.wav" in cli("call", "devices").out
    assert cli("call", "devices", "--json").document == {"devices": []}
