"""What calls used and cost, over HTTP."""

from __future__ import annotations

import pytest

from agentvoice.storage.usage import UsageEntry, add_usage
from tests.services.press import CALL_ID
from tests.web.api_scene import Scene


async def test_a_report_adds_up(scene: Scene):
    """The document of `usage report`, of this month or of named days."""
    scene.press.finish_call()
    now = scene.house.clock.utc_ms()
    entry = UsageEntry("1" * 32, CALL_ID, "home", "ada", "openai", "m", now, cost_nano_usd=12_300_000)
    with scene.press.database.writing() as session:
        add_usage(session, entry)
    report = await scene.get("/usage")
    assert (report["by"], report["since"]) == ("day", "2027-01-01")
    assert (report["total"]["calls"], report["total"]["cost_usd"]) == (1, "0.0123")
    by_agent = await scene.get("/usage?by=agent&from=2027-01-01&to=2027-01-31")
    assert [line["name"] for line in by_agent["lines"]] == ["ada"]
    assert (await scene.get("/usage?from=2026-01-01&to=2026-01-01"))["lines"] == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=yesterday", "from: got 'yesterday', want a day such as 2026-11-01"),
        ("from=2026-02-02&to=2026-02-01", "to: got 2026-02-01, want 2026-02-02 (from) or later"),
        ("by=week", "by: got the text 'week', want one of day, project"),
    ],
)
async def test_a_wrong_question_is_told_what_is_wanted(scene: Scene, query: str, words: str):
    """The parameter is named."""
    status, failure = await scene.ask("GET", f"/usage?{query}")
    assert (status, failure["exit_code"]) == (400, 2)
    assert words in failure["error"]
