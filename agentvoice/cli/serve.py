"""`agentvoice serve`: the daemon."""

from __future__ import annotations

import click

from agentvoice.cli.frame import Command, Invocation, pass_invocation


@click.command(cls=Command)
@pass_invocation
def serve(invocation: Invocation) -> None:
    """Run the daemon in the foreground until SIGTERM; systemd runs this.

    It makes or upgrades the database, runs the embedded relay, takes calls on the control socket,
    publishes finished calls and retries until the relays have them. SIGHUP reads the settings again.
    """
    import asyncio

    from agentvoice.adapters.logging_setup import set_up_logging
    from agentvoice.adapters.system_clock import SystemClock
    from agentvoice.config import Settings, load_settings
    from agentvoice.daemon import serve as run_daemon

    def reload() -> Settings:
        settings = load_settings(invocation.config_file)
        set_up_logging(settings.log)
        return settings

    set_up_logging(invocation.settings.log)
    asyncio.run(run_daemon(invocation.settings, SystemClock(), reload))
