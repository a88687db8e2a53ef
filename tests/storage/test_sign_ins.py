"""Browsers that signed in, in the database."""

from __future__ import annotations

from sqlalchemy import text

from agentvoice.core.client import Scope
from agentvoice.core.token import token_id
from agentvoice.storage import sign_ins, tokens
from agentvoice.storage.database import Database
from agentvoice.storage.sign_ins import KEPT_MS, SignIn
from tests.storage.test_tokens import new_token
from tests.storage.values import NOW

NPUB = "npub1" + "q" * 58
PROOF = "e" * 64


def test_a_cookie_is_good_until_it_expires(database: Database):
    """By its token or its npub; no column holds the cookie, no other cookie is taken."""
    of_token, of_npub = new_token(), new_token()
    with database.writing() as session:
        token = tokens.add_token(session, new_token(), "n", Scope.ADMIN, NOW)
        assert sign_ins.add_sign_in(session, of_token, token=token, now_ms=NOW, expires_at=NOW + 5)
        assert sign_ins.add_sign_in(session, of_npub, npub=NPUB, proof=PROOF, now_ms=NOW, expires_at=NOW + 5)
        assert sign_ins.find_sign_in(session, of_token, NOW + 4) == SignIn(token, None, NOW + 5)
        assert sign_ins.find_sign_in(session, of_npub, NOW + 4) == SignIn(None, NPUB, NOW + 5)
        for cookie in (of_token, of_npub):
            assert sign_ins.find_sign_in(session, cookie, NOW + 5) is None
        assert sign_ins.find_sign_in(session, of_token[:-2] + "AA", NOW) is None
        stored = session.execute(text("SELECT * FROM sign_in")).all()
        assert of_token[16:] not in str(stored)


def test_a_token_that_is_over_ends_its_sign_ins(database: Database):
    """Revoked or expired: the cookie is worth nothing from then on."""
    cookie = new_token()
    with database.writing() as session:
        token = tokens.add_token(session, new_token(), "n", Scope.CALL, NOW, NOW + 50)
        sign_ins.add_sign_in(session, cookie, token=token, now_ms=NOW, expires_at=NOW + 90)
        assert sign_ins.find_sign_in(session, cookie, NOW + 49)
        assert sign_ins.find_sign_in(session, cookie, NOW + 50) is None
        tokens.revoke_token(session, token.id, NOW)
        assert sign_ins.find_sign_in(session, cookie, NOW) is None


def test_sign_ins_are_found_by_their_ids(database: Database):
    """All that are good, at once; those that ended, expired, or whose token did, are left out."""
    cookies = [new_token() for _ in range(5)]
    ids = [token_id(cookie) for cookie in cookies]
    with database.writing() as session:
        token, over = (tokens.add_token(session, new_token(), "n", Scope.CALL, NOW) for _ in range(2))
        for cookie, of in zip(cookies, (token, None, over, token, token), strict=True):
            ends_at = NOW + (5 if cookie != cookies[3] else 1)
            npub = None if of else NPUB
            sign_ins.add_sign_in(session, cookie, token=of, npub=npub, now_ms=NOW, expires_at=ends_at)
        tokens.revoke_token(session, over.id, NOW)
        sign_ins.end_sign_in(session, cookies[4], NOW)
        assert sign_ins.find_sign_ins(session, [*ids, "none"], NOW + 1) == {
            ids[0]: SignIn(token, None, NOW + 5),
            ids[1]: SignIn(None, NPUB, NOW + 5),
        }
        ran_out = sign_ins.find_sign_ins(session, ids, NOW + 6, ran_out_ms=2)
        assert ran_out.keys() == {ids[0], ids[1]}


def test_a_browser_signs_out(database: Database):
    """Its cookie is worth nothing from then on; to sign out twice, or as nobody, is no error."""
    cookie = new_token()
    with database.writing() as session:
        sign_ins.add_sign_in(session, cookie, npub=NPUB, proof=PROOF, now_ms=NOW, expires_at=NOW + 5)
        for each in (cookie, cookie, new_token(), ""):
            sign_ins.end_sign_in(session, each, NOW)
        assert sign_ins.find_sign_in(session, cookie, NOW) is None


def test_a_proof_serves_once(database: Database):
    """Also after its browser signed out; when it is long too old, it is forgotten."""
    cookie = new_token()

    def sign_in(cookie: str, now_ms: int) -> bool:
        with database.writing() as session:
            return sign_ins.add_sign_in(
                session, cookie, npub=NPUB, proof=PROOF, now_ms=now_ms, expires_at=now_ms + 5
            )

    assert sign_in(cookie, NOW)
    with database.writing() as session:
        sign_ins.end_sign_in(session, cookie, NOW)
    assert not sign_in(new_token(), NOW + 4 + KEPT_MS)
    assert sign_in(new_token(), NOW + 5 + KEPT_MS)
