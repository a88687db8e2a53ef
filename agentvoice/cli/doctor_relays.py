"""What the doctor says of the projects' relays: only those that the operator named are asked, and nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from agentvoice.cli.doctor_finding import Finding
from agentvoice.cli.frame import Invocation
from agentvoice.core.project import EMBEDDED_RELAY, Project, check_relay, public_address
from agentvoice.errors import TimedOut, UsageError

if TYPE_CHECKING:
    from agentvoice.core.ports import Clock
    from agentvoice.services.relay_check import RelayCheck

LIMIT_S = 5.0
"""All are asked at once, and none is waited for longer."""

EMBEDDED_DETAIL = "runs in the daemon, on this machine"


def look_at_relays(invocation: Invocation, projects: Iterable[Project]) -> Iterator[Finding]:
    """Tell of each relay of each project whether its address can be used, and whether it answers."""
    named = [(project.slug, relay) for project in projects for relay in project.relays]
    wrong = {relay: complaint for _, relay in named if (complaint := _complaint(relay))}
    asked = {relay for _, relay in named if relay != EMBEDDED_RELAY} - wrong.keys()
    invocation.quieten_logs()
    answers = asyncio.run(_ask(invocation, sorted(asked))) if asked else {}
    for slug, relay in named:
        name = f"relay of {slug}"
        if relay in wrong:
            yield Finding(name, False, wrong[relay])
        elif relay == EMBEDDED_RELAY:
            yield Finding(name, True, f"{EMBEDDED_RELAY}: {EMBEDDED_DETAIL}", needed=False)
        else:
            ok, detail = answers[relay]
            yield Finding(name, ok, detail, needed=False)


def _complaint(relay: str) -> str:
    try:
        if relay != EMBEDDED_RELAY:
            check_relay(relay)
    except UsageError as error:
        return str(error)
    return ""


async def _ask(invocation: Invocation, relays: list[str]) -> dict[str, tuple[bool, str]]:
    from agentvoice.adapters.relay import WebsocketRelays
    from agentvoice.adapters.relay_documents import read_document
    from agentvoice.adapters.signer import find_forgery
    from agentvoice.adapters.system_clock import SystemClock
    from agentvoice.services.relay_check import RelayCheck

    clock = SystemClock()

    async def find_no_signer(pubkey: str) -> None:
        """Nobody is told who asks."""

    connections = WebsocketRelays(invocation.settings.relays, clock, find_no_signer)
    checker = RelayCheck(
        connections, lambda address: read_document(address, clock), find_forgery, clock, None
    )
    try:
        found = await asyncio.gather(*(_ask_one(checker, clock, relay) for relay in relays))
        return dict(zip(relays, found, strict=True))
    finally:
        await connections.close()


async def _ask_one(checker: RelayCheck, clock: Clock, relay: str) -> tuple[bool, str]:
    shown = public_address(relay)
    try:
        async with clock.deadline(LIMIT_S):
            found = (await checker.check(relay)).findings[0]
    except TimedOut:
        return False, f"{shown}: no answer within {LIMIT_S:g} s; deliveries wait for it"
    return found.ok, f"{shown}: {found.detail}" if found.ok else f"{found.detail}; {found.advice}"
