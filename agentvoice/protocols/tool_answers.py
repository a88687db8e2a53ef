"""What a tool is asked and answers, as the JSON text that models write and are given."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentvoice.errors import RemoteProtocolError

CUT_MARK = " … (cut: the answer is longer)"
OK_STATUSES = range(200, 300)
REDIRECT_STATUSES = range(300, 400)


def decode_tool_arguments(text: str) -> dict[str, object]:
    """Return the arguments that a model wrote; raises RemoteProtocolError if they are no JSON object."""
    try:
        arguments = msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise RemoteProtocolError(f"arguments: got no JSON ({error}), want an object") from None
    if not isinstance(arguments, dict):
        raise RemoteProtocolError("arguments: got JSON that is no object, want one")
    return arguments


def encode_tool_answer(answer: Mapping[str, object]) -> str:
    """Return the answer as JSON text."""
    return msgspec.json.encode(answer).decode()


def encode_tool_failure(reason: str) -> str:
    """Return the answer of a tool that failed."""
    return encode_tool_answer({"ok": False, "error": reason})


def encode_http_answer(status: int, text: str, *, is_cut: bool) -> str:
    """Return the answer of an HTTP tool: what the server said, as JSON if it is, else as text."""
    answer: dict[str, object] = {"ok": status in OK_STATUSES}
    if status in REDIRECT_STATUSES:
        answer["error"] = f"the server sends to another address (status {status}), which is not followed"
    elif status not in OK_STATUSES:
        answer["error"] = f"the server answered with status {status}"
    answer["result"] = text + CUT_MARK if is_cut else _as_json(text)
    return encode_tool_answer(answer)


def _as_json(text: str) -> object:
    """Return JSON as it was written, so that no number loses digits; other text stays text."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return msgspec.Raw(text.encode())
