"""`agentvoice demo`: one whole call through the same services as any other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentvoice.cli.frame import Command, Invocation, pass_invocation
from agentvoice.cli.output import note

if TYPE_CHECKING:
    from agentvoice.adapters.system_clock import SystemClock
    from agentvoice.cli.call_house import CallHouse
    from agentvoice.cli.demo_report import DemoResult, Timings

PUBLISH_WAIT_S = 20.0
"""How long the demo waits for its thread to be on the relay."""

REPLY_TIMEOUT_S = 15.0


@click.command(cls=Command)
@click.option(
    "--input",
    "source",
    default="",
    metavar="FILE.wav",
    show_default="the bundled one",
    help="Recording of the caller.",
)
@click.option(
    "--output",
    "target",
    default="",
    metavar="FILE.wav",
    show_default="in the data folder",
    help="Keep both sides: the caller left, the agents right.",
)
@pass_invocation
@click.pass_context
def demo(context: click.Context, invocation: Invocation, source: str, target: str) -> None:
    """Run one whole call, from a recording to a signed thread.

    A recorded caller talks with the agent ada, asks for max, and says goodbye. The thread is put on
    the embedded relay, read back, and every id and signature is checked. It needs no key, no account
    and no network. Exit code 0 only if all of it holds.
    """
    from agentvoice.cli.demo_cast import names_of_signers, npubs_of_agents
    from agentvoice.cli.demo_report import demo_document, describe_demo, find_problems
    from agentvoice.cli.first_use import make_first_use

    invocation.quieten_logs()
    make_first_use(invocation)  # with a project, so that `call start` works afterwards as in the README
    with invocation.database() as database:
        wanted, names = npubs_of_agents(database), names_of_signers(database)
    result = asyncio.run(_run(invocation, source, target))
    document = demo_document(result, find_problems(result, wanted))
    invocation.answer(document, describe_demo(document, names))
    if document.problems:
        context.exit(1)


async def _run(invocation: Invocation, source: str, target: str) -> DemoResult:
    from agentvoice.adapters.live_transcript import LiveTranscript
    from agentvoice.adapters.system_clock import SystemClock
    from agentvoice.cli.call_house import open_call_house
    from agentvoice.cli.caller_leg import LegOptions, open_leg
    from agentvoice.cli.demo_cast import FIRST_AGENT, PROJECT
    from agentvoice.cli.demo_report import Timings
    from agentvoice.config.bundled import bundled_folder
    from agentvoice.core.leg import CallUpdate
    from agentvoice.services.call_manager import CallRequest

    clock = SystemClock()
    transcript, timings = LiveTranscript(note), Timings()

    def on_update(update: CallUpdate) -> None:
        transcript(update)
        timings.note(update)

    recording = Path(target) if target else _recording_path(invocation, clock)
    spoken = source or str(bundled_folder("demo") / "hello.wav")
    options = LegOptions(spoken, str(recording), reply_timeout_s=REPLY_TIMEOUT_S)
    options.check()
    async with open_call_house(invocation.settings, clock, create=True) as house:
        async with open_leg(options, clock, on_update) as leg:
            ended = await house.run(CallRequest(FIRST_AGENT, PROJECT, "local"), leg)
        return await _check(house, ended.id, ended.error, timings, str(recording))


def _recording_path(invocation: Invocation, clock: SystemClock) -> Path:
    folder = Path(invocation.settings.home) / "recordings"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"demo-{clock.utc_ms()}.wav"


async def _check(
    house: CallHouse, call_id: str, failure: str, timings: Timings, recording: str
) -> DemoResult:
    """Wait for the thread, read it back from the relay, and gather what the demo shows."""
    from agentvoice.cli.demo_report import DemoResult
    from agentvoice.errors import AgentVoiceError
    from agentvoice.services.call_document import read_call_document

    runtime = house.runtime
    await runtime.publisher.wait_settled(call_id, PUBLISH_WAIT_S)
    check = None
    try:
        check = await runtime.publisher.verify_thread(call_id)
    except AgentVoiceError as error:
        failure = failure or str(error)
    relay = runtime.embedded_address()
    document = await asyncio.to_thread(read_call_document, runtime.database, call_id, relay)
    return DemoResult(document, timings, check, relay, recording, failure)
