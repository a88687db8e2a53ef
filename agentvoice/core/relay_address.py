"""Addresses of relays that others name: which may be dialled, and which are the same."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from agentvoice.core.project import MAX_RELAY_CHARS

_DEFAULT_PORTS = {"ws": 80, "wss": 443}
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


@dataclass(frozen=True, slots=True)
class ListedRelay:
    """A relay of somebody's own list, and what they do there."""

    address: str
    reads: bool
    writes: bool


def normalize_relay(address: str) -> str:
    """Return one spelling of a relay's address: host in small letters, no default port, no last slash.

    Empty for what is no ws:// or wss:// address, or carries a user, a password or control characters.
    """
    address = address.strip()
    if not address.isprintable() or " " in address or len(address) > MAX_RELAY_CHARS:
        return ""
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:  # a bracket left open, a port that is no number
        return ""
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return ""
    shown_host = f"[{host}]" if ":" in host else host
    netloc = shown_host if port in (None, _DEFAULT_PORTS[scheme]) else f"{shown_host}:{port}"
    return urlunsplit((scheme, netloc, parts.path.rstrip("/"), parts.query, ""))


def is_public_relay(address: str) -> bool:
    """Whether a normalized address lies on the open internet, as far as its spelling tells.

    Whoever names a relay to us must not make us knock at doors inside the operator's network.
    """
    host = urlsplit(address).hostname or ""
    try:
        address_of_host = ipaddress.ip_address(host)
        mapped = address_of_host.ipv4_mapped if address_of_host.version == 6 else None
        return (mapped or address_of_host).is_global
    except ValueError:
        domain, _, top = host.rpartition(".")
        # 127.1 and 1.0x7f are addresses to a resolver, and a name of one word is of the local network.
        return bool(domain) and top[:1].isalpha() and not host.endswith(_LOCAL_SUFFIXES)


def choose_relays(named: Iterable[str], own: Iterable[str], limit: int) -> tuple[str, ...]:
    """Return at most `limit` of the relays that somebody else named, each once.

    One that is among `own`, the operator's, is given as the operator spells it, wherever it lies;
    any other must be on the open internet.
    """
    spelled = {normalize_relay(address): address for address in own}
    chosen: dict[str, None] = {}
    for address in map(normalize_relay, named):
        if address and (address in spelled or is_public_relay(address)):
            chosen[spelled.get(address, address)] = None
    return tuple(chosen)[:limit]
