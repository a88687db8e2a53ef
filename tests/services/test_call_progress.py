from __future__ import annotations

import asyncio

import pytest

from agentvoice.core.call import CallEvent, CallState, EndReason
from agentvoice.errors import InvalidTransition
from agentvoice.services.call_progress import CallProgress


class States:
    """Keeps states as the call's record would."""

    def __init__(self) -> None:
        self.kept: list[CallState] = []

    def state(self, state: CallState) -> None:
        self.kept.append(state)


@pytest.fixture
async def states() -> States:
    return States()


@pytest.fixture
async def progress(states: States) -> CallProgress:
    return CallProgress(states)  # type: ignore[arg-type] # it uses this method of the record


async def test_each_step_is_kept_once(progress: CallProgress, states: States):
    """A step that stays in its state is no news."""
    progress.move(CallEvent.SESSION_READY)
    progress.move(CallEvent.SWITCH_REQUESTED)
    progress.move(CallEvent.SWITCH_DONE)
    assert states.kept == [CallState.LIVE, CallState.SWITCHING, CallState.LIVE]
    progress.end(EndReason.CALLER)
    progress.end(EndReason.AGENT)
    assert states.kept[3:] == [CallState.ENDING]


async def test_the_first_reason_counts(progress: CallProgress):
    """Who asks second changes nothing."""
    progress.end(EndReason.CALLER)
    progress.end(EndReason.LIMIT)
    assert progress.reason is EndReason.CALLER


async def test_a_step_that_the_table_lacks_is_refused(progress: CallProgress, states: States):
    """It names state and event, and nothing is kept."""
    with pytest.raises(InvalidTransition, match="connecting"):
        progress.move(CallEvent.SWITCH_DONE)
    assert states.kept == []
    assert progress.is_in(CallState.CONNECTING)


async def test_waiting_for_the_end(progress: CallProgress):
    """It lasts until the call is asked to end, and not at all afterwards."""
    waiting = asyncio.ensure_future(progress.wait_for_end())
    await asyncio.sleep(0)
    assert not waiting.done()
    progress.end(EndReason.OPERATOR)
    await waiting
    await progress.wait_for_end()
