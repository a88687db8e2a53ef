"""The part of JSON Schema in which tools declare their parameters: schemas are checked, and values by them.

Written here and not taken from a library: `jsonschema` brings a compiled dependency of megabytes,
`fastjsonschema` writes and executes code, and both pass over keywords they do not know. Tools need
objects with named fields, lists and limits; a keyword that is not enforced here is refused when the
agent is stored, so that nobody relies on a limit that does not hold. One rule is stricter than the
standard: an object with `properties` takes no other names unless `additionalProperties` is true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from agentvoice.core.fields import describe
from agentvoice.errors import UsageError

MAX_DEPTH = 8
"""Levels of a schema, and of a default or example in it; no model fills more."""

MAX_PROPERTIES = 64
"""Of one object."""

MAX_SHOWN_CHARS = 100
"""Of a wrong value in a message: the model wrote it and need not read all of it again."""

_INT_LIMIT = 2**63  # whole numbers that JSON encoders agree on

WORDS = {
    "object": "a table",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}
"""The types of JSON, in the words of our messages."""

ANNOTATIONS = ("$schema", "title", "description", "default", "examples", "format")
"""Keywords that say something to the model and limit nothing."""


def check_schema(name: str, schema: object) -> None:
    """Raise UsageError naming the keyword unless `schema` is one that a tool can declare."""
    _check_part(name, schema, 0)
    assert isinstance(schema, Mapping)
    if schema.get("type") != "object":
        raise UsageError(
            f"{name}.type: got {describe(schema.get('type'))}, want object: arguments have names"
        )


def _check_part(name: str, part: object, depth: int) -> None:
    if not isinstance(part, Mapping):
        raise UsageError(f"{name}: got {describe(part)}, want a schema (a table)")
    if depth > MAX_DEPTH:
        raise UsageError(f"{name}: got more than {MAX_DEPTH} levels, want a flatter schema")
    for keyword, said in part.items():
        check = _FORMS.get(keyword)
        if check is None:
            known = ", ".join(sorted(_FORMS))
            raise UsageError(f"{name}: got the keyword {str(keyword)!r}, want one of {known}")
        check(f"{name}.{keyword}", said, depth)
    for required in part.get("required", ()):
        if required not in part.get("properties", {}):
            raise UsageError(f"{name}.required: got {required!r}, want names of its properties")


def _check_types(name: str, said: object, depth: int) -> None:
    kinds = said if isinstance(said, list | tuple) and said else [said]
    for kind in kinds:
        if not isinstance(kind, str) or kind not in WORDS:
            raise UsageError(f"{name}: got {describe(kind)}, want one of {', '.join(WORDS)}")


def _check_properties(name: str, said: object, depth: int) -> None:
    if not isinstance(said, Mapping) or len(said) > MAX_PROPERTIES:
        raise UsageError(f"{name}: got {describe(said)}, want a table of up to {MAX_PROPERTIES} schemas")
    for key, part in said.items():
        _check_part(f"{name}.{key}", part, depth + 1)


def _check_items(name: str, said: object, depth: int) -> None:
    _check_part(name, said, depth + 1)


def _check_names(name: str, said: object, depth: int) -> None:
    if not isinstance(said, list | tuple) or not all(isinstance(each, str) for each in said):
        raise UsageError(f"{name}: got {describe(said)}, want a list of texts")


def _check_choices(name: str, said: object, depth: int) -> None:
    if not isinstance(said, list | tuple) or not said:
        raise UsageError(f"{name}: got {describe(said)}, want a list of values")
    _check_json(name, said, depth)


def _check_flag(name: str, said: object, depth: int) -> None:
    if not isinstance(said, bool):
        raise UsageError(f"{name}: got {describe(said)}, want true or false")


def _check_bound(name: str, said: object, depth: int) -> None:
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        raise UsageError(f"{name}: got {describe(said)}, want a number")


def _check_count(name: str, said: object, depth: int) -> None:
    if isinstance(said, bool) or not isinstance(said, int) or said < 0:
        raise UsageError(f"{name}: got {describe(said)}, want a whole number from 0")


def _check_json(name: str, said: object, depth: int) -> None:
    """Only what JSON has: TOML also knows dates, infinities and numbers that are no numbers."""
    if depth > MAX_DEPTH:
        raise UsageError(f"{name}: got more than {MAX_DEPTH} levels, want a flatter value")
    parts: list[object] = []
    match said:
        case None | bool() | str():
            return
        case float() if math.isfinite(said):
            return
        case int() if abs(said) < _INT_LIMIT:
            return
        case list() | tuple():
            parts = list(said)
        case Mapping():
            parts = list(said.values())
        case _:
            raise UsageError(f"{name}: got {describe(said)}, want a value that JSON has")
    for part in parts:
        _check_json(name, part, depth + 1)


_FORMS: dict[str, Callable[[str, object, int], None]] = {
    **dict.fromkeys(ANNOTATIONS, _check_json),
    "type": _check_types,
    "enum": _check_choices,
    "const": _check_json,
    "properties": _check_properties,
    "required": _check_names,
    "additionalProperties": _check_flag,
    "items": _check_items,
    **dict.fromkeys(("minimum", "maximum"), _check_bound),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _check_count),
}
"""What each keyword must be."""


# --- values -----------------------------------------------------------------------------------


def check_value(schema: Mapping[str, Any], value: object, name: str = "arguments") -> None:
    """Raise UsageError naming the field of `value` that the schema does not allow."""
    kinds = schema.get("type", tuple(WORDS))
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if not any(_is(kind, value) for kind in kinds):
        raise _refusal(name, value, " or ".join(WORDS[kind] for kind in kinds))
    choices = [schema["const"]] if "const" in schema else schema.get("enum", ())
    if choices and not any(_is_same(value, choice) for choice in choices):
        raise _refusal(name, value, "one of " + ", ".join(str(choice) for choice in choices))
    match value:
        case str():
            _check_size(schema, "Length", len(value), "characters", name)
        case list():
            _check_size(schema, "Items", len(value), "entries", name)
            for index, part in enumerate(value):
                check_value(schema.get("items", {}), part, f"{name}[{index}]")
        case dict():
            _check_members(schema, value, name)
        case int() | float() if not isinstance(value, bool):
            _check_range(schema, value, name)


def _is(kind: str, value: object) -> bool:
    match value:
        case None:
            return kind == "null"
        case bool():
            return kind == "boolean"
        case int():
            return kind in ("integer", "number")
        case float():
            return kind == "number" or (kind == "integer" and value.is_integer())
        case str():
            return kind == "string"
    return kind == ("object" if isinstance(value, dict) else "array")


def _is_same(value: object, choice: object) -> bool:
    return value == choice and isinstance(value, bool) == isinstance(choice, bool)  # 1 is not true


def _check_size(schema: Mapping[str, Any], what: str, size: int, words: str, name: str) -> None:
    low, high = schema.get(f"min{what}", 0), schema.get(f"max{what}", math.inf)
    if not low <= size <= high:
        raise UsageError(f"{name}: got {size} {words}, want {_range(low, high)}")


def _check_range(schema: Mapping[str, Any], value: float, name: str) -> None:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if not low <= value <= high:
        raise _refusal(name, value, _range(low, high))


def _range(low: float, high: float) -> str:
    if high == math.inf:
        return f"at least {low}"
    return f"at most {high}" if low in (0, -math.inf) else f"{low} to {high}"


def _check_members(schema: Mapping[str, Any], value: dict[str, object], name: str) -> None:
    properties: Mapping[str, Any] = schema.get("properties", {})
    for key in schema.get("required", ()):
        if key not in value:
            raise UsageError(f"{name}.{key}: got nothing, want {_wanted(properties[key])}")
    takes_others = schema.get("additionalProperties", "properties" not in schema)
    for key, part in value.items():
        if key in properties:
            check_value(properties[key], part, f"{name}.{key}")
        elif not takes_others:
            wanted = ", ".join(properties) or "no arguments"
            raise UsageError(f"{name}.{key[:MAX_SHOWN_CHARS]}: unknown name, want {wanted}")


def _wanted(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type", "a value")
    return (
        " or ".join(WORDS[kind] for kind in kinds) if not isinstance(kinds, str) else WORDS.get(kinds, kinds)
    )


def _refusal(name: str, value: object, wanted: str) -> UsageError:
    return UsageError(f"{name}: got {describe(value)[:MAX_SHOWN_CHARS]}, want {wanted}")
