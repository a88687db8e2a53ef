"""The description of the API, made from the table of its endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from agentvoice.core.fields import Between, OneOf
from agentvoice.protocols.admin import Nothing
from agentvoice.web.endpoint import Endpoint
from agentvoice.web.openapi import build_openapi


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    kind: Annotated[str, OneOf("day", "week")] = "day"
    """What is added up by."""
    limit: Annotated[int, Between(1, 9)] = 3
    """How many."""
    from_: str = ""
    """First day."""


class Shown(msgspec.Struct):
    """What is answered."""

    name: str


async def show_thing(request: Any) -> None:
    """Show a thing.

    This stands in no summary.
    """


async def end_thing(request: Any) -> None:
    """End a thing."""


def test_an_address_is_described_by_its_table():
    """Its name, its parts and parameters with their types and limits, its answer and its refusal."""
    document = build_openapi([Endpoint("GET", "/things/{thing}", show_thing, Shown, query=Question)])
    (operation,) = document["paths"]["/api/v1/things/{thing}"].values()
    assert (operation["operationId"], operation["summary"]) == ("show_thing", "Show a thing.")
    thing, kind, limit, first = operation["parameters"]
    assert (thing["in"], thing["name"], thing["required"]) == ("path", "thing", True)
    assert kind["schema"] == {"type": "string", "enum": ["day", "week"], "default": "day"}
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 9, "default": 3}
    assert (first["name"], first["description"]) == ("from", "First day.")
    schema = {"$ref": "#/components/schemas/Shown"}
    assert operation["responses"]["200"]["content"] == {"application/json": {"schema": schema}}
    assert operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"].endswith(
        "Failure"
    )
    assert document["components"]["schemas"]["Shown"]["required"] == ["name"]


def test_an_address_with_nothing_to_say_answers_204():
    """Its body is described, its answer has none."""
    document = build_openapi([Endpoint("POST", "/things/end", end_thing, body=Nothing)])
    operation = document["paths"]["/api/v1/things/end"]["post"]
    assert set(operation["responses"]) == {"204", "default"}
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("Nothing")
