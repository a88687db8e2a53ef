"""Who asks, and what it may do."""

from __future__ import annotations

from agentvoice.core.client import NEIGHBOUR, NOBODY, OWNER, Client, Pass, PassKind, Scope, scopes_of


def test_who_may_change_everything_may_call():
    """`admin` has `call` in it, not the other way round."""
    assert scopes_of(Scope.ADMIN) == {Scope.ADMIN, Scope.CALL} == OWNER.scopes
    assert scopes_of(Scope.CALL) == {Scope.CALL}
    assert NOBODY.scopes == frozenset()


def test_a_client_may_call_its_projects():
    """All, unless some are named; then those alone."""
    assert OWNER.may_call("garden")
    guest = Client("g", scopes_of(Scope.CALL), projects=frozenset({"garden"}))
    assert [guest.may_call(project) for project in ("garden", "zoo")] == [True, False]


def test_a_client_is_the_same_by_another_pass():
    """Two browsers of one person are one caller; whoever is on this machine is trusted like its owner."""
    one, other = (Client("g", scopes_of(Scope.CALL), came_by=Pass(PassKind.SIGN_IN, id)) for id in "ab")
    assert one == other
    assert one.came_by != other.came_by
    assert (NEIGHBOUR == OWNER, NEIGHBOUR.came_by == OWNER.came_by) == (True, False)
