"""A value that is used and never shown: secret keys, passphrases.

Tracebacks and error reports print local variables; whoever holds a secret holds it in here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Secret(Generic[T]):
    """Holds a secret; repr, str and format hide it, and it is never pickled nor copied."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """Return the secret: give it on at once, and keep it in no variable."""
        return self._value

    def open_to(self, use: Callable[[T], R]) -> R:
        """Return `use(secret)`; an error leaves without the frames in which the secret was a variable."""
        try:
            return use(self._value)
        except Exception as error:
            failure = error.with_traceback(None)
            failure.__cause__ = failure.__context__ = None
        raise failure

    def __repr__(self) -> str:
        return "Secret(…)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: it stays in this process")
