"""Tools of an agent: what its model may call besides handing over to other agents.

`builtin` ones are ours, `http` ones are requests that the operator describes, `mcp` servers are
called by the engine's provider itself. Secrets are named, never contained: `env:NAME`, `file:PATH`
or `credential:NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from agentvoice.core.json_schema import check_schema
from agentvoice.core.loopback import is_loopback
from agentvoice.errors import UsageError

TOOL_TRANSFER_PREFIX = "transfer_to_"
TOOL_END_CALL = "end_call"
TOOL_CURRENT_TIME = "current_time"
TOOL_NOTE = "note"

MAX_NOTE_CHARS = 2_000

NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
NOTE_PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": MAX_NOTE_CHARS}},
    "required": ["text"],
    "additionalProperties": False,
}

BUILTIN_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    TOOL_END_CALL: NO_PARAMETERS,
    TOOL_CURRENT_TIME: NO_PARAMETERS,
    TOOL_NOTE: NOTE_PARAMETERS,
}
"""The built-in tools and the arguments they take."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
QUERY_METHODS = ("GET", "DELETE")
"""Their arguments go into the URL; the others send them as a JSON body."""

APPROVALS = ("never", "always")

MAX_HTTP_TOOLS = 64
MAX_MCP_SERVERS = 16
MAX_DESCRIPTION_CHARS = 2_000
MAX_URL_CHARS = 2_000
MAX_HEADER_CHARS = 1_000
MAX_TIMEOUT_S = 120.0
MAX_RESULT_CHARS = 32_000
MIN_RESULT_CHARS = 100

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # what providers take as the name of a function
PLACEHOLDER = re.compile(r"\{([a-zA-Z0-9_-]+)\}")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|(?:file|credential):\S(?:.*\S)?")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # RFC 9110, token
_HEADER_VALUE = re.compile(r"[ -~]*")
_HOST = re.compile(r"[a-z0-9_.:-]{1,253}")
_URL = re.compile(r"[!-~]+")
_OUR_HEADERS = (
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "accept-encoding",
)
_SECRET_NAME = re.compile(
    r"(?:.*[-_.])?(?:\w*key|\w*token|\w*secret|\w*password|\w*auth|\w*authorization|\w*cookie|sig|signature)",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"(?:bearer|basic|token|apikey)\s.*", re.IGNORECASE)
_SCALARS = {"string", "number", "integer", "boolean"}


@dataclass(frozen=True, slots=True)
class HttpTool:
    """A request that the model may make. Its arguments go into the URL's path where that names them,
    the others into the query (GET, DELETE) or the JSON body.
    """

    name: str
    """What the model calls it by."""
    description: str
    """Tells the model when to use it."""
    url: str
    """Where the request goes; may hold `{argument}` in its path."""
    method: str = "GET"
    """`GET`, `POST`, `PUT`, `PATCH` or `DELETE`."""
    timeout_s: float = 10.0
    """How long the answer may take."""
    max_result_chars: int = 4_000
    """More of an answer is cut off, and marked."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Text, or a reference to a secret with an optional word before it (`Bearer env:NAME`)."""
    parameters: Mapping[str, Any] = field(default_factory=lambda: dict(NO_PARAMETERS))
    """JSON schema of the arguments, as a table or as JSON text."""


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server of the Model Context Protocol that the engine's provider calls for the model."""

    server_label: str
    """Its name for the model."""
    server_url: str
    """Where the provider reaches it."""
    authorization: str = ""
    """Reference to the token that the provider shows to the server."""
    allowed_tools: tuple[str, ...] = ()
    """Empty: all of its tools."""
    require_approval: str = "never"
    """`never`, or `always`: then nobody here can give it, and the model waits."""


