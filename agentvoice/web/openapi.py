"""The API described for programs: an OpenAPI 3.1 document, made from the table of its endpoints."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import msgspec

from agentvoice import __version__
from agentvoice.core.fields import Between, FieldKind, OneOf, field_default, field_kinds
from agentvoice.protocols.admin import Failure
from agentvoice.web.door import COOKIE
from agentvoice.web.endpoint import JSON, NO_CONTENT, Endpoint

REFERENCE = "#/components/schemas/{name}"
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_PART_OF_PATH = re.compile(r"{(\w+)}")


SIGN_INS = {
    "token": {"type": "http", "scheme": "bearer", "description": "Of `agentvoice token new`."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Of `POST /sign-in`."},
}
"""How clients say who they are; on the control socket, and on a machine without any token, they need not."""


def build_openapi(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Return the document that describes `endpoints`."""
    listed = tuple(endpoints)
    types = [kind for each in listed for kind in (each.answer, each.body) if kind is not None]
    schemas, components = msgspec.json.schema_components([*types, Failure], ref_template=REFERENCE)
    schema_of = {kind: schema for kind, schema in zip([*types, Failure], schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for each in listed:
        paths.setdefault(each.full_path, {})[each.method.lower()] = _operation(each, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "agentvoice",
            "version": __version__,
            "description": "Agents, calls and their threads. The call itself is a WebSocket: `/call`.",
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SIGN_INS},
    }


def _operation(endpoint: Endpoint, schema_of: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": (inspect.getdoc(endpoint.handler) or "").partition("\n")[0],
        "tags": [endpoint.path.split("/")[1]],
        "responses": {
            **_answer(endpoint, schema_of),
            "default": {"description": "Why not.", "content": {JSON: {"schema": schema_of[Failure]}}},
        },
    }
    if endpoint.scope is not None:
        operation["security"] = [{}, {"token": []}, {"cookie": []}]
        theirs = ", for calls that the client made; admin, for all" if endpoint.is_of_own_calls else ""
        operation["description"] = f"Scope: {endpoint.scope.value}{theirs}."
    parameters = [*_path_parameters(endpoint), *_query_parameters(endpoint)]
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        content = {JSON: {"schema": schema_of[endpoint.body]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _answer(endpoint: Endpoint, schema_of: dict[Any, Any]) -> dict[str, Any]:
    if endpoint.answer is None:
        return {str(NO_CONTENT): {"description": "It is done."}}
    content = {endpoint.content_type: {"schema": schema_of[endpoint.answer]}}
    return {"200": {"description": "The answer.", "content": content}}


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PART_OF_PATH.findall(endpoint.path)
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    kinds = field_kinds(endpoint.query)
    about = _attribute_docs(endpoint.query)
    return [
        {
            "name": field.name.rstrip("_"),
            "in": "query",
            "description": about[field.name],
            "schema": {**_schema(kinds[field.name]), "default": field_default(field)},
        }
        for field in fields(endpoint.query)
    ]


def _schema(kind: FieldKind) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _JSON_TYPES[kind.type]}
    if isinstance(kind.limit, Between):
        schema |= {"minimum": kind.limit.low, "maximum": kind.limit.high}
    if isinstance(kind.limit, OneOf):
        schema["enum"] = [str(word) for word in kind.limit.words]
    return schema


def _attribute_docs(query: type) -> dict[str, str]:
    """Return what stands under each field of a query, as the settings have it."""
    found = re.findall(r'^    (\w+): .*\n    """(.+)"""$', inspect.getsource(query), flags=re.M)
    return dict(found)
