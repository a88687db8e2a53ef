"""Schemas of tools, and values checked by them."""

from __future__ import annotations

import datetime
import math
from typing import Any

import pytest

from agentvoice.core.json_schema import MAX_DEPTH, check_schema, check_value
from agentvoice.errors import UsageError


def thing(**parts: Any) -> dict[str, Any]:
    """A schema of an object with these properties."""
    return {"type": "object", "properties": parts}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = thing(x=schema)
    return schema


WHOLE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "Order",
    "properties": {
        "city": {"type": "string", "minLength": 1, "maxLength": 5, "description": "where", "format": "x"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 1},
        "ratio": {"type": ["number", "null"], "maximum": 1.5},
        "size": {"enum": ["s", "m", 1, None]},
        "kind": {"const": True, "examples": [{"a": [1.5, None]}]},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
        "more": {"type": "object", "additionalProperties": True, "properties": {}},
        "free": {"type": "object"},
        "any": {},
        "sure": {"type": "boolean"},
    },
    "required": ["city"],
    "additionalProperties": False,
}


def test_a_whole_schema_is_taken():
    """Every keyword that is enforced, and those that only describe."""
    check_schema("parameters", WHOLE)
    check_schema("parameters", nested(MAX_DEPTH))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], "p: got a list, want a schema (a table)"),
        ({}, "p.type: got None, want object: arguments have names"),
        ({"type": "string"}, "p.type: got the text 'string', want object: arguments have names"),
        ({"type": ["object", "text"]}, "p.type: got the text 'text', want one of object, array, string"),
        ({"type": []}, "p.type: got a list, want one of"),
        ({"type": "object", "oneOf": []}, "p: got the keyword 'oneOf', want one of $schema, "),
        (thing(x=1), "p.properties.x: got 1, want a schema (a table)"),
        (thing(x={"pattern": "a"}), "p.properties.x: got the keyword 'pattern'"),
        (thing(x={"items": 1}), "p.properties.x.items: got 1, want a schema"),
        ({"type": "object", "properties": []}, "p.properties: got a list, want a table of up to 64 schemas"),
        (thing(**{f"x{n}": {} for n in range(65)}), "p.properties: got a table, want a table of up to 64"),
        ({**thing(), "required": "x"}, "p.required: got the text 'x', want a list of texts"),
        ({**thing(), "required": [1]}, "p.required: got a list, want a list of texts"),
        ({**thing(), "required": ["x"]}, "p.required: got 'x', want names of its properties"),
        (thing(x={"enum": []}), "p.properties.x.enum: got a list, want a list of values"),
        (thing(x={"enum": 1}), "p.properties.x.enum: got 1, want a list of values"),
        (
            thing(x={"additionalProperties": {}}),
            "p.properties.x.additionalProperties: got a table, want true or",
        ),
        (thing(x={"minimum": True}), "p.properties.x.minimum: got true, want a number"),
        (thing(x={"minimum": "1"}), "p.properties.x.minimum: got the text '1', want a number"),
        (thing(x={"maximum": math.inf}), "p.properties.x.maximum: got inf, want a number"),
        (thing(x={"minLength": -1}), "p.properties.x.minLength: got -1, want a whole number from 0"),
        (thing(x={"minItems": 1.5}), "p.properties.x.minItems: got 1.5, want a whole number from 0"),
        (thing(x={"maxItems": True}), "p.properties.x.maxItems: got true, want a whole number from 0"),
        (thing(x={"default": math.nan}), "p.properties.x.default: got nan, want a value that JSON has"),
        (thing(x={"default": 2**63}), "p.properties.x.default: got 9223372036854775808, want a value"),
        (thing(x={"const": datetime.date(2026, 1, 1)}), "p.properties.x.const: got 2026-01-01, want a value"),
        (
            thing(x={"default": {"a": {1, 2}}}),
            "p.properties.x.default: got {1, 2}, want a value that JSON has",
        ),
        (nested(MAX_DEPTH + 1), "got more than 8 levels, want a flatter schema"),
        (
            thing(x={"default": nested(9)}),
            "p.properties.x.default: got more than 8 levels, want a flatter value",
        ),
    ],
)
def test_a_wrong_schema_is_named(schema: Any, message: str):
    """The message has the place in the schema, what was got and what is wanted."""
    with pytest.raises(UsageError) as refused:
        check_schema("p", schema)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        {"city": "Rome"},
        {"city": "Rome", "count": 9, "ratio": None, "size": "m", "kind": True, "tags": ["a"]},
        {"city": "Rome", "count": 2.0, "ratio": 1, "size": None, "more": {"x": 1}, "free": {"y": []}},
        {"city": "Rome", "any": [1, "a", {"b": None}], "sure": False, "ratio": -1e300},
    ],
)
def test_values_that_fit_are_taken(value: dict[str, object]):
    """Each kind of field, whole numbers written as 2.0 among them."""
    check_value(WHOLE, value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "arguments: got a list, want a table"),
        ({}, "arguments.city: got nothing, want text"),
        ({"city": 1}, "arguments.city: got 1, want text"),
        ({"city": None}, "arguments.city: got None, want text"),
        ({"city": ""}, "arguments.city: got 0 characters, want 1 to 5"),
        ({"city": "x" * 6}, "arguments.city: got 6 characters, want 1 to 5"),
        ({"city": "x", "count": 0}, "arguments.count: got 0, want 1 to 9"),
        ({"city": "x", "count": 1.5}, "arguments.count: got 1.5, want a whole number"),
        ({"city": "x", "count": True}, "arguments.count: got true, want a whole number"),
        ({"city": "x", "ratio": 2}, "arguments.ratio: got 2, want at most 1.5"),
        ({"city": "x", "ratio": "1"}, "arguments.ratio: got the text '1', want a number or null"),
        ({"city": "x", "size": True}, "arguments.size: got true, want one of s, m, 1, None"),
        ({"city": "x", "kind": 1}, "arguments.kind: got 1, want one of True"),
        ({"city": "x", "tags": []}, "arguments.tags: got 0 entries, want 1 to 2"),
        ({"city": "x", "tags": ["a", 1]}, "arguments.tags[1]: got 1, want text"),
        ({"city": "x", "sure": 1}, "arguments.sure: got 1, want true or false"),
        ({"city": "x", "town": "y"}, "arguments.town: unknown name, want city, count"),
    ],
)
def test_a_wrong_value_is_named(value: object, message: str):
    """The model reads which field was wrong, what it gave and what is wanted."""
    with pytest.raises(UsageError) as refused:
        check_value(WHOLE, value)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "string", "minLength": 2}, "a", "got 1 characters, want at least 2"),
        ({"type": "string", "maxLength": 2}, "abc", "got 3 characters, want at most 2"),
        ({"type": "number", "minimum": -1}, -2, "got -2, want at least -1"),
        (thing(), {"x": 1}, "arguments.x: unknown name, want no arguments"),
        ({**thing(x={}), "required": ["x"]}, {}, "arguments.x: got nothing, want a value"),
        (
            {**thing(x={"type": ["string", "null"]}), "required": ["x"]},
            {},
            "arguments.x: got nothing, want text or null",
        ),
    ],
)
def test_what_is_wanted_is_said_in_words(schema: dict[str, Any], value: object, message: str):
    """Open limits and several types."""
    with pytest.raises(UsageError) as refused:
        check_value(schema, value)
    assert message in str(refused.value)


def test_a_long_wrong_value_is_not_repeated_whole():
    """The model wrote it and need not read all of it again."""
    with pytest.raises(UsageError) as refused:
        check_value({"type": "number"}, "x" * 10_000)
    assert len(str(refused.value)) < 200
