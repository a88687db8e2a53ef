from __future__ import annotations

import pytest

from agentvoice.errors import (
    AgentVoiceError,
    NotFound,
    OutOfDate,
    Refused,
    SignInWanted,
    StorageBusy,
    TooManyRequests,
    UsageError,
    WrongToken,
)
from agentvoice.protocols import admin


def test_a_body_survives_the_wire():
    """What is asked is read as it was said."""
    body = admin.encode(admin.SwitchCall(agent="max"))
    assert admin.decode_body(body, admin.SwitchCall).agent == "max"
    assert admin.decode_body(b"{}", admin.OfRelay).relay == ""


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "truncated"),
        (b"{}", "agent"),
        (b'{"agent":1}', "agent"),
        (b"\xff", "body"),
        (b"[" * 100_000, "body"),
    ],
)
def test_a_wrong_body_is_refused_by_name(body: bytes, named: str):
    """A body that breaks the format names what is wrong."""
    with pytest.raises(UsageError, match=named):
        admin.decode_body(body, admin.SwitchCall)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OutOfDate, 409),
        (Refused, 403),
        (SignInWanted, 401),
        (WrongToken, 401),
        (TooManyRequests, 429),
        (NotFound, 404),
        (StorageBusy, 503),
        (AgentVoiceError, 500),
    ],
)
def test_each_error_has_its_status(error: type[AgentVoiceError], status: int):
    """The nearest of its kind; what is ours to mend is 500."""
    assert admin.status_of(error("x")) == status


@pytest.mark.parametrize(("status", "exit_code"), [(404, 3), (403, 4), (413, 2), (405, 2), (503, 1)])
def test_what_http_refuses_has_an_exit_code(status: int, exit_code: int):
    """As if a command had failed the same way."""
    assert admin.failure_of_status(status, "why") == admin.Failure("why", exit_code)


def test_a_failure_carries_message_and_exit_code():
    """The CLI answers with the same code as if it had failed itself."""
    failure = admin.decode_failure(admin.encode(admin.failure_of(NotFound("call x: it is not live here"))))
    assert (failure.error, failure.exit_code) == ("call x: it is not live here", 3)


def test_an_answer_that_is_no_failure_is_quoted():
    """A proxy's page becomes a message, cut to a line's length."""
    failure = admin.decode_failure(b"<html>" + b"x" * 1_000)
    assert failure.error.startswith("<html>")
    assert len(failure.error) == 200


def test_health_is_json():
    """The health body has status, version and the number of live calls."""
    body = admin.encode(admin.Health(status="ok", version="1", live_calls=2))
    assert body == b'{"status":"ok","version":"1","live_calls":2}'
