"""What calls used and cost, over HTTP: the document of `usage report`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web

from agentvoice.core.fields import OneOf
from agentvoice.core.usage import UsageGroup
from agentvoice.protocols.documents import UsageReport
from agentvoice.services.usage_report import read_days, read_sums
from agentvoice.web.endpoint import Endpoint, read_query
from agentvoice.web.keys import DESKS


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which days, added up by what."""

    by: Annotated[str, OneOf(*UsageGroup)] = UsageGroup.DAY.value
    """What is added up by."""
    from_: str = ""
    """First day (UTC), such as 2026-11-01; else the first of this month."""
    to: str = ""
    """Last day (UTC); else today."""


async def report_usage(request: web.Request) -> UsageReport:
    """Add up what calls used and cost."""
    asked, desks = read_query(request, UsageQuery), request.app[DESKS]
    days = read_days(asked.from_, asked.to, desks.clock.utc_ms(), ("from", "to"))
    sums = await asyncio.to_thread(read_sums, desks.database, UsageGroup(asked.by), days)
    return sums.document()


ENDPOINTS = (Endpoint("GET", "/usage", report_usage, UsageReport, query=UsageQuery),)
