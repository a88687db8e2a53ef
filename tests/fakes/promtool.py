"""Prometheus' own checker, as a judge that nobody here wrote."""

from __future__ import annotations

from functools import cache

from tests.fakes.debian import find_program


@cache
def find_promtool() -> str:
    """Return its path; the first time it is fetched, if the system has none."""
    return find_program("prometheus", "promtool")
