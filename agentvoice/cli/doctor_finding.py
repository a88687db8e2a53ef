"""One thing that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`detail` says what there is, or what is missing and what to do.

    What is not `needed` is told and no fault: servers have no sound devices, and deliveries wait for relays.
    """

    name: str
    ok: bool
    detail: str
    needed: bool = True

    @property
    def mark(self) -> str:
        """How it stands in the list."""
        if self.ok:
            return "ok"
        return "MISSING" if self.needed else "note"
