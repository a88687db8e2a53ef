"""A data folder as an operator has it: settings, database, agents with keys, models."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from agentvoice.cli.demo_cast import ensure_cast
from agentvoice.cli.frame import Invocation
from agentvoice.cli.model import ensure_models
from agentvoice.config import BudgetSettings, RelaySettings, Settings, load_settings
from agentvoice.core.call import LEASE_VALID_MS, Call, CallState, EndReason
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.project import PublishPolicy
from agentvoice.storage import agents, conversations
from agentvoice.storage.database import Database

BUILD = Path(__file__).parents[2] / "build"
MANY_CALLS = BudgetSettings(calls_per_caller_per_hour=1_000)
"""All calls of a benchmark are one caller's."""

BEGAN_AT = 1_800_000_000_000
TURN_MS = 4_000
SAID = "Well, that depends on what you would like to hear about it first, does it not? " * 2


@contextmanager
def data_folder(*, with_models: bool = False) -> Iterator[Settings]:
    """Give the settings of a new data folder with the demo's project and agents.

    It lies on the checkout's disk: one in memory would flatter. `with_models`: with those of the
    operator's own folder, fetched first if they are missing.
    """
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD) as folder:
        settings = replace(Settings(home=folder), relays=RelaySettings(embedded_port=0))
        if with_models:
            own = load_settings(None)
            ensure_models(own)
            (Path(folder) / "models").symlink_to(Path(own.home) / "models")
        database = Database.open(settings.database_place, create=True)
        ensure_cast(Invocation(_settings=settings), database)
        database.close()
        yield settings


def call_id(number: int) -> str:
    """Return the id of the numbered call."""
    return f"{number:032x}"


def call_of(number: int, relays: tuple[str, ...] = ("embedded",)) -> Call:
    """Return the numbered call, live."""
    return Call(
        id=call_id(number),
        project="demo",
        agent="ada",
        transport="text",
        engine="local",
        state=CallState.LIVE,
        policy=PublishPolicy.PUBLIC,
        relays=relays,
        owner_id="benchmark",
        lease_until=BEGAN_AT + LEASE_VALID_MS,
        started_at=BEGAN_AT,
    )


def turn_of(number: int, position: int) -> Item:
    """Return a turn of the numbered call: the caller's and two agents' in rotation."""
    speaker = ("", "ada", "", "max")[position % 4]
    at = BEGAN_AT + position * TURN_MS
    return Item(
        id=f"{number:016x}{position:016x}",
        position=position,
        kind=ItemKind.MESSAGE,
        role=Role.AGENT if speaker else Role.USER,
        agent=speaker or "ada",
        text=f"{position}: {SAID}",
        status=ItemStatus.COMPLETED,
        started_at=at,
        completed_at=at + TURN_MS,
    )


def store_finished_call(
    database: Database, number: int, turns: int, relays: tuple[str, ...] = ("embedded",)
) -> str:
    """Store an ended call of so many turns by two agents, and return its id."""
    call = call_of(number, relays)
    with database.writing() as session:
        conversations.create_call(session, call)
        for joined, slug in enumerate(("ada", "max")):
            conversations.add_call_agent(session, call.id, agents.get_agent(session, slug), BEGAN_AT + joined)
        for position in range(turns):
            conversations.upsert_item(session, call.id, turn_of(number, position))
        conversations.end_call(session, call.id, EndReason.CALLER, BEGAN_AT + turns * TURN_MS)
    return call.id
