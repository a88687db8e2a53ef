from __future__ import annotations

import pytest

from agentvoice.web.addresses import host_name, network_location


@pytest.mark.parametrize(
    ("host", "name"), [("a.example:8", "a.example"), ("[::1]:8", "::1"), ("[half", ""), ("", "")]
)
def test_the_name_of_a_host(host: str, name: str):
    """Without its port; "" for what cannot be read."""
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("url", "location"), [("https://A.example:8/x", "a.example:8"), ("null", ""), ("http://[half", "")]
)
def test_the_host_and_port_of_an_address(url: str, location: str):
    """In lower case; "" for what cannot be read."""
    assert network_location(url) == location
