"""Who is let in, by what, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event as sql_events

from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.config import SignInSettings
from agentvoice.core.client import NEIGHBOUR, NOBODY, Client, Scope, scopes_of
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.project import Project
from agentvoice.core.token import RANDOM_BYTES, build_token, token_id
from agentvoice.errors import SignInWanted, WrongToken
from agentvoice.protocols.nostr.nip98 import ProvenRequest
from agentvoice.services.sign_in import SignInDesk
from agentvoice.storage import projects, tokens
from agentvoice.storage.database import Database
from tests.fakes.clock import ManualClock

REQUEST = ProvenRequest("https://calls.example/api/v1/sign-in", "POST")
ADMIN, CALLER, GUEST, STRANGER = (KeySigner.generate() for _ in range(4))
SETTINGS = SignInSettings(hours=1, admin_npubs=(ADMIN.npub,), caller_npubs=(CALLER.pubkey,))
MINUTE_S = 60.0


class Door:
    """A desk over a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.database = Database.open(folder / "agentvoice.db", create=True)
        self.desk = self.desk_of(SETTINGS)

    def desk_of(self, settings: SignInSettings) -> SignInDesk:
        return SignInDesk(self.database, self.clock, settings, find_forgery)

    def new_token(self, scope: Scope = Scope.CALL, minutes: int = 0) -> str:
        token, now = build_token(self.clock.random_bytes(RANDOM_BYTES)), self.clock.utc_ms()
        expires_at = now + minutes * 60_000 if minutes else 0
        with self.database.writing() as session:
            tokens.add_token(session, token, "laptop", scope, now, expires_at)
        return token

    async def proof(self, signer: KeySigner) -> SignedEvent:
        tags = (("u", REQUEST.url), ("method", "POST"))
        return await signer.sign(UnsignedEvent(signer.pubkey, self.clock.utc_ms() // 1_000, 27_235, tags, ""))


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    built = Door(tmp_path)
    yield built
    built.database.close()


async def test_the_first_token_closes_the_door(door: Door):
    """Until one is made this machine needs none."""
    assert await door.desk.is_open()
    door.new_token()
    assert not await door.desk.is_open()


async def test_a_token_says_who_and_what(door: Door):
    """Its name, its scope, and whose calls are counted together."""
    token = door.new_token(Scope.ADMIN)
    assert await door.desk.client_of_token(token) == Client(
        "laptop", scopes_of(Scope.ADMIN), None, f"token {token_id(token)}"
    )


async def test_a_token_that_is_over_says_so(door: Door):
    """Expired or revoked: it is told apart from a wrong one, which is counted against its sender."""
    expired, revoked = door.new_token(minutes=1), door.new_token()
    await door.clock.advance(MINUTE_S)
    with door.database.writing() as session:
        tokens.revoke_token(session, token_id(revoked), door.clock.utc_ms())
    for token, state in ((expired, "expired"), (revoked, "revoked")):
        with pytest.raises(SignInWanted, match=f"'laptop' is {state} since 20") as refused:
            await door.desk.client_of_token(token)
        assert type(refused.value) is SignInWanted
    with pytest.raises(WrongToken, match="no token of this daemon") as wrong:
        await door.desk.sign_in_by_token(expired[:-2] + "AA")
    assert expired[:-2] not in str(wrong.value)


async def test_a_browser_signs_in_by_a_token_for_a_while(door: Door):
    """An hour, and no longer than the token; signing out ends it at once."""
    long, short = door.new_token(), door.new_token(minutes=5)
    signed_in = await door.desk.sign_in_by_token(long)
    assert (signed_in.seconds, (await door.desk.sign_in_by_token(short)).seconds) == (3_600, 300)
    assert await door.desk.client_of_cookie(signed_in.cookie) == signed_in.client
    other = await door.desk.sign_in_by_token(long)
    await door.desk.sign_out(signed_in.cookie)
    assert await door.desk.client_of_cookie(signed_in.cookie) is None
    assert await door.desk.client_of_cookie(other.cookie) is not None
    await door.clock.advance(60 * MINUTE_S)
    assert await door.desk.client_of_cookie(other.cookie) is None


async def test_a_person_signs_in_with_nostr(door: Door):
    """Those of the settings, with their scope; an npub taken out of them is nobody from then on."""
    for signer, scope in ((ADMIN, Scope.ADMIN), (CALLER, Scope.CALL)):
        signed_in = await door.desk.sign_in_by_event(await door.proof(signer), REQUEST)
        assert signed_in.client == Client(signer.npub, scopes_of(scope), signer.npub, signer.npub)
        assert await door.desk.client_of_cookie(signed_in.cookie) == signed_in.client
        assert await door.desk_of(SignInSettings()).client_of_cookie(signed_in.cookie) is None


async def test_a_projects_caller_may_call_that_project(door: Door):
    """From the moment it is stored until it is taken out; the settings say more than a project."""
    garden = Project("garden", "Garden", "a" * 64, callers=(GUEST.pubkey, ADMIN.pubkey))
    with door.database.writing() as session:
        projects.create_project(session, garden, door.clock.utc_ms())
    signed_in = await door.desk.sign_in_by_event(await door.proof(GUEST), REQUEST)
    assert signed_in.client == Client(
        GUEST.npub, scopes_of(Scope.CALL), GUEST.npub, GUEST.npub, frozenset({"garden"})
    )
    admin = await door.desk.sign_in_by_event(await door.proof(ADMIN), REQUEST)
    assert admin.client.projects is None
    with door.database.writing() as session:
        projects.update_project(session, replace(garden, callers=()), door.clock.utc_ms())
    assert await door.desk.client_of_cookie(signed_in.cookie) is None


async def test_a_stranger_or_a_forger_does_not(door: Door):
    """A key that is not in the settings; an event whose id or signature is not its author's."""
    proof = await door.proof(ADMIN)
    for event, words in (
        (await door.proof(STRANGER), "neither among"),
        (replace(proof, content="more"), "another id"),
        (replace(proof, sig="0" * 128), "signature"),
        (replace(await door.proof(STRANGER), pubkey=ADMIN.pubkey), "another id"),
    ):
        with pytest.raises(WrongToken, match=words):
            await door.desk.sign_in_by_event(event, REQUEST)


async def test_an_event_signs_in_once_and_only_now(door: Door):
    """Another browser that saw it cannot use it, not even after the first signed out; nor later."""
    proof = await door.proof(ADMIN)
    first = await door.desk.sign_in_by_event(proof, REQUEST)
    await door.desk.sign_out(first.cookie)
    with pytest.raises(WrongToken, match="signed somebody in already"):
        await door.desk.sign_in_by_event(proof, REQUEST)
    late = await door.proof(ADMIN)
    await door.clock.advance(MINUTE_S + 1)
    with pytest.raises(SignInWanted, match=r"nostr\.created_at: got a time 61 s behind"):
        await door.desk.sign_in_by_event(late, REQUEST)
    with pytest.raises(SignInWanted, match=r"nostr\.u"):
        await door.desk.sign_in_by_event(
            await door.proof(ADMIN), replace(REQUEST, url="https://evil.example")
        )


async def test_all_who_are_in_are_looked_up_at_once(door: Door):
    """As a request of each would find them; those who would be nobody are, and the owner's kind is not asked for."""
    valid, revoked = door.new_token(Scope.ADMIN), door.new_token()
    by_token = [await door.desk.client_of_token(each) for each in (valid, revoked)]
    by_cookie = [(await door.desk.sign_in_by_token(each)).client for each in (valid, revoked)]
    by_npub = [
        (await door.desk.sign_in_by_event(await door.proof(each), REQUEST)).client for each in (ADMIN, CALLER)
    ]
    with door.database.writing() as session:
        tokens.revoke_token(session, token_id(revoked), door.clock.utc_ms())
    door.desk.use_settings(replace(SETTINGS, caller_npubs=()))
    clients = [*by_token, *by_cookie, *by_npub, NEIGHBOUR]
    assert len({client.came_by for client in clients}) == 7
    found = await door.desk.look_again({client.came_by for client in clients})
    assert [found[client.came_by] for client in clients] == [
        by_token[0], NOBODY, by_cookie[0], NOBODY, by_npub[0], NOBODY, NOBODY,
    ]  # fmt: skip
    assert {client.came_by for client in found.values() if client.scopes} == {
        client.came_by for client in (by_token[0], by_cookie[0], by_npub[0])
    }


async def test_this_machine_is_let_in_while_no_token_was_made(door: Door):
    """Its clients are looked up like the others, and a token that nobody has any more makes it open again."""
    assert await door.desk.look_again({NEIGHBOUR.came_by}) == {NEIGHBOUR.came_by: NEIGHBOUR}
    token = door.new_token()
    assert await door.desk.look_again({NEIGHBOUR.came_by}) == {NEIGHBOUR.came_by: NOBODY}
    with door.database.writing() as session:
        tokens.forget_token(session, token_id(token))
    assert await door.desk.look_again({NEIGHBOUR.came_by}) == {NEIGHBOUR.came_by: NEIGHBOUR}


async def test_a_look_costs_the_same_for_many_as_for_few(door: Door):
    """Guests of projects are the dearest: the projects are read once for all of them."""
    guests = [KeySigner.generate() for _ in range(12)]
    garden = Project("garden", "Garden", "a" * 64, callers=tuple(guest.pubkey for guest in guests))
    with door.database.writing() as session:
        projects.create_project(session, garden, door.clock.utc_ms())
    signed_in = [await door.desk.sign_in_by_event(await door.proof(guest), REQUEST) for guest in guests]
    passes = [each.client.came_by for each in signed_in]
    counted: list[int] = []
    for few in (passes[:1], passes):
        with statements(door.database) as said:
            found = await door.desk.look_again(few)
        assert all(client.may_call("garden") for client in found.values())
        counted.append(len(said))
    assert counted[0] == counted[1]


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    said: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        said.append(statement)

    sql_events.listen(database._engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        sql_events.remove(database._engine, "before_cursor_execute", note)
