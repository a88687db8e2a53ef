"""Who asks the daemon for something, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum


class Scope(StrEnum):
    """What a client may do: hold calls, or see and change everything."""

    CALL = "call"
    ADMIN = "admin"


def scopes_of(scope: Scope) -> frozenset[Scope]:
    """Return all that a scope allows: whoever may change everything may call too."""
    return frozenset(Scope) if scope is Scope.ADMIN else frozenset({scope})


class PassKind(StrEnum):
    """By what a client is let in."""

    OWNER = "owner"
    """The control socket: the file system lets in its owner alone."""
    OPEN_DOOR = "open_door"
    """This machine, as long as no token was made."""
    TOKEN = "token"
    SIGN_IN = "sign_in"


@dataclass(frozen=True, slots=True)
class Pass:
    """What a client was let in by; `id` is the token's or the sign-in's, which may be shown."""

    kind: PassKind = PassKind.OWNER
    id: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. `npub` is theirs if they signed in with Nostr; `caller` is whose calls theirs are.

    `projects`: the slugs of those it may call; None is all. `came_by` is what lets it in, which may end
    before what it opened does; two browsers of one person are the same client. `has_run_out`: its sign-in
    is over by the clock alone, so it would have to sign in again, but nobody took its right away.
    """

    name: str
    scopes: frozenset[Scope]
    npub: str | None = None
    caller: str = "local"
    projects: frozenset[str] | None = None
    came_by: Pass = field(default=Pass(), compare=False)
    has_run_out: bool = field(default=False, compare=False)

    def may_call(self, project: str) -> bool:
        """Whether it may hold calls of a project."""
        return self.projects is None or project in self.projects


OWNER = Client("local", frozenset(Scope))
"""Who sits at this machine, at its control socket."""

NEIGHBOUR = replace(OWNER, came_by=Pass(PassKind.OPEN_DOOR))
"""Whoever is on this machine while no token was made: trusted like its owner."""

NOBODY = Client("", frozenset())
