from __future__ import annotations

import pytest

from agentvoice.core.relay_address import choose_relays, is_public_relay, normalize_relay


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("wss://Relay.Example/", "wss://relay.example"),
        (" WSS://relay.example:443// ", "wss://relay.example"),
        ("ws://relay.example.:80", "ws://relay.example"),
        ("wss://relay.example:7447/Inbox/", "wss://relay.example:7447/Inbox"),
        ("wss://relay.example/?key=1#part", "wss://relay.example?key=1"),
        ("wss://[2001:db8::1]:444", "wss://[2001:db8::1]:444"),
        ("https://relay.example", ""),
        ("wss://", ""),
        ("wss://user:pass@relay.example", ""),
        ("wss://relay.example:port", ""),
        ("wss://[::1", ""),
        ("wss://relay .example", ""),
        ("wss://relay.example/\x07", ""),
        ("wss://" + "a" * 600, ""),
        ("", ""),
    ],
)
def test_one_spelling_of_each_address(address: str, expected: str):
    """Case, default ports and last slashes do not matter; what is no relay's address becomes empty."""
    assert normalize_relay(address) == expected
    assert normalize_relay(expected) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("wss://relay.example", True),
        ("wss://relay.xn--p1ai", True),
        ("wss://8.8.8.8", True),
        ("wss://[2606:4700::1111]", True),
        ("ws://127.0.0.1:7447", False),
        ("ws://[::1]", False),
        ("ws://[::ffff:127.0.0.1]", False),
        ("ws://[::ffff:8.8.8.8]", True),
        ("ws://10.0.0.1", False),
        ("ws://169.254.169.254", False),
        ("ws://100.64.0.1", False),
        ("ws://127.1", False),
        ("ws://1.0x7f", False),
        ("ws://2130706433", False),
        ("ws://localhost:7447", False),
        ("ws://router", False),
        ("ws://relay.localhost", False),
        ("ws://printer.local", False),
        ("ws://vault.internal", False),
        ("", False),
    ],
)
def test_only_the_open_internet_is_public(address: str, expected: bool):
    """Loopback, private networks and local names are not, however they are spelled."""
    assert is_public_relay(address) is expected


def test_relays_that_others_name_are_chosen_with_care():
    """Each once, in order, few; the operator's own count wherever they lie, in the operator's spelling."""
    named = (
        "wss://One.example/",
        "ws://127.0.0.1:7000/",
        "wss://one.example",
        "ws://10.0.0.1",
        "http://x",
        "ws://127.0.0.1:8000",
        "wss://two.example",
        "wss://three.example",
    )
    own = ("ws://127.0.0.1:7000", "embedded")
    assert choose_relays(named, own, 3) == ("wss://one.example", "ws://127.0.0.1:7000", "wss://two.example")
    assert choose_relays((), own, 3) == ()
