"""Every error of agentvoice, one tree.

    AgentVoiceError                  exit_code 1   retryable False
    ├── UsageError                   2             wrong usage or input, names the field
    │   ├── ConfigError              2             a setting is unknown or has a wrong value
    │   ├── InvalidAudioFile         2             a file that is no usable WAV
    │   └── InvalidKey               2             a string that is no valid key
    ├── NotFound                     3             no agent, project, call, key of that name
    │   └── KeyNotHere               3  retryable  key or passphrase is given to another process, or to none
    ├── Refused                      4             policy, budget or rights forbid it
    │   ├── StorageRefused           4             the database may not be written or created
    │   ├── KeyFileRefused           4             a key file others could read
    │   ├── SignerRefused            4             a remote signer does not sign this
    │   ├── OutOfDate                4             somebody else changed it meanwhile: read it again
    │   ├── SignInWanted             4             nobody may do that: sign in, or show a valid token
    │   │   └── WrongToken           4             a token or signature that is not good here
    │   ├── TooManyRequests          4  retryable  this client asks too much at once
    │   ├── CallLimitReached         4             as many calls as allowed are running, or were begun
    │   └── BudgetSpent              4             the project's money of this month is spent
    ├── StorageError                 1             the database failed
    │   ├── SchemaOutOfDate          1             the database must be upgraded first
    │   ├── StorageBusy              1  retryable  another process holds the lock
    │   └── StorageUnavailable       1  retryable  the disk is full or failing, the server is away
    ├── ProtocolError                1             bytes that break a wire format
    │   ├── LocalProtocolError       1             we were about to send them
    │   └── RemoteProtocolError      1             a peer sent them
    ├── TransportError               1  retryable  the way to a peer is broken
    │   ├── ConnectFailed            1  retryable
    │   ├── ConnectionLost           1  retryable
    │   └── TimedOut                 1  retryable
    ├── EngineError                  1             a speech engine failed
    │   ├── EngineUnavailable        1             a part, model or key is missing; says what to do
    │   ├── AuthenticationRejected   1             the provider does not take the key
    │   ├── QuotaExceeded            1             the account has no money left
    │   ├── SessionExpired           1  retryable  the provider's time limit ended the session
    │   └── WorkerDied               1  retryable  the local speech worker stopped
    ├── AudioDeviceError             1             no microphone or speaker
    ├── CallError                    1             a call cannot do that
    │   └── InvalidTransition        1             the state machine has no such step
    └── PublishError                 1             a thread could not be published
        ├── SecretNotHere            1  retryable  a secret to be redacted cannot be read here
        ├── RelayRejected            1             the relay will never take it
        └── RelayBusy                1  retryable  the relay asks us to come later

Foreign errors become one of these at the border (adapters, storage); nothing above sees others.
`retryable` says whether trying the same again can help; `exit_code` is what the CLI answers.
"""

from __future__ import annotations

from typing import ClassVar


class AgentVoiceError(Exception):
    """Root of the tree; the message is one line, fit to be shown to the operator."""

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1


class UsageError(AgentVoiceError):
    """Wrong usage or input; the message names the field, what was got and what is wanted."""

    exit_code: ClassVar[int] = 2


class ConfigError(UsageError):
    """A setting is unknown or has a wrong value."""


class InvalidAudioFile(UsageError):
    """The file is not a WAV file that can be used."""


class InvalidKey(UsageError):
    """The string is not the key it should be (npub, nsec, hex)."""


class NotFound(AgentVoiceError):
    """Nothing of that name exists."""

    exit_code: ClassVar[int] = 3


class Refused(AgentVoiceError):
    """Policy, budget or rights forbid it."""

    exit_code: ClassVar[int] = 4


class StorageRefused(Refused):
    """The database may not be written, or may not be created by this command."""


class KeyNotHere(NotFound):
    """The key, or the passphrase that opens it, is given to another process, or to none: this one cannot sign."""

    retryable: ClassVar[bool] = True


class KeyFileRefused(Refused):
    """The key file's rights are wider than its owner."""


class SignerRefused(Refused):
    """A remote signer (a bunker) answered that it does not do what it was asked."""


class OutOfDate(Refused):
    """What was to be changed is not what was read any more."""


class SignInWanted(Refused):
    """The client is nobody we know, or not any more: it signs in, or shows a token that is valid."""


class WrongToken(SignInWanted):
    """A token, or a signature in its place, that is not good here; each one is counted against its sender."""


class TooManyRequests(Refused):
    """This client asks more than the settings allow; it may ask again in `wait_s` seconds."""

    retryable: ClassVar[bool] = True

    def __init__(self, message: str, wait_s: float = 1.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class CallLimitReached(Refused):
    """As many calls as the settings allow are running, or were begun by this caller in the last hour."""


class BudgetSpent(Refused):
    """The project has spent its budget of this month; calls can be had again next month or with more."""


class StorageError(AgentVoiceError):
    """The database failed."""


class SchemaOutOfDate(StorageError):
    """The database has another schema than this version of agentvoice."""


class StorageBusy(StorageError):
    """Another process held the database's lock for longer than the busy timeout."""

    retryable: ClassVar[bool] = True


class StorageUnavailable(StorageError):
    """The disk is full or failing, or the database server cannot be reached."""

    retryable: ClassVar[bool] = True


class ProtocolError(AgentVoiceError):
    """Bytes that break a wire format."""


class LocalProtocolError(ProtocolError):
    """We were about to send what the format does not allow."""


class RemoteProtocolError(ProtocolError):
    """A peer sent what the format does not allow."""


class TransportError(AgentVoiceError):
    """The way to a peer is broken."""

    retryable: ClassVar[bool] = True


class ConnectFailed(TransportError):
    """No connection could be made."""


class ConnectionLost(TransportError):
    """The connection broke after it was made."""


class TimedOut(TransportError):
    """The peer did not answer within the named limit."""


class EngineError(AgentVoiceError):
    """A speech engine failed."""


class EngineUnavailable(EngineError):
    """A part, model or key of the engine is missing; the message says what to do."""


class AuthenticationRejected(EngineError):
    """The provider does not take the key."""


class QuotaExceeded(EngineError):
    """The provider's account has no money or quota left."""


class SessionExpired(EngineError):
    """The provider ended the session at its time limit."""

    retryable: ClassVar[bool] = True


class WorkerDied(EngineError):
    """The local speech worker process stopped; a new one is started."""

    retryable: ClassVar[bool] = True


class AudioDeviceError(AgentVoiceError):
    """The microphone or speaker cannot be used."""


class CallError(AgentVoiceError):
    """A call cannot do what was asked of it."""


class InvalidTransition(CallError):
    """The state machine has no such step."""


class PublishError(AgentVoiceError):
    """A thread could not be published."""


class SecretNotHere(PublishError):
    """A secret that must be taken out of the thread cannot be read by this process."""

    retryable: ClassVar[bool] = True


class RelayRejected(PublishError):
    """The relay will never take this event."""


class RelayBusy(PublishError):
    """The relay asks us to come later."""

    retryable: ClassVar[bool] = True
