"""NIP-70: protected events, which a relay takes from their authenticated author only."""

from __future__ import annotations

from agentvoice.core.event import Tags

PROTECTED = ("-",)


def is_protected(tags: Tags) -> bool:
    """Return whether an event with these tags is protected."""
    return any(tag[:1] == PROTECTED for tag in tags)
