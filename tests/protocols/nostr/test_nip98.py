"""Events that prove who makes a request."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import replace

import pytest

from agentvoice.core.event import SignedEvent, Tags
from agentvoice.errors import AgentVoiceError, SignInWanted
from agentvoice.protocols.nostr.nip98 import ProvenRequest, check_proof, decode_authorization

NOW_S = 1_800_000_000
URL = "https://calls.example/api/v1/sign-in"
TAGS: Tags = (("u", URL), ("method", "POST"))
EVENT = SignedEvent("a" * 64, "b" * 64, NOW_S, 27_235, TAGS, "", "c" * 128)


def check(event: SignedEvent, body: bytes = b"") -> None:
    check_proof(event, ProvenRequest(URL, "POST", body), NOW_S * 1_000 + 999)


@pytest.mark.parametrize("off_s", [-60, 0, 60])
def test_an_event_about_this_request_is_taken(off_s: int):
    """Made now, give or take a minute; other tags do not matter, nor does a missing payload."""
    check(replace(EVENT, created_at=NOW_S + off_s, tags=(*TAGS, ("client", "x"))), b"{}")


def test_a_payload_is_the_bodys_hash():
    """If there is one it is right."""
    tags = (*TAGS, ("payload", hashlib.sha256(b"{}").hexdigest()))
    check(replace(EVENT, tags=tags), b"{}")
    with pytest.raises(SignInWanted, match=r"nostr\.payload: got '44136fa3"):
        check(replace(EVENT, tags=tags), b"{ }")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (replace(EVENT, kind=22_242), "nostr.kind: got 22242, want 27235"),
        (replace(EVENT, created_at=NOW_S - 61), "got a time 61 s behind"),
        (replace(EVENT, created_at=NOW_S + 61), "got a time 61 s ahead"),
        (replace(EVENT, tags=()), "nostr.u: got '', want 'https://calls.example"),
        (replace(EVENT, tags=(("u",), ("method", "POST"))), "nostr.u: got '', want"),
        (replace(EVENT, tags=(("u", "https://evil.example/\u202e"), TAGS[1])), r"evil.example/\u202e"),
        (replace(EVENT, tags=(*TAGS, ("u", "https://other.example"))), "nostr.u: got"),
        (replace(EVENT, tags=(TAGS[0], ("method", "GET"))), "nostr.method: got 'GET', want 'POST'"),
        (replace(EVENT, tags=(*TAGS, ("payload", ""))), "nostr.payload: got '', want"),
    ],
)
def test_an_event_about_something_else_is_refused(event: SignedEvent, words: str):
    """What is wrong with it is named."""
    with pytest.raises(SignInWanted) as refused:
        check(event)
    assert words in str(refused.value)


def header_of(text: str) -> str:
    return "Nostr " + b64encode(text.encode()).decode()


def test_an_event_comes_in_a_header():
    """As JSON in base64."""
    fields = {name: getattr(EVENT, name) for name in SignedEvent.__slots__}
    assert decode_authorization(header_of(json.dumps(fields))) == EVENT


@pytest.mark.parametrize("header", ["Nostr ", "Nostr ???", "Nostr /w==", header_of("[]"), header_of("{}")])
def test_a_header_without_an_event_is_refused(header: str):
    """One clear error."""
    with pytest.raises(AgentVoiceError, match=r"got|missing"):
        decode_authorization(header)
