"""A stored call as the JSON document that commands and the API show."""

from __future__ import annotations

from dataclasses import replace

from agentvoice.core.delivery import Delivery, Publication
from agentvoice.core.project import EMBEDDED_RELAY, public_address
from agentvoice.protocols.documents import (
    CallDocument,
    StoredCall,
    UsageDocument,
    call_document,
)
from agentvoice.protocols.nostr.advice import advise, classify_delivery, classify_error
from agentvoice.protocols.nostr.nip19 import EventPointer, encode_nevent, encode_npub
from agentvoice.protocols.publication_documents import PublicationDocument, Wording, publication_document
from agentvoice.storage import conversations, publications, usage
from agentvoice.storage.callers import LATEST
from agentvoice.storage.database import Database
from agentvoice.storage.usage import UsageEntry


def find_call_id(database: Database, name: str) -> str:
    """Return the id of a call: `name` itself, or of the newest call for `last`."""
    if name != LATEST:
        return name
    with database.reading() as session:
        newest = conversations.list_calls(session, limit=1)
    return newest[0].id if newest else name


def read_call(database: Database, call_id: str) -> StoredCall:
    """Return all that is stored of a call, as of one moment. Raises NotFound."""
    with database.reading() as session:
        call = conversations.get_call(session, call_id)
        entries = usage.usage_of(session, call_id)
        return StoredCall(
            call=call,
            agents=tuple(part.agent for part in conversations.agents_of(session, call_id)) or (call.agent,),
            items=conversations.items_of(session, call_id),
            usage=_sum(entries),
            cost_nano_usd=sum(entry.cost_nano_usd for entry in entries),
            publication=publications.get_publication(session, call_id),
        )


def read_call_document(
    database: Database,
    call_id: str,
    embedded_url: str,
    accepted_relays: int = 1,
    *,
    for_caller: bool = False,
) -> CallDocument:
    """Return a call's document. Raises NotFound.

    `embedded_url` is where the embedded relay is, `accepted_relays` how many must have the thread;
    `for_caller`: relays are named without the tokens that are the operator's (core.project.public_address).
    """
    stored = read_call(database, call_id)
    if for_caller:
        stored = replace(stored, publication=_without_tokens(stored.publication))
    return call_document(stored, _wording(call_id, embedded_url, accepted_relays))


def read_publication_document(
    database: Database,
    call_id: str,
    embedded_url: str,
    accepted_relays: int = 1,
    *,
    for_caller: bool = False,
) -> PublicationDocument:
    """Return the document of a call's thread, as `read_call_document` does. Raises NotFound."""
    with database.reading() as session:
        publication = publications.get_publication(session, call_id)
    if for_caller:
        publication = _without_tokens(publication)
    return publication_document(publication, _wording(call_id, embedded_url, accepted_relays))


def _without_tokens(publication: Publication) -> Publication:
    return replace(
        publication,
        deliveries=tuple(map(_with_public_address, publication.deliveries)),
        deletion_deliveries=tuple(map(_with_public_address, publication.deletion_deliveries)),
    )


def _with_public_address(delivery: Delivery) -> Delivery:
    return replace(delivery, relay=public_address(delivery.relay))


def link_of(publication: Publication, embedded_url: str) -> str:
    """Return the nevent of a thread's root, with the relays that have it, or else that shall.

    Empty for a private call: its gift wraps are no thread, and a link to one would open nothing.
    """
    if publication.is_private:
        return ""
    root = publication.events[0].event
    relays = publication.relays_with_all() or tuple(
        dict.fromkeys(delivery.relay for delivery in publication.deliveries)
    )
    urls = tuple(embedded_url if relay == EMBEDDED_RELAY else public_address(relay) for relay in relays)
    return encode_nevent(EventPointer(root.id, urls, root.pubkey, root.kind))


def _wording(call_id: str, embedded_url: str, accepted_relays: int) -> Wording:
    def advice_of(delivery: Delivery, pubkey: str, waits: bool, is_taken_back: bool) -> tuple[str, str]:
        kind = classify_delivery(delivery, waits_for_root=waits, is_taken_back=is_taken_back)
        npub = encode_npub(pubkey) if pubkey else ""
        return kind.value, advise(kind, npub=npub, call=call_id, relay=delivery.relay)

    return Wording(
        npub_of=encode_npub,
        nevent_of=lambda publication: link_of(publication, embedded_url),
        advice_of=advice_of,
        advice_of_error=lambda error: advise(classify_error(error), call=call_id),
        accepted_relays=accepted_relays,
    )


def _sum(entries: tuple[UsageEntry, ...]) -> UsageDocument:
    return UsageDocument(
        input_text_tokens=sum(entry.input_text_tokens for entry in entries),
        input_audio_tokens=sum(entry.input_audio_tokens for entry in entries),
        input_cached_tokens=sum(entry.input_cached_tokens for entry in entries),
        output_text_tokens=sum(entry.output_text_tokens for entry in entries),
        output_audio_tokens=sum(entry.output_audio_tokens for entry in entries),
        audio_ms=sum(entry.audio_ms for entry in entries),
        input_image_tokens=sum(entry.input_image_tokens for entry in entries),
        is_estimate=any(entry.is_estimate for entry in entries),
        priced_as_of=max((entry.priced_as_of for entry in entries), default="") or None,
    )
