"""The judge of Realtime frames: the types of the vendor's own Python package, made strict.

The package lets unknown fields pass, so a walk over the parsed models refuses them.
"""

from __future__ import annotations

import functools
import operator
from typing import Annotated, Any, get_args

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel, Field, TypeAdapter


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


def check_server_frame(text: str | bytes) -> None:
    """Raise (ValidationError or AssertionError) unless a server may send this."""
    _check(RealtimeServerEvent, text)


def _check(union: Any, text: str | bytes) -> None:
    _refuse_extras(_adapter(union).validate_json(text, strict=True), "$")


def _refuse_extras(value: Any, path: str) -> None:
    if isinstance(value, BaseModel):
        assert not value.model_extra, f"{path}: unknown fields {sorted(value.model_extra or ())}"
        for name in value.model_fields_set:
            _refuse_extras(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            _refuse_extras(member, f"{path}[{index}]")
