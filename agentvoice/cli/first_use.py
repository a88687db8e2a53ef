"""All that a first call takes, for whoever has nothing yet: models, two agents, a project."""

from __future__ import annotations

from agentvoice.cli.demo_cast import ensure_cast
from agentvoice.cli.first_project import ensure_project
from agentvoice.cli.frame import Invocation
from agentvoice.cli.model import ensure_models


def make_first_use(invocation: Invocation) -> None:
    """Make what is missing; what is there is left as it is."""
    ensure_models(invocation.settings)
    with invocation.database(create=True, upgrade=True) as database:
        ensure_cast(invocation, database)
        ensure_project(invocation, database)
