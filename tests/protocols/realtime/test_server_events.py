from dataclasses import replace

import pytest

from agentvoice.core.item import ItemKind, Role
from agentvoice.errors import RemoteProtocolError
from agentvoice.protocols.realtime import server_events as se
from agentvoice.protocols.realtime.ga import GA
from tests.fakes.realtime_agents import message

TOOL_CALL = replace(
    message('{"why":"asked"}', Role.AGENT, 7),
    kind=ItemKind.TOOL_CALL,
    tool_name="transfer_to_max",
    tool_call_id="call_1",
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "server event: got no JSON"),
        (b"\xff\xfe", "server event: got no JSON"),
        ("[" * 100_000, "server event: got no JSON"),
        ("[]", "no field `type`"),
        ('{"type":7}', "no field `type`"),
        ('{"type":"response.done"}', "response.done: Object missing required field `response`"),
        ('{"type":"response.done","response":{"id":7}}', r"response.done: Expected `str`, got `int`"),
        (
            '{"type":"response.output_audio.delta","response_id":"r","item_id":"i",'
            '"content_index":0,"delta":"%"}',
            "response.output_audio.delta: Invalid base64",
        ),
    ],
)
def test_junk_is_named(text, complaint):
    """What is no server event raises one error that names event and field."""
    with pytest.raises(RemoteProtocolError, match=complaint):
        GA.decode_event(text)


def test_events_decode_to_their_shapes():
    """An event we act on, one that says nothing to us, one that nobody knows."""
    delta = GA.decode_event(
        '{"type":"response.output_audio.delta","response_id":"r","item_id":"i","content_index":0,"delta":"AAE="}'
    )
    assert delta == se.OutputAudioDelta("r", "i", 0, b"\x00\x01")
    assert GA.decode_event('{"type":"conversation.created"}') == se.Noted()
    assert GA.decode_event('{"type":"response.invented"}') == se.UnknownEvent("response.invented")
