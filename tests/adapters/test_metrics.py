from __future__ import annotations

import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agentvoice.adapters.metrics import PrometheusMetrics
from agentvoice.core.metrics import (
    CALLS_ENDED,
    CALLS_LIVE,
    METRICS,
    OTHER,
    UNDERRUNS,
    VOICE_TO_VOICE,
    Kind,
)
from tests.fakes.promtool import find_promtool

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def metrics() -> PrometheusMetrics:
    return PrometheusMetrics()


def samples(metrics: PrometheusMetrics) -> Samples:
    """What a scraper reads, by name and labels."""
    return {
        (sample.name, tuple(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.exposition()[0].decode())
        for sample in family.samples
    }


def test_every_series_exists_from_the_start(metrics: PrometheusMetrics):
    """A rule over a counter works before the counter has counted anything."""
    read = samples(metrics)
    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            assert read[f"{metric.name}_count", ()] == 0
            assert (f"{metric.name}_bucket", (("le", str(metric.bounds[0])),)) in read
        for value in (*metric.values, OTHER) if metric.label else ():
            assert read[metric.name, ((metric.label, value),)] == 0
        if metric.kind is not Kind.HISTOGRAM and not metric.label:
            assert read[metric.name, ()] == 0


def test_numbers_are_served_as_told(metrics: PrometheusMetrics):
    """Counters add up, gauges fall too, histograms count below their bounds."""
    metrics.add(CALLS_LIVE)
    metrics.add(CALLS_LIVE)
    metrics.add(CALLS_LIVE, -1)
    metrics.add(UNDERRUNS, 3)
    metrics.add(CALLS_ENDED, label="caller")
    metrics.observe(VOICE_TO_VOICE, 0.6)
    read = samples(metrics)
    assert read[CALLS_LIVE.name, ()] == 1
    assert read[UNDERRUNS.name, ()] == 3
    assert read[CALLS_ENDED.name, (("reason", "caller"),)] == 1
    assert read[f"{VOICE_TO_VOICE.name}_bucket", (("le", "0.5"),)] == 0
    assert read[f"{VOICE_TO_VOICE.name}_bucket", (("le", "0.7"),)] == 1
    assert read[f"{VOICE_TO_VOICE.name}_sum", ()] == 0.6


def test_no_value_makes_a_new_series(metrics: PrometheusMetrics):
    """Whatever is told for a label, the number of series stays the same."""
    before = samples(metrics).keys()
    for number in range(100):
        metrics.add(CALLS_ENDED, label=f"made up {number}")
    read = samples(metrics)
    assert read.keys() == before
    assert read[CALLS_ENDED.name, (("reason", OTHER),)] == 100


def test_the_process_itself_is_measured(metrics: PrometheusMetrics):
    """Memory, CPU and open files have the names that every Prometheus client gives them."""
    read = samples(metrics)
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"):
        assert read[name, ()] > 0


def test_two_daemons_in_one_process_do_not_meet(metrics: PrometheusMetrics):
    """Nothing is registered globally."""
    metrics.add(UNDERRUNS)
    assert samples(PrometheusMetrics())[UNDERRUNS.name, ()] == 0


def test_prometheus_own_tool_finds_nothing_to_mend(metrics: PrometheusMetrics):
    """`promtool check metrics` reads the format and lints names, units and help texts."""
    body, content_type = metrics.exposition()
    assert content_type.startswith("text/plain; version=0.0.4")
    checked = subprocess.run(
        [find_promtool(), "check", "metrics"], input=body, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_commands_do_not_load_the_client():
    """Only the daemon pays for the import."""
    code = "import sys, agentvoice.daemon, agentvoice.cli\nassert 'prometheus_client' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
