"""`agentvoice call start`: call an agent from the microphone, a recorded file or the keyboard."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from agentvoice.cli.frame import Command, Invocation, pass_invocation
from agentvoice.errors import CallError

if TYPE_CHECKING:
    from agentvoice.cli.call_house import CallHouse, EndedCall
    from agentvoice.cli.caller_leg import LegOptions
    from agentvoice.core.ports import Clock
    from agentvoice.services.call_manager import CallRequest
    from agentvoice.storage.database import Database

PUBLISH_WAIT_S = 10.0
"""How long the command stays for the relays after the call; the daemon, or the next command, goes on."""


@click.command("start", cls=Command)
@click.argument("agent", metavar="AGENT")
@click.option("--project", default="", show_default=False, help="Project the call belongs to.")
@click.option(
    "--input",
    "source",
    default="mic",
    metavar="mic|text|FILE.wav|DEVICE",
    help="Where the caller's voice comes from; text reads typed turns, a line each. DEVICE is a name or"
    " number of `agentvoice call devices`.",
)
@click.option(
    "--output",
    "target",
    default="",
    metavar="speaker|FILE.wav|DEVICE",
    show_default="speaker for a microphone, else nothing",
    help="Where the call is heard; a file keeps both sides, the caller left, the agents right.",
)
@click.option(
    "--headphones",
    is_flag=True,
    help="Keep the microphone open while the agent speaks: nothing of it can come back.",
)
@click.option("--say", "texts", multiple=True, metavar="TEXT", help="A typed turn; may be given again.")
@click.option(
    "--engine",
    type=click.Choice(["local", "openai"]),
    default=None,
    show_default="the agent's own",
    help="Engine to use instead of the agent's.",
)
@click.option(
    "--pace",
    type=click.Choice(["turns", "realtime", "fast"]),
    default="turns",
    help="How a file is spoken: waiting for replies, straight through, or as quickly as possible.",
)
@pass_invocation
def start_call(
    invocation: Invocation,
    agent: str,
    project: str,
    source: str,
    target: str,
    headphones: bool,
    texts: tuple[str, ...],
    engine: str | None,
    pace: str,
) -> None:
    """Call AGENT.

    The call runs in the daemon if one answers, else in this process. When it has ended, its thread
    is published as the project says.

    With a microphone these keys work: space interrupts the agent, tab hands over to the next one,
    m mutes the microphone, q hangs up.

    \b
    Examples:
      agentvoice call start ada
      agentvoice call start ada --headphones
      agentvoice call start ada --say "What time is it?"
      agentvoice call start ada --input question.wav --output call.wav
    """
    from agentvoice.cli.caller_leg import LegOptions
    from agentvoice.services.call_manager import CallRequest

    settings = invocation.settings
    reply_timeout_s = settings.calls.turn_reply_timeout_s
    options = LegOptions(source, target, texts, pace, reply_timeout_s, settings.sound, headphones)
    options.check()
    invocation.quieten_logs()
    ended = asyncio.run(_run(invocation, CallRequest(agent, project, engine or ""), options))
    if ended.error:
        raise CallError(ended.error)


async def _run(invocation: Invocation, request: CallRequest, options: LegOptions) -> EndedCall:
    """Run the call, wait a little for its thread, and answer with the call's document."""
    from agentvoice.adapters.system_clock import SystemClock
    from agentvoice.cli.call_house import open_call_house
    from agentvoice.cli.publication_view import describe_publication
    from agentvoice.services.call_document import read_call_document

    clock = SystemClock()
    async with open_call_house(invocation.settings, clock) as house:
        await house.runtime.calls.check(request)  # before an output file is replaced
        ended = await _call(house, request, options, clock)
        publisher = house.runtime.publisher
        await publisher.wait_settled(ended.id, PUBLISH_WAIT_S, by_another=house.is_daemon)
        document = await asyncio.to_thread(
            read_call_document,
            house.runtime.database,
            ended.id,
            house.runtime.embedded_address(),
            invocation.settings.publish.accepted_relays,
        )
    invocation.answer(document, describe_publication(document.publication, clock.utc_ms()))
    return ended


async def _call(house: CallHouse, request: CallRequest, options: LegOptions, clock: Clock) -> EndedCall:
    """Run the call with its display and its keys."""
    from agentvoice.cli.call_display import open_display
    from agentvoice.cli.call_keys import HINT, call_keys
    from agentvoice.cli.caller_leg import open_leg

    agents = await asyncio.to_thread(_enabled_agents, house.runtime.database)
    with open_display(HINT, is_spoken=options.is_spoken) as display:
        async with open_leg(options, clock, display.show, display.on_level) as leg:
            with call_keys(leg, agents, lambda: display.agent):
                return await house.run(request, leg, lambda call: display.say(f"call {call}"))


def _enabled_agents(database: Database) -> list[str]:
    from agentvoice.storage.agents import list_agents

    with database.reading() as session:
        return [each.profile.slug for each in list_agents(session) if each.profile.enabled]
