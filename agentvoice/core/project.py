"""Projects: what calls belong to, and how their threads are published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from agentvoice.core.agent import check_slug
from agentvoice.core.pricing import NANO_PER_USD, usd_text
from agentvoice.core.redaction import check_rules
from agentvoice.errors import UsageError

EMBEDDED_RELAY = "embedded"
"""Name of the relay that the daemon itself runs; resolved to an address when dialling."""

MAX_RELAY_CHARS = 500
"""A relay's address is put into tags as a hint; relays take up to 1,023 bytes there."""

MAX_BUDGET_NANO_USD = 1_000_000 * NANO_PER_USD
"""More than anybody's calls of a month; sums stay far below what the database can hold."""

MAX_READERS = 50
"""A private thread is wrapped, sent and stored once for each reader."""

MAX_CALLERS = 1_000
"""They are read whole at each request of one of them."""

MAX_EXPIRATION_DAYS = 36_500
"""A century; the time stays one that every relay can read."""

MAX_TITLE_CHARS = 79  # NIP-14: subjects stay under 80 characters


class PublishPolicy(StrEnum):
    """What becomes of a finished call."""

    PUBLIC = "public"
    REVIEW = "review"
    PRIVATE = "private"
    OFF = "off"


class ThreadShape(StrEnum):
    """`thread`: one reply per turn. `single`: one note with the whole transcript."""

    THREAD = "thread"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class Project:
    """A project. `pubkey` is 64 digit hex; `relays` are ws(s):// addresses or `embedded`.

    `chained` replies to the turn before instead of to the root; `full_p_tags` turns on NIP-10's
    p tags of the thread's authors; `address` is an optional NIP-33 coordinate (31933:…).
    """

    slug: str
    title: str
    pubkey: str
    relays: tuple[str, ...] = (EMBEDDED_RELAY,)
    policy: PublishPolicy = PublishPolicy.PUBLIC
    shape: ThreadShape = ThreadShape.THREAD
    chained: bool = False
    full_p_tags: bool = False
    address: str = ""
    voice_tag: bool = False
    caller_pubkey: str = ""
    """Hex public key that signs the person's turns, when the daemon holds its signer."""
    budget_nano_usd_per_month: int = 0
    """What its calls may cost in a month (UTC); 0: as the settings say."""
    nip65_relays: bool = False
    """Deliver to the relays that the pubkey says it reads (NIP-65) as well."""
    readers: tuple[str, ...] = ()
    """Hex public keys that get a private thread besides the project's."""
    callers: tuple[str, ...] = ()
    """Hex public keys that may sign in with Nostr and hold calls of this project."""
    redact: tuple[str, ...] = ("phone", "email", "card")
    """What is taken out of the published copy: rules of core.redaction."""
    expiration_days: int = 0
    """Days after which relays should forget the events (NIP-40); 0: never."""
    protected: bool = False
    """Only the authors themselves may hand the events to relays (NIP-70)."""


def new_project(slug: str) -> Project:
    """Return what a project is before anything is said of it; it needs a pubkey before it is stored."""
    return Project(slug=slug, title=slug, pubkey="")


def change_project(project: Project, changes: Mapping[str, Any]) -> Project:
    """Return the project with the fields that are given. Raises UsageError naming what is not usable.

    A policy that was never chosen does not become one because relays were added.
    """
    is_chosen = "policy" in changes or set(project.relays) != {EMBEDDED_RELAY}
    changed = replace(project, **changes)
    check_project(changed, policy_given=is_chosen)
    return changed


def check_project(project: Project, *, policy_given: bool) -> None:
    """Raise UsageError naming the first field that is not usable.

    `policy_given`: the operator named the policy. Nothing leaves the machine unsaid, so a project
    with any relay but the embedded one must name it.
    """
    check_slug("slug", project.slug)
    if not 1 <= len(project.title.strip()) <= MAX_TITLE_CHARS:
        raise UsageError(f"title: got {len(project.title)} characters, want 1 to {MAX_TITLE_CHARS}")
    if not 0 <= project.budget_nano_usd_per_month <= MAX_BUDGET_NANO_USD:
        raise UsageError(
            f"budget: got {usd_text(project.budget_nano_usd_per_month)} USD,"
            f" want 0 to {usd_text(MAX_BUDGET_NANO_USD)}"
        )
    if not 0 <= project.expiration_days <= MAX_EXPIRATION_DAYS:
        raise UsageError(
            f"expiration_days: got {project.expiration_days}, want 0 (never) to {MAX_EXPIRATION_DAYS}"
        )
    _check_people(project)
    check_rules(project.redact)
    if not project.relays:
        raise UsageError(f"relays: got none, want ws:// or wss:// addresses, or {EMBEDDED_RELAY}")
    for relay in project.relays:
        if relay != EMBEDDED_RELAY:
            check_relay(relay)
    if len(set(project.relays)) != len(project.relays):
        raise UsageError("relays: got one address twice, want each once")
    if not policy_given and set(project.relays) != {EMBEDDED_RELAY}:
        raise UsageError(
            "policy: got none, want public, review, private or off: this project names outside relays"
        )


def _check_people(project: Project) -> None:
    for name, keys, most in (
        ("readers", project.readers, MAX_READERS),
        ("callers", project.callers, MAX_CALLERS),
    ):
        if len(keys) > most:
            raise UsageError(f"{name}: got {len(keys)}, want {most} at most")


def public_address(relay: str) -> str:
    """Return a relay's address as others may see it: without a query, which may hold a token."""
    try:
        return urlunsplit(urlsplit(relay)._replace(query="", fragment=""))
    except ValueError:
        return ""


def check_relay(relay: str) -> None:
    """Raise UsageError unless `relay` is a ws(s):// address without user and password."""
    try:
        parts = urlsplit(relay)
        host, _ = parts.hostname, parts.port
    except ValueError:  # a bracket left open, a port that is no number
        host, parts = None, urlsplit("")
    if "@" in parts.netloc:  # not repeated: it would show the password
        raise UsageError("relays: got an address with a user or password in it, want wss://host/path")
    is_plain = relay.isprintable() and " " not in relay
    if not relay.startswith(("ws://", "wss://")) or not host or not is_plain or len(relay) > MAX_RELAY_CHARS:
        raise UsageError(f"relays: got {relay[:80]!r}, want ws://…, wss://… or {EMBEDDED_RELAY}")
