"""What the errors and close codes of a Realtime server mean for the session.

Codes come in `error` events, in the status of a failed response and in the reason of a close
frame; some providers fill only `type`, so both are looked up (WireError.name).
"""

from __future__ import annotations

import msgspec

from agentvoice.core.speech import SessionError, SessionLost, SpeechCommand
from agentvoice.errors import (
    AgentVoiceError,
    AuthenticationRejected,
    ConnectFailed,
    ConnectionLost,
    EngineUnavailable,
    QuotaExceeded,
    SessionExpired,
)
from agentvoice.protocols.realtime.server_events import WireError


class _ErrorBody(msgspec.Struct, frozen=True):
    error: WireError


_error_decoder = msgspec.json.Decoder(_ErrorBody)


FATAL: dict[str, type[AgentVoiceError]] = {
    "invalid_api_key": AuthenticationRejected,
    "authentication_error": AuthenticationRejected,
    "account_deactivated": AuthenticationRejected,
    "insufficient_quota": QuotaExceeded,
    "credit_balance_exhausted": QuotaExceeded,
    "billing_hard_limit_reached": QuotaExceeded,
    "beta_api_shape_disabled": EngineUnavailable,
    "model_not_found": EngineUnavailable,
}
"""Errors that end the session and that no new session can mend."""

HINTS = {"beta_api_shape_disabled": 'set engines.openai.dialect = "ga" for this server'}
"""What the operator can do about an error."""

OTHER_DIALECT = "if this server speaks the other dialect, set engines.openai.dialect"
"""Said when a server refuses the form of the session object."""

EXPIRED = "session_expired"
"""The provider's limit (60 minutes) ended the session; a new one goes on."""

BENIGN = frozenset({
    "conversation_already_has_active_response",
    "input_audio_buffer_commit_empty",
    "item_create_duplicate_item_id",
    "item_truncate_invalid_item_id",
    "item_delete_invalid_item_id",
    "response_cancel_not_active",
})  # fmt: skip
"""Errors of commands that came too late or twice: what they wanted is so already."""

LASTING_TYPES = frozenset({"invalid_request_error", "authentication_error", "permission_error"})
"""Types of errors that trying the same again cannot mend."""

LASTING_CLOSES = frozenset({1002, 1003, 1007, 1008, 1009, 1010})
"""Close codes (RFC 6455 section 7.4.1) that say we are at fault; all others below 3000 may pass."""

PASSING_STATUSES = frozenset({408, 409, 425, 429})
"""HTTP statuses below 500 that a later try may not get: time-outs, conflicts, rate limits."""

FIRST_PRIVATE_CLOSE = 3000
"""Codes from here on are the provider's own, and are refusals."""


def refused_by_status(status: int, body: bytes) -> AgentVoiceError:
    """Return what a refused handshake means; `body` may hold an error object of the provider."""
    error = _error_in(body)
    text = f"the provider refused the connection (HTTP {status}{f', {error.text}' if error else ''})"
    text = _with_hint(error.name if error else "", text)
    kind = FATAL.get(error.name) if error else None
    if kind is not None:
        return kind(text)
    if status in (401, 403):
        return AuthenticationRejected(text)
    if status in PASSING_STATUSES or status >= 500:
        return ConnectFailed(text)
    return EngineUnavailable(text)


def _error_in(body: bytes) -> WireError | None:
    try:
        return _error_decoder.decode(body).error
    except msgspec.DecodeError:
        return None


def _with_hint(code: str, text: str) -> str:
    return f"{text}; {HINTS[code]}" if code in HINTS else text


def lost_by_error(code: str, text: str) -> tuple[SessionLost, AgentVoiceError] | None:
    """Return how the session ends by an error of this code, None when it goes on."""
    text = _with_hint(code, text)
    if code == EXPIRED:
        return SessionLost(text, expired=True), SessionExpired(text)
    kind = FATAL.get(code)
    return None if kind is None else (SessionLost(text, retryable=False), kind(text))


def lost_by_close(code: int | None, reason: str) -> tuple[SessionLost, AgentVoiceError]:
    """Return how the session ends by a close; `reason` may end in an error code.

    `code` is None when the connection broke without a close frame (RFC 6455: 1006).
    """
    code = 1006 if code is None else code
    text = f"the provider closed the session ({code}{f', {reason}' if reason else ''})"
    named = lost_by_error(reason.rpartition(".")[2], text)
    if named is not None:
        return named
    if code in LASTING_CLOSES or code >= FIRST_PRIVATE_CLOSE:
        return SessionLost(text, retryable=False), EngineUnavailable(text)
    return SessionLost(text), ConnectionLost(text)


def session_error(error: WireError, command: SpeechCommand | None) -> SessionError:
    """Return what is told of an error that the session survives; `command` is what caused it, if known."""
    name = type(command).__name__ if command else ""
    return SessionError(error.name, error.message or "", error.type not in LASTING_TYPES, name)
