"""HTTP tools on the wire: a model's arguments as a request, sans-I/O.

Arguments that the URL names go into its path, percent-encoded whole; the others go into the query
(GET, DELETE) or are the JSON body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import msgspec

from agentvoice.core.tool import QUERY_METHODS, HttpTool, placeholders
from agentvoice.errors import UsageError

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A request to send as it is; `body` is empty where the arguments are in the URL."""

    method: str
    url: str
    body: bytes = b""


def encode_tool_request(tool: HttpTool, arguments: Mapping[str, object]) -> ToolRequest:
    """Return the request of one call; the arguments have been checked by the tool's schema.

    Raises UsageError naming an argument that would lead to another path.
    """
    rest = dict(arguments)
    url = tool.url
    for name in placeholders(tool.url):
        text = _text(rest.pop(name))
        if text in ("", ".", ".."):  # percent-encoding does not change dots, and servers resolve them
            raise UsageError(f"arguments.{name}: got {text!r}, want a text that is no step in a path")
        url = url.replace(f"{{{name}}}", quote(text, safe=""))
    if tool.method not in QUERY_METHODS:
        return ToolRequest(tool.method, url, msgspec.json.encode(rest))
    query = urlencode([(name, text) for name, value in rest.items() for text in _texts(value)])
    joint = "&" if "?" in url else "?"
    return ToolRequest(tool.method, f"{url}{joint}{query}" if query else url)


def _texts(value: object) -> list[str]:
    """Return a list as several values of its name; null is not sent."""
    return [_text(part) for part in (value if isinstance(value, list) else [value]) if part is not None]


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
