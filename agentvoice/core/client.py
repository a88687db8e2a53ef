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
    """Who asks. `npub` is theirs if they signed in with Nostr; `caller` is whose calls theirs are.

    `projects`: the slugs of those it may call; None is all.
    """

    name: str
    scopes: frozenset[Scope]
    npub: str | None = None
    caller: str = "local"
    projects: frozenset[str] | None = None

    def may_call(self, project: str) -> bool:
        """Whether it may hold calls of a project."""
        return self.projects is None or project in self.projects


OWNER = Client("local", frozenset(Scope))
"""Who sits at this machine."""

NOBODY = Client("", frozenset())
