from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from agentvoice.adapters.metrics import PrometheusMetrics
from agentvoice.core.metrics import CALLS_LIVE, METRICS
from agentvoice.web.app import build_public_app
from tests.services.conftest import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    built = House(tmp_path)
    yield built
    await built.close()


async def test_metrics_are_served_as_text(house: House):
    """A scraper gets every metric as it stands, in the format it asks for by default."""
    metrics = PrometheusMetrics()
    metrics.add(CALLS_LIVE, 2)
    app = build_public_app(house.manager, str, metrics.exposition)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/metrics")
        text = await answer.text()
    assert (answer.status, answer.headers["Content-Type"]) == (200, metrics.exposition()[1])
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {metric.name.removesuffix("_total") for metric in METRICS} <= families.keys()
    assert families[CALLS_LIVE.name].samples[0].value == 2
