"""Who may come in: whoever shows a token, and whoever signs in by one or with Nostr.

What a client may do is read anew for each request, so that a token that is revoked, or an npub that a
project has no more, lets nobody in from that moment. What stays open is looked at again (services.presence).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from agentvoice.config import SignInSettings
from agentvoice.core.client import NEIGHBOUR, NOBODY, Client, Pass, PassKind, Scope, scopes_of
from agentvoice.core.event import SignedEvent
from agentvoice.core.iso_time import iso_time
from agentvoice.core.ports import Clock
from agentvoice.core.project import Project
from agentvoice.core.token import RANDOM_BYTES, build_token, token_id
from agentvoice.errors import SignInWanted, WrongToken
from agentvoice.protocols.nostr.nip19 import decode_pubkey, encode_npub
from agentvoice.protocols.nostr.nip98 import ProvenRequest, check_proof
from agentvoice.storage import projects, sign_ins, tokens
from agentvoice.storage.database import Database
from agentvoice.storage.sign_ins import SignIn
from agentvoice.storage.tokens import StoredToken, TokenState
from agentvoice.storage.transactions import read, write

MS_PER_HOUR = 3_600_000

FindForgery = Callable[[SignedEvent], str]
"""Return what is wrong with an event's id or signature, "" for nothing."""

