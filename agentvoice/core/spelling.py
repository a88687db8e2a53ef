"""The nearest right name for a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LEAST_LIKENESS = 0.5  # of difflib's ratio: below it a proposal confuses more than it helps


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice most like `name` (case ignored), or None when none is like it."""
    by_folded = {choice.casefold(): choice for choice in choices}
    found = get_close_matches(name.casefold(), by_folded, n=1, cutoff=_LEAST_LIKENESS)
    return by_folded[found[0]] if found else None


def hint(name: str, choices: Iterable[str], prefix: str = "") -> str:
    """Return `; did you mean …?`, or the list of what there is, or "" when there is nothing.

    `prefix` is put before each name that is shown.
    """
    known = sorted(choices)
    best = nearest(name, known)
    if best is not None:
        return f"; did you mean {prefix}{best}?"
    return f"; want one of {', '.join(prefix + each for each in known)}" if known else ""
