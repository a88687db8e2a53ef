"""`agentvoice call start`: call an agent from the microphone, a recorded file or the keyboard."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from agentvoice.cli.frame import Command, Invocation, pass_invocation
from agentvoice.cli.output import note
from agentvoice.errors import CallError

if TYPE_CHECKING:
    from agentvoice.cli.call_house import EndedCall
    from agentvoice.cli.caller_leg import LegOptions
    from agentvoice.services.call_manager import CallRequest

PUBLISH_WAIT_S = 10.0
"""How long the command stays for the relays after the call; the daemon, or the next command, goes on."""


@click.command("start", cls=Command)
@click.argument("agent", metavar="AGENT")
@click.option("--project", default="", show_default=False, help="Project the call belongs to.")
@click.option(
    "--input",
    "source",
    default="mic",
    metavar="mic|text|FILE.wav",
    help="Where the caller's voice comes from; text reads typed turns, a line each.",
)
@click.option(
    "--output",
    "target",
    default="",
    metavar="speaker|FILE.wav",
    show_default="speaker for mic, else nothing",
    help="Where the call is heard; a file keeps both sides, the caller left, the agents right.",
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
    texts: tuple[str, ...],
    engine: str | None,
    pace: str,
) -> None:
    """Call AGENT.

    The call runs in the daemon if one answers, else in this process. When it has ended, its thread
    is published as the project says.

    \b
    Examples:
      agentvoice call start ada
      agentvoice call start ada --say "What time is it?"
      agentvoice call start ada --input question.wav --output call.wav
    """
    from agentvoice.cli.caller_leg import LegOptions
    from agentvoice.services.call_manager import CallRequest

    reply_timeout_s = invocation.settings.calls.turn_reply_timeout_s
    options = LegOptions(source, target, texts, pace, reply_timeout_s)
    options.check()
    invocation.quieten_logs()
    ended = asyncio.run(_run(invocation, CallRequest(agent, project, engine or ""), options))
    if ended.error:
        raise CallError(ended.error)


async def _run(invocation: Invocation, request: CallRequest, options: LegOptions) -> EndedCall:
    """Run the call, wait a little for its thread, and answer with the call's document."""
    from agentvoice.adapters.live_transcript import LiveTranscript
    from agentvoice.adapters.system_clock import SystemClock
    from agentvoice.cli.call_house import open_call_house
    from agentvoice.cli.caller_leg import open_leg
    from agentvoice.cli.publication_view import describe_publication
    from agentvoice.services.call_document import read_call_document

    clock = SystemClock()
    async with open_call_house(invocation.settings, clock) as house:
        await house.runtime.calls.check(request)  # before an output file is replaced
        async with open_leg(options, clock, LiveTranscript(note)) as leg:
            ended = await house.run(request, leg, lambda call: note(f"call {call}"))
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
