"""`agentvoice db`: the database itself."""

from __future__ import annotations

import click

from agentvoice.cli.frame import Invocation, LazyGroup, pass_invocation
from agentvoice.cli.output import fields


@click.group(cls=LazyGroup)
def db() -> None:
    """Create, upgrade and check the database."""


@db.command()
@pass_invocation
def upgrade(invocation: Invocation) -> None:
    """Create the database, or bring it to this version's schema."""
    with invocation.database(create=True, upgrade=True) as database:
        _tell(invocation, database.location, database.schema_version())


@db.command()
@pass_invocation
def check(invocation: Invocation) -> None:
    """Open the database and check its schema; change nothing."""
    with invocation.database() as database:
        _tell(invocation, database.location, database.schema_version())


def _tell(invocation: Invocation, location: str, version: str) -> None:
    invocation.answer(
        {"location": location, "schema": version}, fields({"database": location, "schema": version})
    )
