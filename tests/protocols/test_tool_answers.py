from __future__ import annotations

import json

from agentvoice.protocols.tool_answers import encode_tool_answer


def test_an_answer_is_json_text():
    """Models are given JSON text, whatever characters it holds."""
    answer = {"ok": False, "error": 'no agent "Zoë"'}
    assert json.loads(encode_tool_answer(answer)) == answer
