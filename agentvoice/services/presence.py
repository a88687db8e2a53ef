"""Who is in: the clients of what stays open, looked at again while it does.

A request is answered at once; a call or a stream of events outlives the moment in which its client was
let in. So all who have something open are looked up again together, once in LOOK_AGAIN_S, and whoever has
no right to it any more is put out. That a sign-in has run out takes no right away: each kind of thing that
is open says by its `may_stay` whether it outlasts that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

import structlog

from agentvoice.core.client import OWNER, Client, Pass, PassKind
from agentvoice.core.ports import Clock
from agentvoice.errors import StorageError

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = 10.0
"""How often clients of open calls and streams are looked at: so long a token that was revoked is still good."""

WHY = {
    PassKind.OPEN_DOOR: "sign-in: a token was made meanwhile, so this machine's clients need one too",
    PassKind.TOKEN: "token: {name!r} has expired, was revoked, or may not do this any more",
    PassKind.SIGN_IN: "sign-in: that of {name!r} has ended, or may not do this any more",
}
"""What those who are put out are told, by what they came by."""

LookUp = Callable[[Collection[Pass]], Awaitable[Mapping[Pass, Client]]]
"""Return who each pass lets in now."""


async def always_owner(passes: Collection[Pass]) -> Mapping[Pass, Client]:
    """Look up the clients of the control socket: the owner stays who they are."""
    return dict.fromkeys(passes, OWNER)


class Stay:
    """Something open, of a client. `why` is "" until the client is put out."""

    def __init__(
        self,
        client: Client,
        may_stay: Callable[[Client], bool],
        put_out: Callable[[], None],
        left: Callable[[Stay], None],
    ) -> None:
        self.client = client
        """Who holds it; replaced when they come back by another pass."""
        self.why = ""
        self._may_stay = may_stay
        self._put_out = put_out
        self._left = left

    def look(self, found: Client) -> None:
        """Put the client out unless it may stay as who it is now."""
        if not self.why and not self._may_stay(found):
            self.why = f"{WHY[self.client.came_by.kind].format(name=self.client.name)}; want a new sign-in"
            log.info("client_put_out", client=self.client.name, why=self.why)
            self._put_out()

    def leave(self) -> None:
        """It is over by itself."""
        self._left(self)


class Presence:
    """The clients of one server that have something open; nobody looks while there are none."""

    def __init__(self, look_up: LookUp, clock: Clock) -> None:
        self._look_up = look_up
        self._clock = clock
        self._stays: set[Stay] = set()
        self._looking: asyncio.Task[None] | None = None

    def enter(self, client: Client, may_stay: Callable[[Client], bool], put_out: Callable[[], None]) -> Stay:
        """Note that a client has something open, until it leaves.

        `may_stay` says whether it may keep it as who it is now; if not, `put_out` is called, once.
        """
        stay = Stay(client, may_stay, put_out, self._leave)
        self._stays.add(stay)
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_again(), name="presence")
        return stay

    def _leave(self, stay: Stay) -> None:
        self._stays.discard(stay)
        if not self._stays:
            self.close()

    def close(self) -> None:
        """Look no more: all have left, or the server stops."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look_again(self) -> None:
        while True:
            await self._clock.sleep_until(self._clock.monotonic_s() + LOOK_AGAIN_S)
            try:
                await self._look()
            except StorageError as error:  # a database that is busy ends no call
                log.warning("presence_blind", error=str(error))
            except Exception as fault:  # a defect of ours: if nobody looked any more, nobody would know
                log.exception("presence_fault", fault=repr(fault))

    async def _look(self) -> None:
        found = await self._look_up({stay.client.came_by for stay in self._stays})
        for stay in tuple(self._stays):
            if stay.client.came_by in found:  # else it came while we looked
                stay.look(found[stay.client.came_by])
