"""What is worth one line in the log: collected here because protocols do not log."""

from __future__ import annotations

MAX_KINDS = 200
"""Different remarks of one session; a server that talks nonsense must not fill the log."""


class Remarks:
    """Lines for the log, each kind once a session."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._lines: list[str] = []

    def add(self, kind: str, line: str) -> None:
        """Add a line unless one of its kind was there before."""
        if kind not in self._seen and len(self._seen) < MAX_KINDS:
            self._seen.add(kind)
            self._lines.append(line)

    def take(self) -> list[str]:
        """Remove and return the new lines."""
        lines, self._lines = self._lines, []
        return lines
