"""Checks of the [http] settings: what is right as text or number alone, and means nothing."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from agentvoice.config.settings import HttpSettings
from agentvoice.errors import ConfigError, InvalidKey
from agentvoice.protocols.nostr.nip19 import decode_pubkey

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def check_http(http: HttpSettings) -> None:
    """Raise ConfigError naming the first setting that means nothing."""
    if bool(http.tls_cert) != bool(http.tls_key):
        missing = "tls_key" if http.tls_cert else "tls_cert"
        raise ConfigError(f"http.{missing}: got nothing, want the PEM file that belongs to the other one")
    networks_of(http.trusted_proxies)
    for name, npubs in (
        ("admin_npubs", http.sign_in.admin_npubs),
        ("caller_npubs", http.sign_in.caller_npubs),
    ):
        for npub in npubs:
            try:
                decode_pubkey(f"http.sign_in.{name}", npub)
            except InvalidKey as error:
                raise ConfigError(str(error)) from None
    for origin in http.allowed_origins:
        _check_origin(origin)


def networks_of(proxies: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of `http.trusted_proxies`; raises ConfigError for what is none."""
    try:
        return tuple(ipaddress.ip_network(proxy, strict=False) for proxy in proxies)
    except ValueError as error:
        raise ConfigError(
            f"http.trusted_proxies: {error}; want addresses or networks such as 127.0.0.1 or 10.0.0.0/8"
        ) from None


def _check_origin(origin: str) -> None:
    try:
        parts = urlsplit(origin)
        is_origin = f"{parts.scheme}://{parts.netloc}" == origin.lower() == origin and "@" not in parts.netloc
    except ValueError:
        is_origin = False
    if not is_origin or not parts.netloc or parts.scheme not in ("http", "https"):
        raise ConfigError(f"http.allowed_origins: got {origin[:80]!r}, want https://host as browsers say it")
