"""The judge of Realtime frames: the types of the vendor's own Python package, made strict.

The package lets unknown fields pass, so a walk over the parsed models refuses them, at any depth.
What the types do not say of a client's frame (ranges, names, sound) is in tests.fakes.realtime_limits.
"""

from __future__ import annotations

import functools
import json
import operator
from typing import Annotated, Any, get_args

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel, Field, TypeAdapter

from tests.fakes.realtime_limits import check_limits


@functools.cache
def _adapter(union: Any) -> TypeAdapter[Any]:
    members = get_args(get_args(union)[0])  # Annotated[Union[...], PropertyInfo]
    event: Any = Annotated[functools.reduce(operator.or_, members), Field(discriminator="type")]
    return TypeAdapter(event)


def type_names(union: Any) -> set[str]:
    """Return the `type` of every event in one of the package's unions."""
    members = get_args(get_args(union)[0])
    return {name for member in members for name in get_args(member.model_fields["type"].annotation)}


CLIENT_TYPES = type_names(RealtimeClientEvent)
SERVER_TYPES = type_names(RealtimeServerEvent)


def check_client_frame(text: str | bytes) -> None:
    """Raise (ValidationError or AssertionError) unless a client may send this."""
    _check(RealtimeClientEvent, text)
    check_limits(json.loads(text))


def check_server_frame(text: str | bytes) -> None:
    """Raise (ValidationError or AssertionError) unless a server may send this."""
    _check(RealtimeServerEvent, text)


def _check(union: Any, text: str | bytes) -> None:
    json.loads(text, object_pairs_hook=_refuse_twins, parse_constant=_refuse_constant)
    _refuse_extras(_adapter(union).validate_json(text, strict=True), "$")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    assert len(fields) == len(pairs), f"a field comes twice: {[name for name, _ in pairs]}"
    return fields


def _refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def _refuse_extras(value: Any, path: str) -> None:
    if isinstance(value, BaseModel):
        assert not value.model_extra, f"{path}: unknown fields {sorted(value.model_extra or ())}"
        for name in value.model_fields_set:
            _refuse_extras(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            _refuse_extras(member, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_extras(member, f"{path}.{name}")
