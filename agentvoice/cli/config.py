"""`agentvoice config`: the settings."""

from __future__ import annotations

import os

import click

from agentvoice.cli.frame import Invocation, LazyGroup, pass_invocation
from agentvoice.cli.output import fields


@click.group(cls=LazyGroup)
def config() -> None:
    """Check the settings and show where they come from."""


@config.command()
@pass_invocation
def check(invocation: Invocation) -> None:
    """Read the settings, and show those that are not at their defaults.

    A wrong key or value is named, with what is wanted (exit code 2). Secrets are never shown.
    """
    from agentvoice.config import find_config_file
    from agentvoice.config.load import changed_settings
    from agentvoice.config.prices import read_prices

    settings = invocation.settings
    read_prices(settings.calls.budgets.prices_file)
    file = find_config_file(invocation.config_file, os.environ)
    changed = {
        key: value
        for key, (value, _) in changed_settings(settings).items()
        if key not in ("home", "database.url")
    }
    places = {
        "file": str(file) if file else None,
        "home": settings.home,
        # A URL may hold a password; what matters here is that there is one.
        "database": "a URL of yours" if settings.database.url else str(settings.database_place),
    }
    shown = {**places, **changed}
    invocation.answer(
        {**places, "changed": changed}, fields({**shown, "file": places["file"] or "none: defaults"})
    )
