"""What reads and changes the database for the API, built in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentvoice.adapters.local_speech.voices import find_voice
from agentvoice.core.agent import AgentProfile
from agentvoice.core.ports import Clock, KeyMaker
from agentvoice.services.agent_desk import AgentDesk
from agentvoice.services.call_pages import CallPages
from agentvoice.services.live_feed import LiveFeed
from agentvoice.services.project_desk import ProjectDesk
from agentvoice.services.publication_desk import PublicationDesk
from agentvoice.services.publication_pages import PublicationPages
from agentvoice.services.publisher import Publisher
from agentvoice.storage.database import Database


@dataclass(frozen=True, slots=True)
class Desks:
    """Each noun's desk; `database` and `clock` are for what is only a sum."""

    calls: CallPages
    agents: AgentDesk
    projects: ProjectDesk
    threads: PublicationPages
    publishing: PublicationDesk
    feed: LiveFeed
    database: Database
    clock: Clock


def build_desks(
    database: Database,
    clock: Clock,
    key_maker: KeyMaker,
    embedded_address: Callable[[], str],
    accepted_relays: int,
    wake_publisher: Callable[[], None],
    publisher: Publisher,
) -> Desks:
    """Return the desks over one database.

    `embedded_address` gives where the embedded relay is, `accepted_relays` how many must have a thread.
    """
    return Desks(
        calls=CallPages(database, embedded_address, accepted_relays),
        agents=AgentDesk(database, key_maker, check_voices, clock),
        projects=ProjectDesk(database, key_maker, clock),
        threads=PublicationPages(database, embedded_address, accepted_relays),
        publishing=PublicationDesk(database, clock, accepted_relays, wake_publisher, publisher),
        feed=LiveFeed(database, clock),
        database=database,
        clock=clock,
    )


def check_voices(profile: AgentProfile) -> None:
    """Raise UsageError for a voice that the local engine has not; an endpoint has voices of its own."""
    if not profile.local.tts.url:
        find_voice(profile.local.voice)
