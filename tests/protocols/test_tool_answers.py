from __future__ import annotations

import json

import pytest

from agentvoice.errors import RemoteProtocolError
from agentvoice.protocols.tool_answers import (
    decode_tool_arguments,
    encode_http_answer,
    encode_tool_answer,
    encode_tool_failure,
)


def test_an_answer_is_json_text():
    """Models are given JSON text, whatever characters it holds."""
    answer = {"ok": False, "error": 'no agent "Zoë"'}
    assert json.loads(encode_tool_answer(answer)) == answer
    assert json.loads(encode_tool_failure('no agent "Zoë"')) == answer


@pytest.mark.parametrize(("text", "arguments"), [("", {}), ("{}", {}), ('{"a": [1]}', {"a": [1]})])
def test_arguments_are_an_object(text: str, arguments: dict[str, object]):
    """A model that writes nothing gives no arguments."""
    assert decode_tool_arguments(text) == arguments


@pytest.mark.parametrize("text", ["{", "nonsense", "[1]", "null", '{"a":' * 5_000, '{"a": "\ud800"}'])
def test_what_is_no_object_is_refused(text: str):
    """The model is told what was wrong with its arguments."""
    with pytest.raises(RemoteProtocolError, match=r"^arguments: got .* want"):
        decode_tool_arguments(text)


@pytest.mark.parametrize(
    ("status", "text", "is_cut", "answer"),
    [
        (200, '{"a": 1}', False, '{"ok":true,"result":{"a": 1}}'),
        (201, "12345678901234567890.10", False, '{"ok":true,"result":12345678901234567890.10}'),
        (204, "", False, '{"ok":true,"result":""}'),
        (200, "[" * 5_000, False, '{"ok":true,"result":"' + "[" * 5_000 + '"}'),
        (200, '{"a"', True, '{"ok":true,"result":"{\\"a\\" … (cut: the answer is longer)"}'),
        (404, "gone", False, '{"ok":false,"error":"the server answered with status 404","result":"gone"}'),
        (
            307,
            "",
            False,
            '{"ok":false,"error":"the server sends to another address (status 307), which is not followed","result":""}',
        ),
    ],
)
def test_a_servers_answer_is_json_text(status: int, text: str, is_cut: bool, answer: str):
    """JSON stays as it was written, other text is a text, failures say so."""
    assert encode_http_answer(status, text, is_cut=is_cut) == answer
    json.loads(answer)
