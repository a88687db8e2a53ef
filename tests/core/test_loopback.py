from __future__ import annotations

import pytest

from agentvoice.core.loopback import is_loopback, is_loopback_url


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_addresses_of_this_machine(host: str):
    """The whole loopback range, in both families, and its one name."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.example", "127.0.0.1.example", "", "0.0.0.0"])
def test_other_addresses(host: str):
    """A name that only looks like this machine is another one."""
    assert not is_loopback(host)


def test_urls_are_judged_by_their_host():
    """Port, path and user do not matter; what is no URL is not this machine."""
    assert is_loopback_url("http://127.0.0.1:11434/v1")
    assert is_loopback_url("ws://[::1]/")
    assert not is_loopback_url("http://example.org/127.0.0.1")
    assert not is_loopback_url("http://127.0.0.1@example.org/")
    assert not is_loopback_url("http://[::1")
    assert not is_loopback_url("nothing")
