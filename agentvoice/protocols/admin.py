"""Bodies of the API: what is asked of calls and threads, and how a refusal is answered."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from agentvoice.errors import (
    AgentVoiceError,
    CallError,
    CallLimitReached,
    NotFound,
    OutOfDate,
    PublishError,
    Refused,
    SignInWanted,
    StorageBusy,
    StorageUnavailable,
    TooManyRequests,
    UsageError,
)

MAX_BODY_BYTES = 256 * 1024
"""Largest body the API takes: an agent's instructions in any script, and its tools."""

T = TypeVar("T")


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A request that says all by its address."""


class SwitchCall(msgspec.Struct, forbid_unknown_fields=True):
    """Hand a live call over to `agent`."""

    agent: str


class OfRelay(msgspec.Struct, forbid_unknown_fields=True):
    """Only what is for this relay; "" is all of them."""

    relay: str = ""


class Rejection(msgspec.Struct, forbid_unknown_fields=True):
    """Why a call is never published; kept here only."""

    reason: str = ""


class TurnText(msgspec.Struct, forbid_unknown_fields=True):
    """What is published instead of a turn: "" leaves it out, null is what was said."""

    text: str | None


class Removed(msgspec.Struct):
    """What is removed: its slug."""

    removed: str


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """By what a browser signs in: `token`, or `nostr`, an event of kind 27235 about this request (NIP-98)."""

    token: str = ""
    nostr: dict[str, Any] | None = None


class Failure(msgspec.Struct):
    """Why something was refused; `exit_code` as the CLI's (errors.py)."""

    error: str
    exit_code: int = 1


_failure_decoder = msgspec.json.Decoder(Failure)


class Condition(msgspec.Struct):
    """The daemon's state: `ok`, or that it is not."""

    status: str


class Health(Condition):
    """The daemon's state to those on its machine: `ok`, or what is missing."""

    version: str
    live_calls: int


STATUS_OF_ERROR: tuple[tuple[type[AgentVoiceError], int], ...] = (
    (UsageError, 400),
    (NotFound, 404),
    (OutOfDate, 409),
    (SignInWanted, 401),
    (TooManyRequests, 429),
    (CallLimitReached, 429),
    (Refused, 403),
    (CallError, 409),
    (PublishError, 409),
    (StorageBusy, 503),
    (StorageUnavailable, 503),
)
"""The first that fits; any other error of ours is 500."""

EXIT_CODE_OF_STATUS = {404: 3, 401: 4, 403: 4}
"""For what HTTP itself refuses; anything else below 500 is wrong usage."""


def encode(body: object) -> bytes:
    """Return a body or a document as JSON."""
    return msgspec.json.encode(body)


@cache
def decoder_of(kind: Hashable) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a type of body; made with the addresses, since two threads may not make one at once."""
    return msgspec.json.Decoder(kind)


def decode_body(body: bytes, kind: type[T]) -> T:
    """Return a body; raises UsageError naming what is wrong."""
    try:
        found: T = decoder_of(cast(Hashable, kind)).decode(body)
        return found
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UsageError(f"body: {error}") from error


def decode_failure(body: bytes) -> Failure:
    """Return a refusal; a body that is none (a proxy's page) becomes one."""
    try:
        return _failure_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError):
        return Failure(error=body[:200].decode(errors="replace"))


def failure_of(error: AgentVoiceError) -> Failure:
    """Return the body for an error of ours."""
    return Failure(error=str(error), exit_code=error.exit_code)


def status_of(error: AgentVoiceError) -> int:
    """Return the HTTP status for an error of ours."""
    return next((status for kind, status in STATUS_OF_ERROR if isinstance(error, kind)), 500)


def failure_of_status(status: int, words: str) -> Failure:
    """Return the body for what HTTP itself refuses."""
    return Failure(error=words, exit_code=EXIT_CODE_OF_STATUS.get(status, 2 if status < 500 else 1))
