"""`agentvoice call switch|end`: what operators ask of live calls, over the daemon's control socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from agentvoice.cli.frame import Command, Invocation, pass_invocation
from agentvoice.errors import NotFound

if TYPE_CHECKING:
    from agentvoice.adapters.daemon_client import DaemonClient


@click.command("switch", cls=Command)
@click.argument("call_id", metavar="ID")
@click.argument("agent", metavar="AGENT")
@pass_invocation
def switch_call(invocation: Invocation, call_id: str, agent: str) -> None:
    """Hand a live call over to another agent.

    What the agent is saying is cut; the new one takes the call where it stands. If it fails, the
    old agent stays, and the reason is printed.
    """
    _ask(invocation, lambda daemon: daemon.switch(call_id, agent))
    invocation.answer({"call": call_id, "agent": agent}, f"{agent} has taken the call")


@click.command("end", cls=Command)
@click.argument("call_id", metavar="ID")
@pass_invocation
def end_call(invocation: Invocation, call_id: str) -> None:
    """End a live call."""
    _ask(invocation, lambda daemon: daemon.end(call_id))
    invocation.answer({"call": call_id, "ended": True}, "the call has ended")


def _ask(invocation: Invocation, what: Callable[[DaemonClient], Awaitable[None]]) -> None:
    import asyncio

    from agentvoice.adapters.daemon_client import DaemonClient

    async def ask() -> None:
        daemon = DaemonClient(invocation.settings.control_socket)
        if not await daemon.is_up():
            raise NotFound(
                f"daemon: none answers on {invocation.settings.control_socket};"
                " a call without a daemon is ended where it runs"
            )
        await what(daemon)

    asyncio.run(ask())
