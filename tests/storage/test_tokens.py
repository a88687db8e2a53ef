"""Tokens in the database."""

from __future__ import annotations

import secrets

import pytest
from sqlalchemy import text

from agentvoice.core.client import Scope
from agentvoice.core.token import RANDOM_BYTES, build_token, token_id
from agentvoice.errors import NotFound, UsageError
from agentvoice.storage import sign_ins, tokens
from agentvoice.storage.database import Database
from agentvoice.storage.tokens import StoredToken, TokenState
from tests.storage.values import NOW


def new_token() -> str:
    return build_token(secrets.token_bytes(RANDOM_BYTES))


def test_a_token_is_found_by_itself_alone(database: Database):
    """Neither its id nor its digest lets anybody in, and no column holds it."""
    made = new_token()
    with database.writing() as session:
        stored = tokens.add_token(session, made, "laptop", Scope.CALL, NOW, NOW + 5)
    with database.reading() as session:
        assert tokens.find_token(session, made) == stored
        assert stored == StoredToken(token_id(made), "laptop", Scope.CALL, NOW, NOW + 5)
        row = session.execute(text("SELECT * FROM token")).one()
        assert not [value for value in row if made[16:] in str(value)]
        for wrong in (made[:-2] + "AA", row.id, row.digest, new_token(), ""):
            assert tokens.find_token(session, wrong) is None


def test_where_a_token_stands(database: Database):
    """It is valid until it expires; a revoked one stays revoked, from the first time."""
    forever = StoredToken("a", "n", Scope.CALL, NOW)
    assert forever.state_at(NOW * 2) is TokenState.VALID
    made = new_token()
    with database.writing() as session:
        stored = tokens.add_token(session, made, "n", Scope.ADMIN, NOW, NOW + 5)
        assert [stored.state_at(NOW + ms) for ms in (4, 5)] == [TokenState.VALID, TokenState.EXPIRED]
        revoked = tokens.revoke_token(session, stored.id, NOW + 1)
        assert tokens.revoke_token(session, stored.id, NOW + 2) == revoked
    assert revoked.state_at(NOW + 1) is TokenState.REVOKED


def test_a_token_that_is_over_still_counts(database: Database):
    """An expired or revoked token does not open the door again; to forget it does."""
    with database.writing() as session:
        assert not tokens.has_tokens(session)
        stored = tokens.add_token(session, new_token(), "n", Scope.CALL, NOW, NOW + 1)
        tokens.revoke_token(session, stored.id, NOW)
        assert tokens.has_tokens(session)
        assert tokens.forget_token(session, stored.id).id == stored.id
        assert not tokens.has_tokens(session)


def test_tokens_are_listed_by_age(database: Database):
    """The oldest first."""
    with database.writing() as session:
        younger = tokens.add_token(session, new_token(), "b", Scope.CALL, NOW + 1)
        older = tokens.add_token(session, new_token(), "a", Scope.CALL, NOW)
        assert tokens.list_tokens(session) == (older, younger)


def test_tokens_are_found_by_their_ids(database: Database):
    """All of them at once, whatever their state; those that are not there are left out."""
    with database.writing() as session:
        one, other, _ = (tokens.add_token(session, new_token(), "n", Scope.CALL, NOW) for _ in range(3))
        revoked = tokens.revoke_token(session, other.id, NOW + 1)
        assert tokens.find_tokens(session, [one.id, other.id, "none"]) == {one.id: one, other.id: revoked}
        assert tokens.find_tokens(session, []) == {}


def test_a_token_is_forgotten_with_its_sign_ins(database: Database):
    """Nothing points at a row that is gone."""
    with database.writing() as session:
        stored = tokens.add_token(session, new_token(), "n", Scope.CALL, NOW)
        sign_ins.add_sign_in(session, new_token(), token=stored, now_ms=NOW, expires_at=NOW + 9)
        tokens.forget_token(session, stored.id)
        assert session.execute(text("SELECT count(*) FROM sign_in")).scalar() == 0


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 81])
def test_a_name_is_for_people(database: Database, name: str):
    """It can be read in a list."""
    with database.writing() as session, pytest.raises(UsageError, match="name: got"):
        tokens.add_token(session, new_token(), name, Scope.CALL, NOW)


def test_an_unknown_token_is_not_quoted(database: Database):
    """Whoever gives the token instead of its id does not find it in a log."""
    made = new_token()
    with database.writing() as session:
        for change in (
            lambda: tokens.revoke_token(session, made, NOW),
            lambda: tokens.forget_token(session, made),
        ):
            with pytest.raises(NotFound, match="no such token") as refused:
                change()
            assert made not in str(refused.value)
