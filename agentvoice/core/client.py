"""Who asks the daemon for something, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a client may do: hold calls, or see and change everything."""

    CALL = "call"
    ADMIN = "admin"


def scopes_of(scope: Scope) -> frozenset[Scope]:
    """Return all that a scope allows: whoever may change everything may call too."""
    return frozenset(Scope) if scope is Scope.ADMIN else frozenset({scope})


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. `npub` is theirs if they signed in with Nostr; `caller` is whose calls theirs are."""

    name: str
    scopes: frozenset[Scope]
    npub: str | None = None
    caller: str = "local"


OWNER = Client("local", frozenset(Scope))
"""Who sits at this machine."""

NOBODY = Client("", frozenset())
