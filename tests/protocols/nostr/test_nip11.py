from __future__ import annotations

import json

import pytest

from agentvoice.core.relay_limits import RelayLimits
from agentvoice.errors import RemoteProtocolError
from agentvoice.protocols.nostr.nip11 import RelayDocument, decode_document, document_address


def test_limits_are_read():
    """The limits that decide whether an event fits are taken from `limitation`."""
    document = {
        "name": "a relay",
        "software": "x",
        "supported_nips": [1, 11, "bad", True],
        "limitation": {
            "max_message_length": 65_536,
            "max_content_length": 8_196,
            "max_event_tags": 100,
            "min_pow_difficulty": 8,
            "auth_required": True,
            "payment_required": True,
            "restricted_writes": True,
            "created_at_lower_limit": 31_536_000,
            "created_at_upper_limit": 900,
        },
    }
    assert decode_document(json.dumps(document)) == RelayDocument(
        "a relay",
        "x",
        (1, 11),
        RelayLimits(65_536, 8_196, 100, 8, True, True, True, 31_536_000, 900),
    )


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"limitation":[],"supported_nips":{},"name":5}',
        '{"limitation":{"max_message_length":"64k","auth_required":"yes","max_event_tags":-1}}',
        '{"limitation":{"max_message_length":0,"max_content_length":0,"min_pow_difficulty":0}}',
    ],
)
def test_fields_of_a_wrong_type_count_as_unsaid(text: str):
    """Relays write all sorts; what cannot be read limits nothing."""
    assert decode_document(text) == RelayDocument()


@pytest.mark.parametrize("text", ["", "<html>", "[]", "null", "[" * 100_000])
def test_what_is_no_object_is_refused(text: str):
    """A web page instead of the document is one clear error."""
    with pytest.raises(RemoteProtocolError, match="relay document"):
        decode_document(text)


def test_the_document_is_at_the_same_place_over_http():
    """The scheme ws becomes http, and wss https; port and path stay."""
    assert document_address("wss://r.example/inbox") == "https://r.example/inbox"
    assert document_address("ws://127.0.0.1:7447") == "http://127.0.0.1:7447"