ReadProjects = Callable[[], Iterable[Project]]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser that was let in: its cookie, shown this once, and for how long it is good."""

    client: Client
    cookie: str
    seconds: int


class SignInDesk:
    """Lets clients in: by the database's tokens, and the npubs of the settings and of the projects."""

    def __init__(
        self, database: Database, clock: Clock, settings: SignInSettings, find_forgery: FindForgery
    ) -> None:
        self._database = database
        self._clock = clock
        self._find_forgery = find_forgery
        self.use_settings(settings)

    def use_settings(self, settings: SignInSettings) -> None:
        """Apply other npubs, also to those who are in, and another `hours` to those who come."""
        self._session_ms = int(settings.hours * MS_PER_HOUR)
        self._scope_of_pubkey = {
            **{decode_pubkey("caller_npubs", npub): Scope.CALL for npub in settings.caller_npubs},
            **{decode_pubkey("admin_npubs", npub): Scope.ADMIN for npub in settings.admin_npubs},
        }

    async def is_open(self) -> bool:
        """Whether this machine's clients need no token: none was made yet."""
        return not await read(self._database, tokens.has_tokens)

    async def client_of_token(self, token: str) -> Client:
        """Return who shows this token; raises WrongToken, or SignInWanted if it is over."""
        stored = await self._valid_token(token)
        return _client_of(stored, Pass(PassKind.TOKEN, stored.id))

    async def client_of_cookie(self, cookie: str) -> Client | None:
        """Return who signed in with this cookie, None if that is over."""
        now, came_by = self._clock.utc_ms(), _pass_of(cookie)

        def find(session: Any) -> Client | None:
            found = sign_ins.find_sign_in(session, cookie, now)
            return self._client_of_sign_in(found, came_by, _projects_of(session)) if found else None

        return await read(self._database, find)

    async def look_again(self, passes: Collection[Pass]) -> dict[Pass, Client]:
        """Return who each pass lets in now, as a request would find them: NOBODY if it is over.

        A sign-in that has run out is still somebody's (`has_run_out`): it ends no call. One look at the database, however many they are.
        """
        now = self._clock.utc_ms()

        def find(session: Any) -> dict[Pass, Client]:
            found = {} if tokens.has_tokens(session) else {NEIGHBOUR.came_by: NEIGHBOUR}
            for id, token in tokens.find_tokens(session, _ids(passes, PassKind.TOKEN)).items():
                if token.state_at(now) is TokenState.VALID:
                    shown = Pass(PassKind.TOKEN, id)
                    found[shown] = _client_of(token, shown)
            known = _projects_of(session)
            signed_in = sign_ins.find_sign_ins(
                session, _ids(passes, PassKind.SIGN_IN), now, ran_out_ms=sign_ins.KEPT_MS
            )
            for id, sign_in in signed_in.items():
                shown = Pass(PassKind.SIGN_IN, id)
                client = self._client_of_sign_in(sign_in, shown, known) or NOBODY
                found[shown] = replace(client, has_run_out=sign_in.expires_at <= now)
            return {each: found.get(each, NOBODY) for each in passes}

        return await read(self._database, find)

    async def sign_in_by_token(self, token: str) -> SignedIn:
        """Let a browser in by a token; raises as `client_of_token`."""
        stored = await self._valid_token(token)
        cookie = self._new_cookie()
        return await self._admit(cookie, _client_of(stored, _pass_of(cookie)), token=stored)

    async def sign_in_by_event(self, event: SignedEvent, request: ProvenRequest) -> SignedIn:
        """Let a browser in by a signed event about this very request (NIP-98), once.

        Raises WrongToken (signature, a key that is not let in, an event that served already) or
        SignInWanted (an event about something else).
        """
        forgery = self._find_forgery(event)
        if forgery:
            raise WrongToken(f"nostr: {forgery}")
        check_proof(event, request, self._clock.utc_ms())
        npub, cookie = encode_npub(event.pubkey), self._new_cookie()
        client = await read(
            self._database,
            lambda session: self._client_of_npub(npub, _pass_of(cookie), _projects_of(session)),
        )
        if client is None:
            raise WrongToken(f"nostr: {npub} is neither among [http.sign_in] npubs nor a project's --caller")
        return await self._admit(cookie, client, proof=event.id)

    async def sign_out(self, cookie: str) -> None:
        """Make a cookie worth nothing."""
        now = self._clock.utc_ms()
        await write(self._database, lambda session: sign_ins.end_sign_in(session, cookie, now), durable=True)

    def _new_cookie(self) -> str:
        return build_token(self._clock.random_bytes(RANDOM_BYTES))

    async def _admit(
        self, cookie: str, client: Client, *, token: StoredToken | None = None, proof: str | None = None
    ) -> SignedIn:
        now = self._clock.utc_ms()
        expires_at = now + self._session_ms
        if token is not None and token.expires_at:
            expires_at = min(expires_at, token.expires_at)

        # Durable: were the row lost with the power, its event would serve a second time.
        is_new = await write(
            self._database,
            lambda session: sign_ins.add_sign_in(
                session,
                cookie,
                token=token,
                npub=client.npub,
                proof=proof,
                now_ms=now,
                expires_at=expires_at,
            ),
            durable=True,
        )
        if not is_new:
            raise WrongToken("nostr: this event has signed somebody in already, want a new one")
        return SignedIn(client, cookie, (expires_at - now) // 1_000)

    async def _valid_token(self, token: str) -> StoredToken:
        stored = await read(self._database, lambda session: tokens.find_token(session, token))
        if stored is None:
            raise WrongToken("token: this is no token of this daemon; `agentvoice token new` makes one")
        state = stored.state_at(self._clock.utc_ms())
        if state is not TokenState.VALID:
            since = iso_time(stored.revoked_at or stored.expires_at)
            raise SignInWanted(
                f"token: {stored.name!r} is {state.value} since {since}, want one that is valid"
            )
        return stored

    def _client_of_sign_in(self, sign_in: SignIn, came_by: Pass, known: ReadProjects) -> Client | None:
        if sign_in.token is not None:
            return _client_of(sign_in.token, came_by)
        return self._client_of_npub(sign_in.npub or "", came_by, known)

    def _client_of_npub(self, npub: str, came_by: Pass, known: ReadProjects) -> Client | None:
        """Return who that is: of the settings, or a caller of some projects; None for a stranger."""
        pubkey = decode_pubkey("npub", npub)
        scope = self._scope_of_pubkey.get(pubkey)
        if scope is not None:
            return Client(npub, scopes_of(scope), npub, npub, came_by=came_by)
        theirs = frozenset(project.slug for project in known() if pubkey in project.callers)
        return Client(npub, scopes_of(Scope.CALL), npub, npub, theirs, came_by) if theirs else None


def _client_of(token: StoredToken, came_by: Pass) -> Client:
    return Client(token.name, scopes_of(token.scope), None, f"token {token.id}", came_by=came_by)


def _projects_of(session: Any) -> ReadProjects:
    """Return what reads the projects when they are first asked for."""
    return cache(lambda: projects.list_projects(session))


def _pass_of(cookie: str) -> Pass:
    return Pass(PassKind.SIGN_IN, token_id(cookie))


def _ids(passes: Collection[Pass], kind: PassKind) -> list[str]:
    return [each.id for each in passes if each.kind is kind]
