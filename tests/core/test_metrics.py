from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from agentvoice.core import metrics
from agentvoice.core.metrics import METRICS, NO_METRICS, OTHER, Kind, Metric

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
MAX_VALUES = 12

each_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


@each_metric
def test_names_follow_prometheus_manner(metric: Metric):
    """A prefix, counters end in `_total`, and what is measured ends in its base unit."""
    assert re.fullmatch(r"agentvoice_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.name.endswith("_seconds") == (metric.kind is Kind.HISTOGRAM)
    assert metric.help.endswith(".")


@each_metric
def test_labels_have_few_values_and_name_nobody(metric: Metric):
    """All values of a label are written down, so no id, address or text can become one."""
    assert bool(metric.label) == bool(metric.values)
    assert len(metric.values) <= MAX_VALUES
    assert all(re.fullmatch(r"[a-z_]+", value) for value in metric.values)
    assert OTHER not in metric.values


@each_metric
def test_histograms_have_rising_bounds(metric: Metric):
    """Only they have bounds."""
    assert bool(metric.bounds) == (metric.kind is Kind.HISTOGRAM)
    assert all(one < other for one, other in pairwise(metric.bounds))


@each_metric
def test_each_metric_is_documented(metric: Metric):
    """The page names it with its kind, its label's values and its meaning, as they are in the code."""
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{metric.name}` |")]
    assert len(rows) == 1
    assert rows[0].split(" | ")[1] == metric.kind.value
    for word in (metric.label, *metric.values):
        assert not word or f"`{word}`" in rows[0]
    assert metric.help in rows[0]


def test_the_page_names_no_other_metric():
    """What is gone from the code is gone from the page."""
    documented = set(re.findall(r"^\| `(agentvoice_\w+)` \|", PAGE, flags=re.M))
    assert documented == {metric.name for metric in METRICS}


def test_the_list_is_whole():
    """Each metric that the module names is in the list, once."""
    named = [value for value in vars(metrics).values() if isinstance(value, Metric)]
    assert sorted(metric.name for metric in named) == sorted(metric.name for metric in METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_nobody_need_listen():
    """Without a daemon numbers go nowhere."""
    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            NO_METRICS.observe(metric, 1.0)
        else:
            NO_METRICS.add(metric, 2.0, "x")
    assert vars(NO_METRICS) == {}