@dataclass(frozen=True, slots=True)
class AgentTools:
    """The tools of an agent, besides those that hand over."""

    builtin: tuple[str, ...] = (TOOL_END_CALL, TOOL_CURRENT_TIME)
    """Of `end_call`, `current_time` and `note` those that the agent has."""
    allowed_hosts: tuple[str, ...] = ()
    """If not empty, no tool may name another host."""
    http: tuple[HttpTool, ...] = ()
    """Requests that the model may make, see `[[tools.http]]`."""
    mcp: tuple[McpServer, ...] = ()
    """Servers whose tools the provider calls, see `[[tools.mcp]]`."""

    def find_http(self, name: str) -> HttpTool | None:
        """Return the HTTP tool of this name."""
        return next((tool for tool in self.http if tool.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """What an operator knows the tools by."""
        return (
            *self.builtin,
            *(tool.name for tool in self.http),
            *(f"mcp:{server.server_label}" for server in self.mcp),
        )


def split_reference(value: str) -> tuple[str, str] | None:
    """Return (text before it, reference) of a header value that names a secret, else None."""
    if _REFERENCE.fullmatch(value):
        return "", value
    before, blank, reference = value.partition(" ")
    return (before + blank, reference) if _REFERENCE.fullmatch(reference) else None


def placeholders(url: str) -> tuple[str, ...]:
    """Return the names of the arguments that go into the path, each once."""
    return tuple(dict.fromkeys(PLACEHOLDER.findall(url)))


def check_tools(tools: AgentTools) -> None:
    """Raise UsageError naming the first field of `tools` that is not usable."""
    for name in tools.builtin:
        if name not in BUILTIN_PARAMETERS:
            raise UsageError(f"tools.builtin: got {name!r}, want one of {', '.join(BUILTIN_PARAMETERS)}")
    _check_once("tools.builtin", tools.builtin)
    for host in tools.allowed_hosts:
        if not _HOST.fullmatch(host):
            raise UsageError(f"tools.allowed_hosts: got {host!r}, want host names in small letters, no port")
    _check_count("tools.http", len(tools.http), MAX_HTTP_TOOLS)
    for index, tool in enumerate(tools.http):
        _check_http(f"tools.http[{index}]", tool, tools.allowed_hosts)
    _check_once("tools.http: name", [tool.name for tool in tools.http])
    _check_count("tools.mcp", len(tools.mcp), MAX_MCP_SERVERS)
    for index, server in enumerate(tools.mcp):
        _check_mcp(f"tools.mcp[{index}]", server, tools.allowed_hosts)
    _check_once("tools.mcp: server_label", [server.server_label for server in tools.mcp])


def _check_once(name: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise UsageError(f"{name}: got {value!r} twice, want each once")
        seen.add(value)


def _check_count(name: str, count: int, most: int) -> None:
    if count > most:
        raise UsageError(f"{name}: got {count}, want at most {most}")


def _check_http(name: str, tool: HttpTool, allowed_hosts: tuple[str, ...]) -> None:
    _check_name(f"{name}.name", tool.name)
    if tool.name in BUILTIN_PARAMETERS or tool.name.startswith(TOOL_TRANSFER_PREFIX):
        raise UsageError(f"{name}.name: got {tool.name!r}, want a name that no tool of ours has")
    if not 1 <= len(tool.description.strip()) <= MAX_DESCRIPTION_CHARS:
        got = len(tool.description.strip())
        raise UsageError(f"{name}.description: got {got} characters, want 1 to {MAX_DESCRIPTION_CHARS}")
    if tool.method not in METHODS:
        raise UsageError(f"{name}.method: got {tool.method!r}, want one of {', '.join(METHODS)}")
    if not 0 < tool.timeout_s <= MAX_TIMEOUT_S:
        raise UsageError(f"{name}.timeout_s: got {tool.timeout_s}, want up to {MAX_TIMEOUT_S:g}")
    if not MIN_RESULT_CHARS <= tool.max_result_chars <= MAX_RESULT_CHARS:
        limits = f"{MIN_RESULT_CHARS} to {MAX_RESULT_CHARS}"
        raise UsageError(f"{name}.max_result_chars: got {tool.max_result_chars}, want {limits}")
    check_schema(f"{name}.parameters", tool.parameters)
    _check_url(f"{name}.url", tool.url, allowed_hosts)
    _check_placeholders(f"{name}.url", tool)
    for header, value in tool.headers.items():
        _check_header(f"{name}.headers", header, value)


def _check_name(name: str, value: str) -> None:
    if not NAME.fullmatch(value):
        raise UsageError(f"{name}: got {value!r}, want 1 to 64 of a-z, A-Z, 0-9, - and _")


def _check_url(name: str, url: str, allowed_hosts: tuple[str, ...]) -> None:
    parts = _split(name, url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise UsageError(f"{name}: got {parts.scheme}://{host}, want https:// (http:// to this machine only)")
    if allowed_hosts and host not in allowed_hosts:
        raise UsageError(
            f"{name}: got the host {host}, want one of allowed_hosts: {', '.join(allowed_hosts)}"
        )
    if any(_SECRET_NAME.fullmatch(key) for key, _ in parse_qsl(parts.query, keep_blank_values=True)):
        raise UsageError(f"{name}: got a secret in its query, want it in headers as env:NAME or file:PATH")


def _split(name: str, url: str) -> SplitResult:
    """Return the parts of a whole URL. It is not repeated when it may hold a password."""
    try:
        parts = urlsplit(url)
        is_whole = bool(_URL.fullmatch(url) and parts.hostname and parts.port != 0)
    except ValueError:  # a port that is none, half an IPv6 address
        is_whole = False
    if not is_whole or len(url) > MAX_URL_CHARS:
        raise UsageError(f"{name}: got no address of its own, want https://host/path of printable ASCII")
    if "@" in parts.netloc:
        raise UsageError(f"{name}: got a user or password in it, want https://host/path")
    if parts.fragment:
        raise UsageError(f"{name}: got a fragment (#…), which is never sent, want https://host/path")
    return parts


def _check_placeholders(name: str, tool: HttpTool) -> None:
    parts = urlsplit(tool.url)
    outside = parts.netloc + parts.query + PLACEHOLDER.sub("", parts.path)
    if "{" in outside or "}" in outside:
        raise UsageError(f"{name}: got braces, want {{argument}} in its path only")
    for argument in placeholders(tool.url):
        schema = tool.parameters.get("properties", {}).get(argument, {})
        if argument not in tool.parameters.get("required", ()) or schema.get("type") not in _SCALARS:
            raise UsageError(
                f"{name}: got {{{argument}}}, want a required parameter of the type string, number or boolean"
            )


def _check_header(name: str, header: str, value: str) -> None:
    """Values are never repeated: one in the wrong shape may be the secret itself."""
    if not _HEADER_NAME.fullmatch(header) or header.lower() in _OUR_HEADERS:
        raise UsageError(f"{name}: got the header {header!r}, want one that the tool may set")
    if not _HEADER_VALUE.fullmatch(value) or len(value) > MAX_HEADER_CHARS:
        raise UsageError(f"{name}.{header}: got no line of ASCII, want up to {MAX_HEADER_CHARS} characters")
    is_secret = bool(_SECRET_NAME.fullmatch(header) or _CREDENTIALS.fullmatch(value))
    is_broken = value.startswith(("env:", "file:", "credential:"))
    if (is_secret or is_broken) and split_reference(value) is None:
        raise UsageError(
            f"{name}.{header}: got a value, want a reference: env:NAME, file:PATH or credential:NAME"
        )


def _check_mcp(name: str, server: McpServer, allowed_hosts: tuple[str, ...]) -> None:
    _check_name(f"{name}.server_label", server.server_label)
    _check_url(f"{name}.server_url", server.server_url, allowed_hosts)
    if server.authorization and not _REFERENCE.fullmatch(server.authorization):
        raise UsageError(
            f"{name}.authorization: got a value, want a reference: env:NAME, file:PATH or credential:NAME"
        )
    for tool in server.allowed_tools:
        _check_name(f"{name}.allowed_tools", tool)
    if server.require_approval not in APPROVALS:
        raise UsageError(
            f"{name}.require_approval: got {server.require_approval!r}, want one of {', '.join(APPROVALS)}"
        )
