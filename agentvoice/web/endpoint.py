"""One address of the API: its handler, and what it takes and gives. Routes and the OpenAPI document are
made from the same table.

A handler returns its document, or None where there is nothing to say (204). The call that its address
names it takes from the request (web.own_calls.CALL): that one the client may see.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any, TypeVar

from aiohttp import web

from agentvoice.core.fields import build_from_table, field_kinds, parse_text
from agentvoice.errors import UsageError
from agentvoice.protocols import admin
from agentvoice.web.clients import Scope, require
from agentvoice.web.own_calls import CALL, find_call

API = "/api/v1"
JSON = "application/json"
NO_CONTENT = 204

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NoQuery:
    """An address that takes nothing after the `?`."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address below `/api/v1`.

    `answer` is the type of its document, None for 204; `body` that of what it takes; `query` a
    dataclass whose fields are the parameters after the `?`; `scope` None: for anybody.
    """

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[object]]
    answer: Any = None
    body: Any = None
    query: type = NoQuery
    scope: Scope | None = Scope.ADMIN
    content_type: str = JSON

    def __post_init__(self) -> None:
        if self.body is not None:
            admin.decoder_of(self.body)

    @property
    def full_path(self) -> str:
        """The whole path."""
        return API + self.path

    @property
    def is_of_own_calls(self) -> bool:
        """Whether a client with scope `call` reaches it for the calls that it made, and no others."""
        return self.scope is Scope.CALL and "{call}" in self.path

    def route(self) -> web.RouteDef:
        """Return the route that serves it."""
        return web.route(self.method, self.full_path, self._serve)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self.scope is not None:
            require(request, self.scope)
        check_texts(request.match_info)
        if "call" in request.match_info:
            request[CALL] = await find_call(request)
        answer = await self.handler(request)
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.Response(status=NO_CONTENT)
        return web.Response(body=admin.encode(answer), content_type=JSON)


def read_query(request: web.Request, query: type[T]) -> T:
    """Return the parameters after the `?`; raises UsageError naming the first that is wrong."""
    kinds = field_kinds(query)
    check_texts(request.query)
    if len(set(request.query)) != len(request.query):
        raise UsageError("query: got a parameter twice, want each once")
    # A field cannot be called `from`: it is `from_`.
    given = {f"{name}_" if iskeyword(name) else name: text for name, text in request.query.items()}
    return build_from_table(
        query,
        {name: parse_text(kinds[name], text) if name in kinds else text for name, text in given.items()},
    )


async def read_body(request: web.Request, body: type[T]) -> T:
    """Return what the request carries; raises UsageError naming what is wrong. No body is `{}`."""
    return admin.decode_body(await request.read() or b"{}", body)


def check_texts(texts: Mapping[str, str]) -> None:
    """Refuse what no name or search has in it, and no database takes: controls, halves of characters."""
    for name, text in texts.items():
        if not f"{name}{text}".isprintable():
            raise UsageError(f"{name!a}: got {ascii(text)[:80]}, want text without control characters")
