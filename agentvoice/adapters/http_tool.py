"""The requests of HTTP tools, with aiohttp.

A tool reaches the host that its profile names and no other: no redirect is followed, no proxy of
the environment is used, no cookie is kept. Secrets are read for each call and never told on: a
server that repeats them finds them covered in its answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import aiohttp
from yarl import URL

from agentvoice.config import read_secret
from agentvoice.core.ports import Clock, HttpAnswer
from agentvoice.core.tool import HttpTool, split_reference
from agentvoice.errors import ConnectFailed, ConnectionLost, TimedOut
from agentvoice.protocols.http_tool import JSON_TYPE, ToolRequest, encode_tool_request

BYTES_A_CHAR = 4
"""The most that one character takes in UTF-8."""

COVER = "(secret)"
USER_AGENT = "agentvoice"


class AiohttpTools:
    """Implements core.ports.HttpTools; one pool for all calls of the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def call(self, tool: HttpTool, arguments: Mapping[str, object]) -> HttpAnswer:
        """See core.ports.HttpTools."""
        request = encode_tool_request(tool, arguments)
        headers, secrets = _read_headers(tool)
        try:
            async with self._clock.deadline(tool.timeout_s):
                return await self._ask(tool, request, headers, secrets)
        except TimedOut:
            raise TimedOut(f"{tool.name}: no answer after {tool.timeout_s:g} s") from None

    async def _ask(
        self, tool: HttpTool, request: ToolRequest, headers: dict[str, str], secrets: list[str]
    ) -> HttpAnswer:
        if request.body:
            headers["Content-Type"] = JSON_TYPE
        try:
            answer = await self._connections().request(
                request.method,
                URL(request.url, encoded=True),  # as we encoded it, not once more
                data=request.body or None,
                headers=headers,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ConnectFailed(f"{tool.name}: {_words(error)}") from None
        most_bytes = BYTES_A_CHAR * (tool.max_result_chars + _longest(secrets)) + 1
        try:
            body = await _read(answer, most_bytes)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ConnectionLost(f"{tool.name}: {_words(error)}") from None
        finally:
            answer.close()
        text = _cover(body.decode("utf-8", errors="replace"), secrets, is_cut=len(body) == most_bytes)
        shown = text[: tool.max_result_chars]
        return HttpAnswer(answer.status, shown, is_cut=len(shown) < len(text) or len(body) == most_bytes)

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A kept connection that turns out to be dead would make aiohttp ask twice.
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # limits are by the clock
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _read_headers(tool: HttpTool) -> tuple[dict[str, str], list[str]]:
    """Return the headers with their secrets, and the secrets; raises ConfigError naming the header."""
    headers: dict[str, str] = {}
    secrets: list[str] = []
    for name, value in tool.headers.items():
        reference = split_reference(value)
        if reference is None:
            headers[name] = value
            continue
        secret = read_secret(f"tools.http {tool.name}.headers.{name}", reference[1])
        headers[name] = reference[0] + secret
        secrets.append(secret)
    return headers, secrets


async def _read(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """Return the body, or its beginning: what is more than `most_bytes` is never taken into memory."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) >= most_bytes:
            return bytes(body[:most_bytes])
    return bytes(body)


def _written(secret: str) -> tuple[str, str]:
    """Return how a server may repeat a secret: as it is, and in JSON."""
    return secret, json.dumps(secret)[1:-1]


def _longest(secrets: list[str]) -> int:
    return max((len(text) for secret in secrets for text in _written(secret)), default=0)


def _cover(text: str, secrets: list[str], *, is_cut: bool) -> str:
    """Cover the secrets; of a text that was cut, the end goes too: it may be half of one."""
    for secret in secrets:
        for written in _written(secret):
            text = text.replace(written, COVER)
    return text[: max(0, len(text) - _longest(secrets))] if is_cut else text


def _words(error: BaseException) -> str:
    """Return what went wrong without the URL: it holds what the caller said."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"{error.host}: its certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host}: {error.strerror or error.os_error}"
    return type(error).__name__
