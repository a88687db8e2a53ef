from __future__ import annotations

import pytest

from agentvoice.core.call import CallState, PublicationState
from agentvoice.core.project import PublishPolicy, ThreadShape
from agentvoice.errors import NotFound, Refused, UsageError
from agentvoice.storage import conversations, projects
from agentvoice.storage.database import Database
from tests.storage.values import NOW, call, project


def test_a_project_is_read_as_it_was_written(database: Database):
    """Every field comes back, relays in their order."""
    written = project(
        relays=("wss://b.example", "wss://a.example", "embedded"),
        policy=PublishPolicy.REVIEW,
        shape=ThreadShape.SINGLE,
        chained=True,
        address="31933:" + "ab" * 32 + ":garden",
        caller_pubkey="ef" * 32,
    )
    with database.writing() as session:
        projects.create_project(session, written, NOW)
    with database.reading() as session:
        assert projects.get_project(session, "garden") == written


def test_a_change_replaces_the_project(database: Database):
    """The list shows the new settings, sorted by slug."""
    with database.writing() as session:
        projects.create_project(session, project("zoo"), NOW)
        projects.create_project(session, project("garden"), NOW)
        projects.update_project(session, project("zoo", title="Zoo two"), NOW + 1)
    with database.reading() as session:
        assert [(one.slug, one.title) for one in projects.list_projects(session)] == [
            ("garden", "The garden"),
            ("zoo", "Zoo two"),
        ]


def test_a_taken_slug_is_refused(database: Database):
    """A second project of the same slug is an error that names the field."""
    with database.writing() as session:
        projects.create_project(session, project(), NOW)
        with pytest.raises(UsageError, match="slug: got 'garden', which exists"):
            projects.create_project(session, project(), NOW)


def test_outside_relays_need_a_policy(database: Database):
    """Without a policy given, a project with an outside relay is not stored."""
    with database.writing() as session, pytest.raises(UsageError, match="policy"):
        projects.create_project(session, project(relays=("wss://a.example",)), NOW, policy_given=False)


def test_an_unknown_project_is_not_found(database: Database):
    """Reading, changing and removing it raise NotFound with its name."""
    with database.writing() as session:
        for ask in (
            lambda: projects.get_project(session, "nowhere"),
            lambda: projects.update_project(session, project("nowhere"), NOW),
            lambda: projects.remove_project(session, "nowhere"),
        ):
            with pytest.raises(NotFound, match="'nowhere'"):
                ask()


@pytest.mark.parametrize(
    ("state", "publication", "is_needed"),
    [
        (CallState.LIVE, PublicationState.NONE, True),
        (CallState.ENDED, PublicationState.QUEUED, True),
        (CallState.ENDED, PublicationState.REVIEW, True),
        (CallState.ENDED, PublicationState.PARTIAL, True),
        (CallState.ENDED, PublicationState.PUBLISHED, False),
        (CallState.ENDED, PublicationState.NONE, False),
    ],
)
def test_a_project_stays_while_a_call_needs_it(database: Database, state, publication, is_needed):
    """A project can be removed once its calls are over and published."""
    with database.writing() as session:
        projects.create_project(session, project(), NOW)
        conversations.create_call(session, call(state=state, publication=publication))
    with database.writing() as session:
        if is_needed:
            with pytest.raises(Refused, match="not yet published"):
                projects.remove_project(session, "garden")
        else:
            projects.remove_project(session, "garden")
            assert projects.list_projects(session) == ()
