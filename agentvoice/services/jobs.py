"""What the daemon does again and again, and how often."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from agentvoice.config import Settings
from agentvoice.core.ports import Clock
from agentvoice.services.call_manager import CallManager
from agentvoice.services.profiles import Profiles
from agentvoice.services.publisher import Publisher
from agentvoice.services.retention import Retention
from agentvoice.services.scheduler import Scheduler
from agentvoice.storage.database import Database

RETENTION_INTERVAL_S = 600.0
"""Old calls need not go on the second; a backlog of years is gone within a day."""


def schedule_jobs(
    settings: Settings,
    database: Database,
    clock: Clock,
    calls: CallManager,
    publisher: Publisher,
    profiles: Profiles,
    ensure_relay: Callable[[], Awaitable[object]],
) -> Scheduler:
    """Return the scheduler of these services' jobs, not started yet."""
    scheduler = Scheduler()
    interval_s = settings.publish.sweep_interval_s
    scheduler.every(interval_s, "embedded relay", ensure_relay)
    scheduler.every(interval_s, "crashed calls", calls.recover)
    scheduler.every(interval_s, "publish", publisher.sweep)
    scheduler.every(interval_s, "profiles", profiles.publish_due)
    if settings.database.retention_days:
        retention = Retention(database, clock, settings.database.retention_days)
        scheduler.every(RETENTION_INTERVAL_S, "retention", retention.prune)
    return scheduler
