import json

import pytest

from agentvoice.errors import (
    AuthenticationRejected,
    ConnectFailed,
    ConnectionLost,
    EngineUnavailable,
    QuotaExceeded,
    SessionExpired,
)
from agentvoice.protocols.realtime.failures import FATAL, lost_by_close, lost_by_error, refused_by_status


@pytest.mark.parametrize("code", [None, 1000, 1001, 1005, 1006, 1011, 1012, 1013, 1015])
def test_closes_that_may_pass_are_retried(code):
    """Network and server trouble: a new session may work."""
    lost, failure = lost_by_close(code, "")
    assert lost.retryable and not lost.expired and type(failure) is ConnectionLost
    assert str(1006 if code is None else code) in lost.reason


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 1010, 3000, 4000, 4999])
def test_closes_that_blame_us_are_not_retried(code):
    """What we did wrong would be wrong again."""
    lost, failure = lost_by_close(code, "policy")
    assert not lost.retryable and type(failure) is EngineUnavailable
    assert "policy" in lost.reason


@pytest.mark.parametrize(
    ("reason", "kind", "retryable"),
    [
        ("invalid_request_error.beta_api_shape_disabled", EngineUnavailable, False),
        ("invalid_request_error.invalid_api_key", AuthenticationRejected, False),
        ("insufficient_quota", QuotaExceeded, False),
        ("invalid_request_error.session_expired", SessionExpired, True),
    ],
)
def test_the_reason_of_a_close_may_name_the_error(reason, kind, retryable):
    """A code at the end of the close reason says more than the close code."""
    lost, failure = lost_by_close(4000, reason)
    assert type(failure) is kind and lost.retryable is retryable and lost.expired is retryable


def test_a_refused_dialect_names_the_setting():
    """The operator reads what to set, whichever way the server refuses."""
    setting = 'engines.openai.dialect = "ga"'
    ended = lost_by_error("beta_api_shape_disabled", "no")
    assert ended is not None and setting in ended[0].reason and setting in str(ended[1])
    body = json.dumps({"error": {"code": "beta_api_shape_disabled"}}).encode()
    assert setting in str(refused_by_status(400, body))
    assert setting in lost_by_close(4000, "invalid_request_error.beta_api_shape_disabled")[0].reason


def test_fatal_codes_are_never_retried():
    """Account and key errors end the session for good; other codes do not end it."""
    for code, kind in FATAL.items():
        ended = lost_by_error(code, "text")
        assert ended is not None and not ended[0].retryable and type(ended[1]) is kind
    assert lost_by_error("rate_limit_exceeded", "text") is None


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "", AuthenticationRejected),
        (403, "", AuthenticationRejected),
        (429, "insufficient_quota", QuotaExceeded),
        (429, "rate_limit_exceeded", ConnectFailed),
        (503, "", ConnectFailed),
        (400, "model_not_found", EngineUnavailable),
        (404, "", EngineUnavailable),
    ],
)
def test_refused_handshakes_are_told_apart(status, code, kind):
    """Status and error code say whether key, money, weather or address is the matter."""
    body = json.dumps({"error": {"code": code, "message": "no"}}).encode() if code else b"<html>"
    failure = refused_by_status(status, body)
    assert type(failure) is kind and str(status) in str(failure) and code in str(failure)
