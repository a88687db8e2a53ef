"""What a tool answers, as the JSON text that models are given."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


def encode_tool_answer(answer: Mapping[str, object]) -> str:
    """Return the answer as JSON text."""
    return msgspec.json.encode(answer).decode()
