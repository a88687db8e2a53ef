"""Checks of the [http] settings."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.config.http import check_http, networks_of
from agentvoice.config.settings import HttpSettings, SignInSettings
from agentvoice.errors import ConfigError


def test_what_means_something_is_taken():
    """Addresses and networks, npubs and hex keys, origins with and without a port."""
    signer = KeySigner.generate()
    check_http(
        HttpSettings(
            trusted_proxies=("127.0.0.1", "10.1.2.3/8", "fd00::/8"),
            allowed_origins=("https://desk.example", "http://localhost:3000"),
            sign_in=SignInSettings(admin_npubs=(signer.npub,), caller_npubs=(signer.pubkey,)),
        )
    )
    assert networks_of(("10.1.2.3/8",)) == (ipaddress.ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tls_cert": "c.pem"}, "http.tls_key: got nothing"),
        ({"tls_key": "k.pem"}, "http.tls_cert: got nothing"),
        ({"trusted_proxies": ("nginx",)}, "http.trusted_proxies: 'nginx' does not"),
        ({"allowed_origins": ("*",)}, r"http.allowed_origins: got '\*'"),
        ({"allowed_origins": ("desk.example",)}, "want https://host"),
        ({"allowed_origins": ("https://desk.example/",)}, "want https://host"),
        ({"allowed_origins": ("https://me@desk.example",)}, "want https://host"),
        ({"allowed_origins": ("https://Desk.example",)}, "want https://host"),
        ({"allowed_origins": ("https://[half",)}, "want https://host"),
        ({"allowed_origins": ("ftp://desk.example",)}, "want https://host"),
        ({"sign_in": SignInSettings(admin_npubs=("npub1x",))}, "http.sign_in.admin_npubs: "),
        ({"sign_in": SignInSettings(caller_npubs=("ada",))}, "http.sign_in.caller_npubs: "),
    ],
)
def test_what_means_nothing_is_named(settings: dict[str, Any], words: str):
    """The setting, what was got, what is wanted."""
    with pytest.raises(ConfigError, match=words):
        check_http(HttpSettings(**settings))
