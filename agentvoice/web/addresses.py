"""Parts of addresses that strangers send: never an exception, "" for what cannot be read."""

from __future__ import annotations

from urllib.parse import urlsplit


def host_name(host: str) -> str:
    """Return a Host header's name without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
