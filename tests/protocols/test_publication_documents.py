"""The JSON documents of threads."""

from __future__ import annotations

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import Publication
from agentvoice.protocols.publication_documents import publication_summary


def test_a_listed_thread_says_where_it_stands_and_why():
    """A page of threads needs no events."""
    failed = Publication("c1", "home", PublicationState.FAILED, "no key", 1_700_000_000_000, 0, 0)
    summary = publication_summary(failed)
    assert (summary.call, summary.project, summary.state, summary.error) == ("c1", "home", "failed", "no key")
    assert (summary.ended_at, summary.published_at) == ("2023-11-14T22:13:20.000Z", None)
