from __future__ import annotations

import pytest

from agentvoice.web.addresses import host_name


@pytest.mark.parametrize(
    ("host", "name"), [("a.example:8", "a.example"), ("[::1]:8", "::1"), ("[half", ""), ("", "")]
)
def test_the_name_of_a_host(host: str, name: str):
    """Without its port; "" for what cannot be read."""
    assert host_name(host) == name
