"""Times as JSON shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_time(utc_ms: int) -> str | None:
    """Return a time as ISO 8601 with Z and milliseconds; None for 0 (not yet)."""
    if not utc_ms:
        return None
    return (_EPOCH + timedelta(milliseconds=utc_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
