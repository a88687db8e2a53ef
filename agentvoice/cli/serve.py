"""`agentvoice serve`: the daemon."""

from __future__ import annotations

import click

from agentvoice.cli.frame import Command, Invocation, pass_invocation
from agentvoice.cli.output import note


@click.command(cls=Command)
@click.option(
    "--first-use",
    is_flag=True,
    help="First make what a first call takes, if it is not there: models, two agents, a project.",
)
@pass_invocation
def serve(invocation: Invocation, first_use: bool) -> None:
    """Run the daemon in the foreground until SIGTERM; systemd runs this.

    It makes or upgrades the database, runs the embedded relay, serves the call page, takes calls,
    publishes finished calls and retries until the relays have them. SIGHUP reads the settings again.
    """
    import asyncio

    from agentvoice.adapters.logging_setup import set_up_logging
    from agentvoice.adapters.system_clock import SystemClock
    from agentvoice.cli.first_use import make_first_use
    from agentvoice.config import Settings, load_settings
    from agentvoice.daemon import serve as run_daemon

    def reload() -> Settings:
        settings = load_settings(invocation.config_file)
        set_up_logging(settings.log)
        return settings

    def on_ready(address: str) -> None:
        if first_use:
            note(f"The call page is at {address}/")

    set_up_logging(invocation.settings.log)
    if first_use:
        make_first_use(invocation)
    asyncio.run(run_daemon(invocation.settings, SystemClock(), reload, on_ready))
