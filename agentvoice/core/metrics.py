"""What the daemon counts and measures, as one table; names and units in Prometheus' manner.

A label has few values, all of them written here: never an id, an address or a text. What is told
for any other value counts as `other`, so no caller and no provider can make series without end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from agentvoice.core.agent import ENGINES
from agentvoice.core.call import EndReason
from agentvoice.core.delivery import DeliveryEvent

OTHER = "other"


class Kind(Enum):
    """Kinds of series: Prometheus' names."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False)  # eq=False: found by identity, which costs nothing
class Metric:
    """One metric: `values` are those of its label, `bounds` the upper bounds of a histogram."""

    name: str
    kind: Kind
    help: str
    label: str = ""
    values: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


class NoMetrics:
    """Where nobody reads numbers (core.ports.Metrics): tests, and calls without a daemon."""

    def add(self, metric: Metric, amount: float = 1.0, label: str = "") -> None:
        """Forget it."""

    def observe(self, metric: Metric, value: float) -> None:
        """Forget it."""


NO_METRICS = NoMetrics()

FROM_LEG = "leg"
FROM_GAP = "gap"
FROM_SESSION = "session"

CALLS_LIVE = Metric("agentvoice_calls_live", Kind.GAUGE, "Calls that run now.")
CALLS_ENDED = Metric(
    "agentvoice_calls_ended_total",
    Kind.COUNTER,
    "Calls that ended, by reason.",
    "reason",
    tuple(reason.value for reason in EndReason),
)
SESSIONS_OPENED = Metric(
    "agentvoice_sessions_opened_total",
    Kind.COUNTER,
    "Sessions that an engine opened.",
    "engine",
    ENGINES,
)
SESSIONS_FAILED = Metric(
    "agentvoice_sessions_failed_total",
    Kind.COUNTER,
    "Sessions that an engine could not open.",
    "engine",
    ENGINES,
)
SESSIONS_LOST = Metric(
    "agentvoice_sessions_lost_total", Kind.COUNTER, "Sessions that were lost in the middle of a call."
)
RECONNECTS = Metric(
    "agentvoice_reconnects_total", Kind.COUNTER, "Lost sessions that were replaced, the call going on."
)
HANDOVERS = Metric("agentvoice_handovers_total", Kind.COUNTER, "Times another agent took a call.")
HANDOVER_TIME = Metric(
    "agentvoice_handover_seconds",
    Kind.HISTOGRAM,
    "From the request for a handover to the new agent's first sound sent on.",
    bounds=(0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0),
)
VOICE_TO_VOICE = Metric(
    "agentvoice_voice_to_voice_seconds",
    Kind.HISTOGRAM,
    "From the end of the caller's speech to the first sound of the reply sent on.",
    bounds=(0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
)
BARGE_INS = Metric(
    "agentvoice_barge_ins_total", Kind.COUNTER, "Times a caller spoke, typed or pressed over an answer."
)
AUDIO_DROPPED = Metric(
    "agentvoice_caller_audio_dropped_seconds_total",
    Kind.COUNTER,
    "Sound of callers that was lost: at the leg, in a gap between sessions, or on the way to the engine.",
    "where",
    (FROM_LEG, FROM_GAP, FROM_SESSION),
)
PLAYOUT_DEPTH = Metric(
    "agentvoice_playout_depth_seconds",
    Kind.HISTOGRAM,
    "Depth of the jitter buffer at the end of each answer.",
    bounds=(0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2),
)
UNDERRUNS = Metric(
    "agentvoice_playout_underruns_total", Kind.COUNTER, "Times the sound ran dry in the middle of an answer."
)
DELIVERIES = Metric(
    "agentvoice_delivery_attempts_total",
    Kind.COUNTER,
    "Attempts to put an event on a relay, by outcome.",
    "outcome",
    (
        DeliveryEvent.ACCEPTED.value,
        DeliveryEvent.REJECTED.value,
        DeliveryEvent.POSTPONED.value,
        DeliveryEvent.EXPIRED.value,
    ),
)
LOOP_LAG = Metric(
    "agentvoice_event_loop_lag_seconds",
    Kind.HISTOGRAM,
    "How late the event loop keeps an appointment.",
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)

METRICS = (
    CALLS_LIVE,
    CALLS_ENDED,
    SESSIONS_OPENED,
    SESSIONS_FAILED,
    SESSIONS_LOST,
    RECONNECTS,
    HANDOVERS,
    HANDOVER_TIME,
    VOICE_TO_VOICE,
    BARGE_INS,
    AUDIO_DROPPED,
    PLAYOUT_DEPTH,
    UNDERRUNS,
    DELIVERIES,
    LOOP_LAG,
)
"""All of them."""
