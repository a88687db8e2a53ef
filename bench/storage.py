"""Storage: what persisting costs a live call, and how long reading takes in a large database.

Goals: commit p99 <= 150 ms at 200 items/s with the loop's CPU within 1 point of idle; call show,
history page and due deliveries <= 50 ms each with a million items.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import quantiles

from sqlalchemy import text
from sqlalchemy.orm import Session

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.core.call import Call, CallState
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.project import PublishPolicy
from agentvoice.storage import conversations, deliveries
from agentvoice.storage.database import Database
from agentvoice.storage.writer import Writer

ITEMS_PER_S = 200
SECONDS = 10
TICK_S = 0.005
CALLS, ITEMS_PER_CALL = 5_000, 200
DELIVERIES_PER_CALL = 20
READS = 50
NOW = 1_800_000_000_000

CALL = Call(
    id=f"{1:032x}",
    project="default",
    agent="ada",
    transport="text",
    engine="local",
    state=CallState.LIVE,
    policy=PublishPolicy.PUBLIC,
    owner_id="bench",
    lease_until=NOW,
    started_at=NOW,
)


def main() -> None:
    """Print the figures; the files lie on the disk that the checkout is on."""
    build = Path("build")
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build) as folder:
        database = Database.open(Path(folder) / "live.db", create=True)
        asyncio.run(measure_writing(database))
        database.close()
        database = Database.open(Path(folder) / "large.db", create=True)
        fill(database)
        measure_reading(database)
        database.close()


async def measure_writing(database: Database) -> None:
    """Compare a loop that only ticks with one that persists ITEMS_PER_S besides."""
    writer = Writer(database, SystemClock())
    await writer.write(partial(conversations.create_call, call=CALL))
    idle_percent, idle_lag_ms = await run_loop(spoken, items_per_s=ITEMS_PER_S)
    latencies_ms: list[float] = []

    def persist(number: int) -> None:
        begun_s = time.perf_counter()
        done = writer.submit(partial(conversations.upsert_item, call_id=CALL.id, item=spoken(number)))
        done.add_done_callback(lambda done: latencies_ms.append((time.perf_counter() - begun_s) * 1_000))

    busy_percent, busy_lag_ms = await run_loop(persist, items_per_s=ITEMS_PER_S)
    writer.close(5.0)
    print(f"{ITEMS_PER_S} items/s for {SECONDS} s, {len(latencies_ms)} acknowledged")
    print(f"  submit to committed   p50 {at(latencies_ms, 50):6.2f} ms   p99 {at(latencies_ms, 99):6.2f} ms")
    print(f"  loop thread CPU       idle {idle_percent:5.1f} %    busy {busy_percent:5.1f} %")
    print(f"  loop lag p99          idle {idle_lag_ms:5.2f} ms   busy {busy_lag_ms:5.2f} ms")


async def run_loop(step: Callable[[int], object], items_per_s: int) -> tuple[float, float]:
    """Call `step` at a steady rate; return the thread's CPU (percent) and the tick's lag p99 (ms)."""
    lags_ms: list[float] = []
    begun_s, begun_cpu_s = time.perf_counter(), time.thread_time()
    number = 0
    while (elapsed_s := time.perf_counter() - begun_s) < SECONDS:
        while number < elapsed_s * items_per_s:
            number += 1
            step(number)
        due_s = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        lags_ms.append((time.perf_counter() - due_s) * 1_000)
    return (time.thread_time() - begun_cpu_s) / SECONDS * 100, at(lags_ms, 99)


def spoken(number: int) -> Item:
    """An item as a call makes it."""
    return Item(
        id=f"{NOW + number:032x}",
        position=number,
        kind=ItemKind.MESSAGE,
        role=Role.AGENT,
        agent="ada",
        text="Well, that depends on what you would like to hear about it first. " * 2,
        status=ItemStatus.COMPLETED,
        started_at=NOW,
        completed_at=NOW + 2_000,
    )


FILL = (
    "INSERT INTO call (id, project, agent, transport, engine, state, policy, owner_id, lease_until,"
    " started_at, ended_at, publication) WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n"
    f" WHERE x < {CALLS}) SELECT printf('%032x', x), 'p' || x % 7, 'ada', 'text', 'local', 'ended', 'public',"
    f" 'bench', 0, {NOW}, {NOW}, 'published' FROM n",
    "INSERT INTO item (id, call_id, position, kind, role, agent, text, status, started_at, completed_at)"
    " WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n"
    f" WHERE x < {CALLS * ITEMS_PER_CALL - 1}) SELECT printf('%032x', x), printf('%032x', 1 + x / {ITEMS_PER_CALL}),"
    f" x % {ITEMS_PER_CALL}, 'message', 'agent', 'ada', 'That depends on what you would like to hear.',"
    f" 'completed', {NOW}, {NOW} FROM n",
    "INSERT INTO event (id, call_id, position, pubkey, kind, created_at, json, published_text)"
    f" SELECT id || '{'0' * 32}', call_id, position, '{'a' * 64}', 1, {NOW // 1_000}, x'7b7d', text FROM item"
    f" WHERE position < {DELIVERIES_PER_CALL}",
    "INSERT INTO delivery (call_id, event_id, relay, is_root, state, created_at, next_attempt_at)"
    " SELECT call_id, id, 'embedded', position = 0,"
    f" CASE WHEN call_id > printf('%032x', {CALLS - 50}) THEN 'waiting' ELSE 'accepted' END, {NOW}, {NOW} FROM event",
)


def fill(database: Database) -> None:
    """Make a database of a million items, with a thread for each call."""
    with database.writing() as session:
        for statement in FILL:
            session.execute(text(statement))


def measure_reading(database: Database) -> None:
    """Print what the frequent reads take."""
    reads: dict[str, Callable[[Session], object]] = {
        "call show": show_call,
        "history page": partial(conversations.list_calls, before=f"{CALLS // 2:032x}"),
        "history of a project": partial(conversations.list_calls, project="p3"),
        "due deliveries": partial(deliveries.list_due, relay="embedded", now=NOW + 1, limit=100),
    }
    print(f"{CALLS * ITEMS_PER_CALL:,} items, {CALLS * DELIVERIES_PER_CALL:,} deliveries")
    for name, read in reads.items():
        times_ms: list[float] = []
        for _ in range(READS):
            begun_s = time.perf_counter()
            with database.reading() as session:
                read(session)
            times_ms.append((time.perf_counter() - begun_s) * 1_000)
        print(f"  {name:<21} p50 {at(times_ms, 50):6.2f} ms   p99 {at(times_ms, 99):6.2f} ms")


def show_call(session: Session) -> None:
    """Read what `call show` shows of a call."""
    call_id = f"{CALLS // 2:032x}"
    conversations.get_call(session, call_id)
    conversations.agents_of(session, call_id)
    assert len(conversations.items_of(session, call_id)) == ITEMS_PER_CALL


def at(values: list[float], percent: int) -> float:
    """Return the percentile of some values."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
