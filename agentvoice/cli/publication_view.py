"""How commands show a thread: whether it is published, relay by relay why not, then event by event."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from agentvoice.cli.output import moment, one_line, table
from agentvoice.cli.review_view import describe_redactions
from agentvoice.core.delivery import OPEN_STATES
from agentvoice.protocols.publication_documents import (
    DeliveryDocument,
    EventDocument,
    PublicationDocument,
    PublicationSummary,
    RelayDocument,
)

WIDTH = 80
"""Columns of a plain terminal."""

FEW_DELIVERIES = 12
"""So many are shown one by one without being asked for."""

SHORT_ID = 12

_OPEN = {state.value for state in OPEN_STATES}
_MS_OF = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))


def describe_publication(document: PublicationDocument, now: int, *, all_events: bool = False) -> str:
    """Return a thread for people to read, as of `now` (UTC ms), in lines that fit a plain terminal.

    Every event is shown if there are few or `all_events`; a thread's link alone may be longer.
    """
    head = {"thread": document.state}
    if document.nevent:
        head["link"] = f"nostr:{document.nevent}"
    if document.edited:
        head["edited"] = f"{document.edited} turns"
    if document.redactions:
        head["redacted"] = describe_redactions(document.redactions)
    if document.unpublished_at:
        head["unpublished"] = document.unpublished_at
    parts = [f"{_unbroken(head)}\n{_wrapped(document.summary)}".rstrip()]
    if document.error and document.advice:
        parts[0] += f"\n{_wrapped('To do: ' + document.advice)}"
    parts += [_describe_relay(relay, now) for relay in document.relays]
    deliveries = sum(len(event.deliveries) for event in document.events)
    if all_events or deliveries <= FEW_DELIVERIES:
        parts += [_describe_event(event, now) for event in document.events]
    else:
        parts.append(f"{len(document.events)} events, {deliveries} deliveries: --events shows each.")
    if document.deletions:
        parts += ["Deletions:", *(_describe_event(event, now) for event in document.deletions)]
    return "\n\n".join(parts)


def describe_page(page: Sequence[PublicationSummary], now: int) -> str:
    """Return a page of threads: where each stands, how many relays have it, when it is tried next."""
    rows = [
        (
            each.call,
            each.project,
            moment(_utc_ms(each.ended_at)) if each.ended_at else "-",
            each.state,
            f"{each.complete_relays}/{each.relays}" if each.relays else "-",
            _until(_utc_ms(each.next_attempt_at) - now) if each.next_attempt_at else "-",
            _marks(each),
            each.error or "-",
        )
        for each in page
    ]
    headers = ("CALL", "PROJECT", "ENDED", "THREAD", "RELAYS", "NEXT", "MARKS", "ERROR")
    return table(headers, rows, empty="No threads yet.")


def tell_when(at: int, now: int) -> str:
    """Return a coming time both ways, as in `2026-11-22 21:50:03Z (in 4 min)`."""
    return f"{moment(at)} ({_until(at - now)})"


def _marks(shown: PublicationSummary) -> str:
    """Return what sets a thread apart from what was said."""
    marks = {
        "waiting": shown.waiting,
        "edited": shown.edited,
        "redacted": shown.redactions,
        "unpublished": shown.unpublished_at,
    }
    return ", ".join(mark for mark, holds in marks.items() if holds) or "-"


def _unbroken(values: Mapping[str, str]) -> str:
    # A link that is cut is none: `fields` shortens what is long.
    width = max(len(name) for name in values)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in values.items())


def _describe_relay(relay: RelayDocument, now: int) -> str:
    events = sum(relay.states.values())
    rest = [f"{count} {state}" for state, count in relay.states.items() if state != "accepted"]
    counts = ", ".join([f"{relay.states.get('accepted', 0)} of {events} accepted", *rest])
    told = {} if relay.has_all else _why(relay, now)
    lines = [f"{one_line(relay.relay)}: {counts}"]
    lines += [_wrapped(f"{name.ljust(6)}{text}", "  ", " " * 8) for name, text in told.items()]
    return "\n".join(lines)


def _why(told: RelayDocument | DeliveryDocument, now: int) -> dict[str, str]:
    """Return when it is tried next, what the relay said, and what to do, where there is any."""
    lines = {}
    if told.next_attempt_at:
        lines["next"] = tell_when(_utc_ms(told.next_attempt_at), now)
    if told.last_answer:
        lines["said"] = one_line(told.last_answer, limit=500)
    lines["to do"] = told.advice
    return lines


def _describe_event(event: EventDocument, now: int) -> str:
    lines = [f"#{event.position}  {event.id[:SHORT_ID]}…  by {event.signer[:16]}…"]
    for delivery in event.deliveries:
        lines += list(_delivery_lines(delivery, now))
    return "\n".join(lines)


def _delivery_lines(delivery: DeliveryDocument, now: int) -> Iterator[str]:
    tries = f"{delivery.attempts} {'try' if delivery.attempts == 1 else 'tries'}"
    reason = "" if delivery.reason == delivery.state else f", {delivery.reason}"
    yield _wrapped(f"{delivery.state.ljust(10)}{one_line(delivery.relay)}, {tries}{reason}", "    ", " " * 14)
    if delivery.state in _OPEN and delivery.next_attempt_at and delivery.reason != "waits-for-root":
        yield _wrapped(f"next {tell_when(_utc_ms(delivery.next_attempt_at), now)}", " " * 14, " " * 16)
    if delivery.last_answer:
        yield _wrapped(one_line(delivery.last_answer, limit=500), " " * 14, " " * 16)


def _wrapped(text: str, first: str = "", later: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH - 1,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _utc_ms(iso: str) -> int:
    return round(datetime.fromisoformat(iso).timestamp() * 1_000)


def _until(ms: int) -> str:
    """Return a wait in its largest unit that is not zero, as in `in 4 min`."""
    for unit, size in _MS_OF:
        if ms >= size:
            return f"in {round(ms / size)} {unit}"
    return "due now"
