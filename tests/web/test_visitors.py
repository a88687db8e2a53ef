"""Where a request comes from, directly and through proxies."""

from __future__ import annotations

import pytest
from aiohttp import HttpVersion10, web
from aiohttp.test_utils import make_mocked_request

from agentvoice.config.http import networks_of
from agentvoice.web.visitors import PROXY_HEADERS, Visitor, see

PROXY = "10.0.0.2"
TRUSTED = networks_of((PROXY, "fd00::/8"))


def asked(remote: str = "127.0.0.1", host: str = "127.0.0.1:8420", **headers: str) -> web.Request:
    words = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("GET", "/", headers={"Host": host, **words}).clone(remote=remote)


@pytest.mark.parametrize("host", ["127.0.0.1:8420", "localhost", "[::1]:8420"])
def test_a_client_on_this_machine_is_local(host: str):
    """By any name of loopback, and from any of its addresses."""
    for remote in ("127.0.0.1", "::1"):
        assert see(asked(remote, host), ()) == Visitor(remote, host, "http", True)


@pytest.mark.parametrize("name", PROXY_HEADERS)
def test_what_comes_through_a_proxy_is_not_local(name: str):
    """A proxy on this machine may speak for anybody, trusted or not."""
    request = asked(**{name: "127.0.0.1"})
    assert not see(request, ()).is_local
    assert not see(request, networks_of(("127.0.0.0/8",))).is_local


def test_a_proxy_that_says_nothing_speaks_an_old_protocol():
    """Nginx without a word of configuration sends HTTP/1.0 and the Host 127.0.0.1:8420."""
    request = make_mocked_request("GET", "/", headers={"Host": "127.0.0.1:8420"}, version=HttpVersion10)
    assert not see(request.clone(remote="127.0.0.1"), ()).is_local


def test_a_client_elsewhere_is_not_local():
    """By its address, or by the name it asks for (DNS rebinding)."""
    assert not see(asked("203.0.113.9"), ()).is_local
    assert not see(asked(host="calls.example"), ()).is_local
    assert not see(asked(""), ()).is_local


def test_a_trusted_proxy_is_believed():
    """Address, name and scheme are those it tells; the page's origin follows from them."""
    request = asked(
        PROXY, X_Forwarded_For="203.0.113.9", X_Forwarded_Host="Calls.example", X_Forwarded_Proto="https"
    )
    visitor = see(request, TRUSTED)
    assert visitor == Visitor("203.0.113.9", "Calls.example", "https", False)
    assert visitor.origin == "https://calls.example"
    assert see(asked(PROXY, X_Forwarded_For="203.0.113.9"), TRUSTED).origin == "http://127.0.0.1:8420"


def test_a_stranger_is_not_believed():
    """Whoever is no trusted proxy is the visitor itself, whatever it writes."""
    request = asked(
        "203.0.113.9", X_Forwarded_For="127.0.0.1", X_Forwarded_Host="localhost", X_Forwarded_Proto="https"
    )
    assert see(request, TRUSTED) == Visitor("203.0.113.9", "127.0.0.1:8420", "http", False)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("127.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.2", "10.0.0.2"),
        ("rubbish", "rubbish"),
        ("x" * 200, "x" * 80),
        (" fd00::7 ", "fd00::7"),
    ],
)
def test_what_the_client_wrote_itself_is_hearsay(forwarded: str, address: str):
    """The address nearest to us that is no proxy of ours counts."""
    assert see(asked(PROXY, X_Forwarded_For=forwarded), TRUSTED).address == address


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3::9", "2001:db8:1:2::/64"),
        ("", ""),
        ("rubbish", "rubbish"),
    ],
)
def test_limits_are_counted_by_address(address: str, key: str):
    """Of IPv6 by network."""
    assert Visitor(address, "h", "http", False).key == key
