"""Who asks, and what it may do."""

from __future__ import annotations

from agentvoice.core.client import NOBODY, OWNER, Scope, scopes_of


def test_who_may_change_everything_may_call():
    """`admin` has `call` in it, not the other way round."""
    assert scopes_of(Scope.ADMIN) == {Scope.ADMIN, Scope.CALL} == OWNER.scopes
    assert scopes_of(Scope.CALL) == {Scope.CALL}
    assert NOBODY.scopes == frozenset()
