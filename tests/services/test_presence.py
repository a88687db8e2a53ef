"""Clients of what stays open, looked at again; over real sockets it is in tests/web/test_put_out.py."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from agentvoice.core.client import NEIGHBOUR, NOBODY, OWNER, Client, Pass, PassKind, Scope, scopes_of
from agentvoice.errors import StorageBusy
from agentvoice.services.presence import LOOK_AGAIN_S, Presence, Stay, always_owner
from tests.fakes.clock import ManualClock

ADA = Client("ada", scopes_of(Scope.CALL), came_by=Pass(PassKind.TOKEN, "a"))
MAX = Client("max", scopes_of(Scope.CALL), came_by=Pass(PassKind.SIGN_IN, "m"))


class Guests:
    """A presence, and what its clients are found to be."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.presence = Presence(self.look_up, self.clock)
        self.found: dict[Pass, Client] = {each.came_by: each for each in (ADA, MAX, NEIGHBOUR)}
        self.looks: list[set[Pass]] = []
        self.out: list[str] = []
        self.fails = False
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def look_up(self, passes: Collection[Pass]) -> Mapping[Pass, Client]:
        self.looks.append(set(passes))
        await self.goes_on.wait()
        if self.fails:
            raise StorageBusy("database: another process holds the lock")
        return {each: self.found[each] for each in passes}

    def enter(self, client: Client, scope: Scope = Scope.CALL) -> Stay:
        return self.presence.enter(
            client, lambda found: scope in found.scopes, lambda: self.out.append(client.name)
        )

    async def look(self) -> None:
        await self.clock.advance(LOOK_AGAIN_S)


@pytest.fixture
def guests() -> Iterator[Guests]:
    built = Guests()
    yield built
    built.presence.close()


async def test_all_are_looked_at_together(guests: Guests):
    """One look for everything that is open, once in the interval; whoever is who they were stays."""
    stays = [guests.enter(client) for client in (ADA, ADA, MAX)]
    await guests.clock.advance(LOOK_AGAIN_S - 0.1)
    assert guests.looks == []
    await guests.clock.advance(LOOK_AGAIN_S + 0.1)
    assert guests.looks == [{ADA.came_by, MAX.came_by}] * 2
    assert (guests.out, [stay.why for stay in stays]) == ([], ["", "", ""])


@pytest.mark.parametrize(
    ("client", "why"),
    [
        (ADA, "token: 'ada' has expired, was revoked, or may not do this any more; want a new sign-in"),
        (MAX, "sign-in: that of 'max' has ended, or may not do this any more; want a new sign-in"),
        (
            NEIGHBOUR,
            "sign-in: a token was made meanwhile, so this machine's clients need one too; want a new sign-in",
        ),
    ],
)
async def test_who_is_let_in_no_more_is_put_out_once(guests: Guests, client: Client, why: str):
    """With the reason; the others stay, and nobody is put out twice while they pack."""
    stay, other = guests.enter(client), guests.enter(MAX if client is not MAX else ADA)
    guests.found[client.came_by] = NOBODY
    await guests.look()
    await guests.look()
    assert (guests.out, stay.why, other.why) == ([client.name], why, "")


async def test_who_may_less_keeps_what_they_still_may(guests: Guests):
    """An admin who became a caller holds on to a call, and not to what is for admins."""
    was = replace(ADA, scopes=scopes_of(Scope.ADMIN))
    call, stream = guests.enter(was), guests.enter(was, Scope.ADMIN)
    await guests.look()
    assert (call.why, bool(stream.why)) == ("", True)


async def test_who_came_back_by_another_pass_is_looked_at_by_that(guests: Guests):
    """The end of the old one is nothing to them any more."""
    stay = guests.enter(ADA)
    stay.client = MAX
    guests.found[ADA.came_by] = NOBODY
    await guests.look()
    assert (guests.looks, guests.out) == ([{MAX.came_by}], [])


async def test_who_comes_while_we_look_is_looked_at_next_time(guests: Guests):
    """They were let in just now."""
    guests.enter(ADA)
    guests.goes_on.clear()
    await guests.look()
    guests.enter(MAX)
    guests.found[MAX.came_by] = NOBODY
    guests.goes_on.set()
    await guests.clock.settle()
    assert guests.out == []
    await guests.look()
    assert guests.out == ["max"]


async def test_a_database_that_is_busy_puts_nobody_out(guests: Guests):
    """It is asked again at the next look."""
    guests.enter(ADA)
    guests.found[ADA.came_by] = NOBODY
    guests.fails = True
    await guests.look()
    assert guests.out == []
    guests.fails = False
    await guests.look()
    assert guests.out == ["ada"]


async def test_a_defect_of_ours_does_not_end_the_looks(guests: Guests):
    """It is logged; who could not be put out for it is out at the next look."""

    def fault() -> None:
        raise RuntimeError("a defect")

    guests.presence.enter(ADA, lambda found: bool(found.scopes), fault)
    others = [guests.enter(MAX) for _ in range(3)]
    guests.found[ADA.came_by] = guests.found[MAX.came_by] = NOBODY
    with capture_logs() as logs:
        await guests.look()
        await guests.look()
    assert [entry["event"] for entry in logs].count("presence_fault") == 1
    assert guests.out == ["max"] * 3
    assert all(stay.why for stay in others)


async def test_nobody_looks_while_nothing_is_open(guests: Guests):
    """The first to come begins it, the last to leave ends it; leaving twice is no harm."""
    assert guests.clock.next_timer_s is None
    for _ in range(2):
        first, second = guests.enter(ADA), guests.enter(MAX)
        first.leave()
        await guests.look()
        second.leave()
        second.leave()
        await guests.clock.advance(3 * LOOK_AGAIN_S)
    assert guests.looks == [{MAX.came_by}] * 2


async def test_the_owner_is_never_put_out():
    """On the control socket there is nobody to look up."""
    assert await always_owner({OWNER.came_by}) == {OWNER.came_by: OWNER}
