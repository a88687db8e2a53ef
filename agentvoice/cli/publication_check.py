"""Reading threads back from their relays, for `publication show --verify` and `retry --resend`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentvoice.cli.frame import Invocation
from agentvoice.cli.output import one_line

if TYPE_CHECKING:  # imported when first used
    from agentvoice.protocols.publication_documents import VerificationDocument

MAX_PROBLEMS = 10
"""Shown of one relay; `--json` has them all."""

RESEND = "`agentvoice publication retry {call} --resend` sends it what it lost"


def verify_call(
    invocation: Invocation, call_id: str, relay: str, *, resend: bool = False
) -> tuple[list[VerificationDocument], int]:
    """Return what the relays have of a call's thread and, with `resend`, how many events wait again.

    Raises NotFound, PublishError if no relay has all of it, Refused.
    """
    invocation.quieten_logs()
    return asyncio.run(_verify(invocation, call_id, relay, resend))


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


async def _verify(
    invocation: Invocation, call_id: str, relay: str, resend: bool
) -> tuple[list[VerificationDocument], int]:
    from agentvoice.adapters.system_clock import SystemClock
    from agentvoice.core.project import EMBEDDED_RELAY
    from agentvoice.daemon import open_runtime
    from agentvoice.protocols.publication_documents import VerificationDocument

    async with open_runtime(invocation.settings, SystemClock()) as runtime:
        publisher = runtime.publisher
        publication = await publisher.publication(call_id)
        if any(each.relay == EMBEDDED_RELAY for each in publication.deliveries):
            await runtime.ensure_relay()
        checks = await publisher.verify_relays(call_id, relay)
        resent = await publisher.resend_lost(call_id, checks) if resend else 0
    documents = [
        VerificationDocument(
            check.relay,
            check.is_verified,
            check.found,
            check.expected,
            list(check.lost),
            list(check.problems),
        )
        for check in checks
    ]
    return documents, resent
