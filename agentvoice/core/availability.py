"""Which engine to try first: the agent's order, but one that failed lately is passed over."""

from __future__ import annotations

from collections.abc import Sequence

from agentvoice.errors import AgentVoiceError


class Availability:
    """Why engines could not be used lately; `now_s` is a monotonic time.

    A failure counts for `keep_s`: long enough that not every call waits for a server that is down,
    short enough that one that came back is used again.
    """

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._failed: dict[str, tuple[float, AgentVoiceError]] = {}

    def worked(self, engine: str) -> None:
        """The engine opened a session."""
        self._failed.pop(engine, None)

    def failed(self, engine: str, failure: AgentVoiceError, now_s: float) -> None:
        """The engine could not open a session."""
        self._failed[engine] = (now_s, failure)

    def failure_of(self, engine: str, now_s: float) -> AgentVoiceError | None:
        """Return why the engine is passed over now, None if it is not."""
        failed_at_s, failure = self._failed.get(engine, (0.0, None))
        return failure if failure is not None and now_s - failed_at_s < self._keep_s else None

    def order(self, engines: Sequence[str], now_s: float) -> tuple[str, ...]:
        """Return `engines` in the order to try them: those passed over come last, not never."""
        return tuple(sorted(engines, key=lambda name: self.failure_of(name, now_s) is not None))
