"""Reading threads back from their relays, for `publication show --verify` and `retry --resend`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from agentvoice.cli.frame import Invocation
from agentvoice.cli.output import one_line

if TYPE_CHECKING:  # imported when first used
    from agentvoice.daemon import Runtime
    from agentvoice.protocols.publication_documents import ResendChange, VerificationDocument

MAX_PROBLEMS = 10
"""Shown of one relay; `--json` has them all."""

RESEND = "`agentvoice publication retry {call} --resend` sends it what it lost"


def verify_call(invocation: Invocation, call_id: str, relay: str) -> list[VerificationDocument]:
    """Return what the relays have of a call's thread.

    Raises NotFound, or PublishError if no relay has all of it.
    """
    invocation.quieten_logs()

    async def verify() -> list[VerificationDocument]:
        async with _runtime_of(invocation, call_id) as runtime:
            return [check.document() for check in await runtime.publisher.verify_relays(call_id, relay)]

    return asyncio.run(verify())


def resend_call(invocation: Invocation, call_id: str, relay: str) -> ResendChange:
    """Queue again what did not get through, and what the relays accepted and lost.

    Raises as verify_call, or Refused.
    """
    invocation.quieten_logs()

    async def resend() -> ResendChange:
        from agentvoice.services.publication_desk import PublicationDesk

        async with _runtime_of(invocation, call_id) as runtime:
            enough = runtime.settings.publish.accepted_relays
            # Nobody is woken: a daemon that runs finds it in its next sweep.
            desk = PublicationDesk(runtime.database, runtime.clock, enough, lambda: None, runtime.publisher)
            return await desk.resend(call_id, relay)

    return asyncio.run(resend())


def describe_checks(checks: Sequence[VerificationDocument], call_id: str) -> str:
    """Return for people what each relay has, and what is missing or wrong there."""
    lines = []
    for check in checks:
        verdict = "verified" if check.verified else "NOT verified"
        read = f"{check.events} of {check.expected} events read back"
        left = read if check.expected else f"{check.events} events left"  # of one that was taken back
        lines.append(f"{one_line(check.relay)}: {verdict}, {left}")
        lines += [f"  {one_line(problem)}" for problem in check.problems[:MAX_PROBLEMS]]
        hidden = len(check.problems) - MAX_PROBLEMS
        if hidden > 0:
            lines.append(f"  … and {hidden} more")
        if check.lost:
            lines.append(f"  it accepted and lost {len(check.lost)}: {RESEND.format(call=call_id)}")
    return "\n".join(lines)


@asynccontextmanager
async def _runtime_of(invocation: Invocation, call_id: str) -> AsyncIterator[Runtime]:
    """Give the services of this process, and the embedded relay if the thread goes there."""
    from agentvoice.adapters.system_clock import SystemClock
    from agentvoice.core.project import EMBEDDED_RELAY
    from agentvoice.daemon import open_runtime

    async with open_runtime(invocation.settings, SystemClock()) as runtime:
        publication = await runtime.publisher.publication(call_id)
        if any(each.relay == EMBEDDED_RELAY for each in publication.deliveries):
            await runtime.ensure_relay()
        yield runtime
