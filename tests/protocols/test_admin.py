from __future__ import annotations

import pytest

from agentvoice.errors import NotFound, UsageError
from agentvoice.protocols import admin


def test_a_switch_survives_the_wire():
    """The body names the agent."""
    assert admin.decode_switch(admin.encode(admin.SwitchCall(agent="max"))).agent == "max"


@pytest.mark.parametrize(
    ("body", "named"), [(b"", "truncated"), (b"{}", "agent"), (b'{"agent":1}', "agent"), (b"\xff", "body")]
)
def test_a_wrong_body_is_refused_by_name(body: bytes, named: str):
    """A body that breaks the format names what is wrong."""
    with pytest.raises(UsageError, match=named):
        admin.decode_switch(body)


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
