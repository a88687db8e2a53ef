"""The page of the API in docs/reference, and its OpenAPI document, from the table of its endpoints."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields

from agentvoice.protocols.admin import MAX_BODY_BYTES, STATUS_OF_ERROR
from agentvoice.services.live_feed import LOOK_S, MAX_OWN_WATCHERS, MAX_WAITING, MAX_WATCHERS
from agentvoice.services.presence import LOOK_AGAIN_S
from agentvoice.web.api import ENDPOINTS, describe_api
from agentvoice.web.endpoint import API, Endpoint
from agentvoice.web.events_api import HEARTBEAT_S, TAKEN_S

INTRODUCTION = f"""
# The API

Everything that the page does, a program can do: at `http://127.0.0.1:8420{API}`, and on the control socket (`agentvoice.sock`
in the data folder) as the daemon's own user. [openapi.json](openapi.json) describes it to programs;
the daemon serves the same at `{API}/openapi.json`. A call itself is a WebSocket: [the call socket](call-socket.md).

- Bodies and answers are JSON; the documents are those of the commands: [JSON documents](documents.md). A request that changes
  something has the content type `application/json`; one that has nothing to say may have no body.
- On TCP the `Host` is a loopback name or one of `[http] allowed_hosts`, and an `Origin`, if one is sent, the page's own or one of
  `[http] allowed_origins`.
- What is wrong is named: unknown fields, unknown parameters, values of a wrong type. A body has {MAX_BODY_BYTES // 1024} KiB at
  most.
- Lists come in pages, the newest first: the next page is `before` the last id of this one.
- Where a call's id is wanted, `last` names the newest, but not of live calls. With scope `call` it is the newest of the client's own.

    curl http://127.0.0.1:8420{API}/calls?query=harbour
    curl -H 'Content-Type: application/json' -d '{{"agent": "max"}}' http://127.0.0.1:8420{API}/calls/ID/switch

## Addresses

Scope: `call` may hold calls and see those that it made, `admin` sees and changes everything. `call, own` means: of the calls that
the client made itself; any other is answered 404, as one that is not there. Without a token that was made, a client on this
machine has both; with one, see [signing in](sign-in.md), which says too whose a call is.

| address | scope | does |
|---|---|---|
"""

QUERIES = """
## Questions

What may stand after the `?`.

| address | parameter | is |
|---|---|---|
"""

AGENTS = """
## Changing an agent

`POST /agents` and `PUT /agents/{slug}` take the fields of [an agent's profile](agent-profile.md) as JSON; what is left out takes
its default. So read the agent, change the document and send it back: `npub`, `pubkey`, `changed_at` and `profile` of it are not looked at.
`revision`, if it is sent, must be the agent's newest: else somebody changed it meanwhile, and the answer is 409. `key` is the npub
of a key that is here; without it a new agent gets a key of its own, and an old one keeps its key.
"""

PROJECTS = """
## Changing a project

`POST /projects` takes a `slug` and what shall not be as by default, `PATCH /projects/{slug}` what shall change; the rest stays. The
fields are those of [a project](documents.md#lists), but for `npub`, which follows from `pubkey`. Public keys are given as npubs or
hex; a `caller_pubkey` must be one that this machine can sign as (`""`: nobody's). `budget_usd_per_month` is text, such as `"12.50"`,
or `null` for none of its own. Lists are replaced as a whole.

A `policy` must be given with the first relay that is not `embedded`: nothing leaves the machine unsaid. A change is effective for the
next call, without a restart; live calls and threads on their way keep the policy and the relays that they began with.

    curl -X PATCH -H 'Content-Type: application/json' -d '{"relays": ["wss://relay.example"], "policy": "review"}' \\
      http://127.0.0.1:8420/api/v1/projects/garden
"""

EVENTS = f"""
## Events

`GET /events` is a stream of server-sent events (`EventSource` in a browser). The open calls come first, each as it is. With scope
`call` the stream tells of the client's own calls and their threads alone.

| event | data |
|---|---|
| `call` | a call that began, moved on or ended: as in `call list` |
| `publication` | a thread that got on: as in `publication list` |
| `lost` | `{{}}`: the client was too slow and {MAX_WAITING} changes were dropped; read the lists again |
| `refused` | [a refusal](#refusals), the last event: the client may watch no more, which is looked at each {LOOK_AGAIN_S:g} s |

The database is looked at each {LOOK_S:g} s, so what other processes do is told too. A comment line comes after {HEARTBEAT_S:g} s
without an event. {MAX_WATCHERS} clients may watch at once, {MAX_OWN_WATCHERS} of them with the same token or npub of scope `call`;
one that takes nothing for {TAKEN_S:g} s is cut off. Read what you show once the answer has begun, and each time it begins again:
whatever changes after that is told.
"""

REFUSALS = """
## Refusals

A refusal is `{"error", "exit_code"}`, with the message and the [exit code](exit-codes.md) that a command would have.

| status | when |
|---|---|
"""

WORDS = {
    "Nothing": "",
    "SignIn": '`{"token": "…"}`, or `{"nostr": {…}}` (an event of kind 27235); [more](sign-in.md)',
    "SwitchCall": '`{"agent": "max"}`',
    "OfRelay": '`{"relay": "wss://…"}`, or nothing for all of them',
    "Rejection": '`{"reason": "…"}`',
    "TurnText": '`{"text": "…"}`: `""` leaves the turn out, `null` is what was said',
    "AgentBody": "[the agent](#changing-an-agent)",
    "NewProject": "[the project](#changing-a-project)",
    "ProjectChange": "[what shall change](#changing-a-project)",
}
"""What each body looks like."""


def render_page(made: str) -> str:
    """Return the page."""
    parts = [
        made + "\n" + INTRODUCTION.strip("\n"),
        *(_row(each) for each in ENDPOINTS),
        QUERIES.rstrip("\n"),
        *(row for each in ENDPOINTS for row in _questions(each)),
        AGENTS.rstrip("\n"),
        PROJECTS.rstrip("\n"),
        EVENTS.rstrip("\n"),
        REFUSALS.rstrip("\n"),
        *_refusals(),
    ]
    return "\n".join(parts) + "\n"


def render_openapi() -> str:
    """Return the OpenAPI document as it is committed."""
    return json.dumps(describe_api(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _row(endpoint: Endpoint) -> str:
    about = (inspect.getdoc(endpoint.handler) or "").partition("\n")[0]
    body = WORDS[endpoint.body.__name__] if endpoint.body else ""
    told = f"{about} Body: {body}." if body else about
    own = ", own" if endpoint.is_of_own_calls else ""
    scope = f"`{endpoint.scope.value}`{own}" if endpoint.scope else "none"
    return f"| `{endpoint.method} {endpoint.path}` | {scope} | {told} |"


def _questions(endpoint: Endpoint) -> list[str]:
    shown = describe_api()["paths"][endpoint.full_path][endpoint.method.lower()].get("parameters", [])
    asked = [each for each in shown if each["in"] == "query"]
    assert len(asked) == len(fields(endpoint.query))
    return [f"| `{endpoint.path}` | `{each['name']}` | {each['description']} |" for each in asked]


def _refusals() -> list[str]:
    named: dict[int, list[str]] = {}
    for kind, status in STATUS_OF_ERROR:
        named.setdefault(status, []).append(f"`{kind.__name__}`")
    rows = [
        f"| {status} | {', '.join(names)} ([errors](errors.md)) |" for status, names in sorted(named.items())
    ]
    return [
        *rows,
        "| 405, 413 | the address has no such method; the body is too large |",
        "| 500 | any other |",
    ]
