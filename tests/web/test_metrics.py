from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from agentvoice.adapters.metrics import PrometheusMetrics
from agentvoice.core.client import Scope
from agentvoice.core.metrics import CALLS_LIVE, METRICS
from agentvoice.web.app import build_public_app
from tests.services.conftest import House
from tests.web.door_scene import FAR, open_door


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    built = House(tmp_path)
    yield built
    await built.close()


@pytest.mark.parametrize(("is_open", "status"), [(False, 401), (True, 200)])
async def test_who_may_read_them(tmp_path: Path, is_open: bool, status: int):
    """From elsewhere an admin with a token, as Prometheus sends it; anybody, where the operator opens them."""
    async with open_door(tmp_path, metrics_open=is_open) as door:
        assert (await door.client.get("/metrics", headers=FAR)).status == status
        admin = {**FAR, "Authorization": f"Bearer {door.new_token(Scope.ADMIN)}"}
        assert (await door.client.get("/metrics", headers=admin)).status == 200


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
