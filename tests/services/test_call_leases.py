"""Whose a call is: leases, calls taken by another process, room for more."""

from __future__ import annotations

import asyncio

from agentvoice.core.call import LEASE_RENEW_S, LEASE_VALID_MS, CallState, EndReason
from agentvoice.core.item import Role
from agentvoice.core.leg import HungUp
from agentvoice.errors import CallLimitReached, StorageError
from tests.fakes.caller_leg import FakeLeg
from tests.services.conftest import House


async def test_a_call_that_another_process_took_ends_here(house: House):
    """The process stood still for longer than a lease: the live call notices, and writes no more."""
    call = await house.live_call()
    (live,) = house.manager.live_calls
    await house.clock.advance(LEASE_VALID_MS / 1000 + 1)
    assert await house.new_manager().recover() == (live,)
    keeper = asyncio.ensure_future(house.manager.keep_leases())
    await house.clock.advance(LEASE_RENEW_S)
    await house.settle()
    house.session.emit_turn("u1", "Anybody there?")
    outcome = await asyncio.wait_for(call, 5.0)
    keeper.cancel()
    assert outcome.reason is EndReason.CRASH
    assert "another process took it" in str(outcome.error)
    assert house.leg.is_closed and house.session.is_closed
    stored = house.call(live)
    assert (stored.state, stored.end_reason) == (CallState.ENDED, EndReason.CRASH)
    await house.settle()
    assert [item.text for item in house.items(live) if item.role is Role.USER] == []


async def test_the_keeping_of_leases_outlives_a_failing_disk(house: House):
    """One renewal that fails is told in the log; the next one is tried all the same."""
    call = await house.live_call()
    (live,) = house.manager.live_calls
    keeper = asyncio.ensure_future(house.manager.keep_leases())
    await house.settle()
    write, house.writer.write = house.writer.write, fail_to_write  # type: ignore[method-assign,assignment] # the defect
    await house.clock.advance(LEASE_RENEW_S)
    house.writer.write = write  # type: ignore[method-assign] # the disk is back
    await house.clock.advance(LEASE_RENEW_S)
    await house.settle()
    assert not keeper.done()
    assert house.call(live).lease_until == house.clock.utc_ms() + LEASE_VALID_MS
    keeper.cancel()
    house.leg.do(HungUp())
    await call


async def fail_to_write(*args: object, **options: object) -> object:
    raise StorageError("database: disk full")


async def test_calls_that_start_together_respect_the_limit(house: House):
    """All of them found room when they looked; one of them was too late."""
    starts = [house.start("ada", FakeLeg()) for _ in range(house.settings.max_calls + 1)]
    while not any(start.done() for start in starts):
        await house.settle()
    refused = [start for start in starts if start.done()]
    assert [type(start.exception()) for start in refused] == [CallLimitReached]
    assert len(house.manager.live_calls) == house.settings.max_calls
