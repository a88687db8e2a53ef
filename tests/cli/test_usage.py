"""`agentvoice usage report`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli

DAY = "2023-11-14"
"""Of the kept call."""

HERE = ("--since", DAY, "--until", DAY)


@pytest.mark.parametrize(
    ("by", "name"),
    [("day", DAY), ("project", "default"), ("agent", "ada"), ("engine", "openai"), ("model", "m")],
)
def test_a_report_adds_up_exactly(kept: Cli, by: str, name: str):
    """Two uses of 0.0117596 USD, one of them an estimate, in one line and in the total."""
    document = kept("usage", "report", "--by", by, *HERE, "--json").document
    assert (document["by"], document["since"], document["until"]) == (by, DAY, DAY)
    (line,) = document["lines"]
    assert line["name"] == name
    for sums in (line, document["total"]):
        assert (sums["calls"], sums["cost_usd"], sums["estimated_usd"]) == (1, "0.0235192", "0.0117596")
        assert (sums["input_text_tokens"], sums["audio_ms"]) == (6, 1_000)
        assert (sums["priced_from"], sums["priced_until"]) == ("2026-11-01", "2026-11-01")


def test_a_report_reads_well(kept: Cli):
    """Names left, numbers right, an estimate marked, and the day of the prices under it."""
    assert kept("usage", "report", "--by", "agent", *HERE).out.splitlines() == [
        "AGENT  CALLS         USD  TEXT IN  AUDIO IN  CACHED  TEXT OUT  AUDIO OUT  SOUND",
        "ada        1  ~0.0235192        6         0       0         0          0   0:01",
        "total      1  ~0.0235192        6         0       0         0          0   0:01",
        "",
        "Prices as of 2026-11-01. ~ holds an estimate for models without a price: 0.0117596 USD in all.",
    ]


def test_the_time_of_a_report_is_this_month(kept: Cli):
    """Without options an old call is not in it; its last day belongs to a time that is named."""
    empty = kept("usage", "report", "--json").document
    assert (empty["lines"], empty["total"]["cost_usd"]) == ([], "0.00")
    assert empty["since"].endswith("-01")
    assert kept("usage", "report").out == "Nothing was used in this time.\n"
    assert kept("usage", "report", "--since", "2023-11-15", "--until", "9999-12-31").out.startswith("Nothing")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--since", "yesterday"), "--since: got 'yesterday', want a day such as 2026-11-01"),
        (("--until", "2026-13-01"), "--until: got '2026-13-01', want a day"),
        (("--since", "2026-11-02", "--until", "2026-11-01"), "--until: got 2026-11-01, want 2026-11-02"),
        (("--by", "week"), "'week' is not one of"),
    ],
)
def test_wrong_input_is_named(kept: Cli, options: tuple[str, ...], message: str):
    """One clear line, exit code 2."""
    answer = kept("usage", "report", *options)
    assert (answer.code, message in answer.complaint) == (2, True)
