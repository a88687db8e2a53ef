from __future__ import annotations

from pathlib import Path

import pytest

from agentvoice.core.agent import AgentProfile
from agentvoice.core.call import PublicationState
from agentvoice.core.tool import AgentTools, HttpTool
from agentvoice.services.redacting import find_reference, read_secrets, tool_references
from tests.fakes.relay_server import relay_server
from tests.services.press import CALL_ID, Press

TOOLS = AgentTools(
    http=(HttpTool("door", "Opens it", "https://door.example", headers={"X-Key": "env:DOOR"}),)
)
TURNS = (("", "Ring 555-0123, my code is hush-hush-17."), ("ada", "Done."))


async def test_nothing_redacted_is_signed_or_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Numbers, a named secret and the title go before signing; tags and counts say what was there."""
    monkeypatch.setenv("CODE", "hush-hush-17")
    async with relay_server() as server:
        press = Press(tmp_path, server.address, title="Call 555-0123", redact=("phone", "secret:CODE"))
        press.finish_call(turns=TURNS)
        await press.publisher().sweep()
        root, said, *_ = server.events
        assert said["content"] == "Ring [phone number removed], my code is [secret removed]."
        assert ["redacted", "secret", "phone"] in said["tags"]
        assert ["redacted", "phone"] in root["tags"]
        assert "0123" not in str(server.frames) and "hush" not in str(server.frames)
        found = await press.publisher().publication(CALL_ID)
        assert found.redactions == {"phone": 2, "secret:CODE": 1}
        await press.close()


async def test_a_secret_that_is_not_here_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A thread is never signed because a rule could not be applied; it says why, and is tried again."""
    monkeypatch.delenv("CODE", raising=False)
    async with relay_server() as server:
        press = Press(tmp_path, server.address, redact=("secret:CODE",))
        press.finish_call(turns=TURNS)
        publisher = press.publisher()
        assert await publisher.prepare(CALL_ID) is PublicationState.QUEUED
        found = await publisher.publication(CALL_ID)
        assert (found.events, server.connections) == ((), 0)
        assert "redact secret:CODE: got env:CODE, want the environment variable CODE to be set" in found.error
        monkeypatch.setenv("CODE", "hush-hush-17")
        await press.clock.advance(61)  # a call that could not be signed rests for a minute
        assert (await publisher.wait_settled(CALL_ID, 20)).state is PublicationState.PUBLISHED
        await press.close()


async def test_the_secrets_of_the_tools_need_no_rule(monkeypatch: pytest.MonkeyPatch):
    """Whatever an agent's tools refer to is taken out."""
    monkeypatch.setenv("DOOR", "tok-123456")
    profile = AgentProfile("ada", "Ada", tools=TOOLS)
    assert tool_references(profile) == ("env:DOOR",)
    secrets = await read_secrets((), [profile], ())
    assert (secrets.values, secrets.missing) == ({"DOOR": "tok-123456"}, ())
    assert "tok" not in repr(secrets)


def test_a_rules_name_finds_its_reference():
    """A whole reference, a name that an agent uses, a file's name, else the variable."""
    known = ["credential:door", "file:/keys/gate.txt"]
    names = ("file:/x", "door", "gate.txt", "OTHER")
    assert [find_reference(name, known) for name in names] == ["file:/x", *known, "env:OTHER"]
