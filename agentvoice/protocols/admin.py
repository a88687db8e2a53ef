"""Bodies of the admin API: what is asked of live calls, and how a refusal is answered."""

from __future__ import annotations

import msgspec

from agentvoice.errors import AgentVoiceError, UsageError

MAX_BODY_BYTES = 64 * 1024
"""Largest body the API takes."""


class SwitchCall(msgspec.Struct, forbid_unknown_fields=True):
    """Hand a live call over to `agent`."""

    agent: str


_switch_decoder = msgspec.json.Decoder(SwitchCall)


class Failure(msgspec.Struct):
    """Why something was refused; `exit_code` as the CLI's (errors.py)."""

    error: str
    exit_code: int = 1


_failure_decoder = msgspec.json.Decoder(Failure)


class Health(msgspec.Struct):
    """The daemon's state: `ok`, or what is missing."""

    status: str
    version: str
    live_calls: int


STATUS_OF_EXIT_CODE = {1: 500, 2: 400, 3: 404, 4: 403}


def encode(body: SwitchCall | Failure | Health) -> bytes:
    """Return a body as JSON."""
    return msgspec.json.encode(body)


def decode_switch(body: bytes) -> SwitchCall:
    """Return the body of a switch; raises UsageError naming what is wrong."""
    try:
        return _switch_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError) as error:
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
