"""A model's arguments as requests."""

from __future__ import annotations

import json

import pytest

from agentvoice.core.tool import HttpTool
from agentvoice.errors import UsageError
from agentvoice.protocols.http_tool import ToolRequest, encode_tool_request


def tool(url: str, method: str = "GET") -> HttpTool:
    return HttpTool("t", "T", url, method)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_arguments_go_into_path_and_query(method: str):
    """Percent-encoded; lists several times, null not at all, objects as JSON."""
    arguments = {"id": "a/b ?#%ü", "n": 1.5, "yes": True, "tags": ["x&y", 2], "none": None, "o": {"a": "b"}}
    request = encode_tool_request(tool("https://x/v1/{id}/now?key=1", method), arguments)
    assert request == ToolRequest(
        method,
        "https://x/v1/a%2Fb%20%3F%23%25%C3%BC/now?key=1&n=1.5&yes=true&tags=x%26y&tags=2&o=%7B%22a%22%3A%22b%22%7D",
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_arguments_are_the_body(method: str):
    """As JSON, without those that the path has taken."""
    request = encode_tool_request(tool("https://x/{id}", method), {"id": 7, "text": "hi", "none": None})
    assert (request.url, json.loads(request.body)) == ("https://x/7", {"text": "hi", "none": None})


def test_no_arguments_leave_the_url_as_it_is():
    """No question mark for nothing."""
    assert encode_tool_request(tool("https://x/y"), {}).url == "https://x/y"


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_an_argument_that_walks_the_path_is_refused(text: str):
    """The model reaches the path that the operator named and nothing above it."""
    with pytest.raises(UsageError, match=r"arguments\.id: got '.*', want"):
        encode_tool_request(tool("https://x/private/{id}"), {"id": text})


def test_an_argument_cannot_name_another_placeholder():
    """Text that looks like a placeholder stays text."""
    request = encode_tool_request(tool("https://x/{a}/{b}/{a}"), {"a": "{b}", "b": "2"})
    assert request.url == "https://x/%7Bb%7D/2/%7Bb%7D"
