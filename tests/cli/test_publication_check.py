"""`publication show --verify` and `retry --resend`, over the embedded relay of the home."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.cli.publication_check import describe_checks
from agentvoice.config import load_settings
from agentvoice.core.delivery import DeliveryState
from agentvoice.daemon import open_runtime
from agentvoice.protocols.publication_documents import VerificationDocument
from agentvoice.storage.publication_models import DeliveryRow
from tests.cli.conftest import Cli
from tests.cli.kept_call import CALL_ID, keep_unsigned_call


@pytest.fixture
def published(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line over a call whose thread the embedded relay has."""
    monkeypatch.setenv("AGENTVOICE_RELAYS__EMBEDDED_PORT", "0")
    keep_unsigned_call(cli)

    async def publish() -> None:
        async with open_runtime(load_settings(), SystemClock()) as runtime:
            await runtime.ensure_relay()
            await runtime.publisher.wait_settled(CALL_ID, 20)

    asyncio.run(publish())
    return cli


@pytest.fixture
def lost(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line over a call whose thread the embedded relay accepted and does not have."""
    monkeypatch.setenv("AGENTVOICE_RELAYS__EMBEDDED_PORT", "0")
    keep_unsigned_call(cli)

    async def prepare() -> None:
        async with open_runtime(load_settings(), SystemClock()) as runtime:
            await runtime.publisher.prepare(CALL_ID)
            with runtime.database.writing() as session:
                session.execute(update(DeliveryRow).values(state=DeliveryState.ACCEPTED.value))

    asyncio.run(prepare())
    return cli


def test_a_thread_is_read_back_and_verified(published: Cli):
    """Exit code 0: the relay has every event, and says so without a daemon."""
    answer = published("publication", "show", "last", "--verify")
    assert (answer.code, "embedded: verified, 3 of 3 events read back" in answer.out) == (0, True)
    (check,) = published("publication", "show", CALL_ID, "--verify", "--json").document["verification"]
    assert (check["verified"], check["lost"], check["problems"]) == (True, [], [])


def test_a_relay_that_lost_the_thread_is_found_and_gets_it_again(lost: Cli):
    """Exit code 1 and the advice; `retry --resend` queues what was lost, and says how much."""
    answer = lost("publication", "show", CALL_ID, "--verify")
    assert (answer.code, "embedded: NOT verified, 0 of 3 events" in answer.out) == (1, True)
    assert f"it accepted and lost 3: `agentvoice publication retry {CALL_ID} --resend`" in answer.out
    document = lost("publication", "retry", CALL_ID, "--resend", "--json").document
    assert (document["deliveries"], document["lost"], document["state"]) == (3, 3, "queued")


def test_a_relay_to_verify_wants_verify(published: Cli):
    """The option alone means nothing."""
    answer = published("publication", "show", CALL_ID, "--relay", "embedded")
    assert (answer.code, answer.complaint) == (2, "--relay: got it without --verify, want both")


def test_a_long_list_of_problems_is_cut_for_people():
    """Two hundred missing events are one fact."""
    problems = [f"event {n}: gone" for n in range(200)]
    text = describe_checks([VerificationDocument("r", False, 0, 200, [], problems)], "c")
    assert text.splitlines()[-1] == "  … and 190 more"


def test_of_a_thread_that_was_taken_back_nothing_should_be_left():
    """It is told what still stands at a relay, not what is missing there."""
    gone = VerificationDocument("wss://a", True, 0, 0, [], [])
    kept = VerificationDocument(
        "wss://b", False, 3, 0, [], ["it still has 3 of 3 events that were taken back"]
    )
    assert describe_checks([gone, kept], CALL_ID).splitlines() == [
        "wss://a: verified, 0 events left",
        "wss://b: NOT verified, 3 events left",
        "  it still has 3 of 3 events that were taken back",
    ]
