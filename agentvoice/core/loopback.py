"""Does an address mean this machine? What is spoken or secret may go there in clear."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether the host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """Whether the URL's host means this machine; a URL that has none does not."""
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:  # half an IPv6 address
        return False
