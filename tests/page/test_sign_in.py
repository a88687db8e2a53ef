"""Signing in at the page, once a token was made: by a token, and by a Nostr key in the browser."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agentvoice.adapters.signer import KeySigner
from agentvoice.core.event import UnsignedEvent
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.protocols.nostr.nip19 import encode_npub
from tests.page.house import PageHouse, Visit, look_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXTENSION = "window.nostr = { signEvent: (event) => window.sign(event) };"
"""What a NIP-07 extension gives to a page; `sign` asks the test."""


@asynccontextmanager
async def stranger(
    house: PageHouse, signer: KeySigner | None = None, address: str = ""
) -> AsyncIterator[Visit]:
    """A browser that nobody is signed in with, with the extension of `signer`; `address`: of a line to the house."""
    await house.program.must("token", "new", "door", "--json")  # from now on nobody comes in without

    async def sign(asked: dict[str, Any]) -> Any:
        assert signer is not None
        tags = tuple(map(tuple, asked["tags"]))
        event = UnsignedEvent(signer.pubkey, asked["created_at"], asked["kind"], tags, asked["content"])
        return json.loads(encode_event(await signer.sign(event)))

    async with house.browser() as browser:
        context = await browser.new_context()
        if signer is not None:
            await context.expose_function("sign", sign)
            await context.add_init_script(EXTENSION)
        async with look_in(context, address or house.address) as visit:
            await visit.go("start")
            await visit.page.get_by_role("heading", name="Sign in").wait_for()
            yield visit
            visit.forget_refusals()


async def test_a_token_opens_the_page_and_is_kept_from_scripts(house: PageHouse):
    """A wrong one is refused in words; the right one lets in, also after a reload."""
    token = (await house.program.must("token", "new", "me", "--scope", "admin", "--json")).document["token"]
    async with stranger(house) as visit:
        await visit.page.get_by_label("Token").fill(token[:-4] + "AAAA")
        await visit.press("Sign in")
        await visit.page.get_by_role("alert").wait_for()
        await visit.page.get_by_label("Token").fill(token)
        await visit.press("Sign in")
        await visit.page.get_by_role("button", name="Call Ada").wait_for()
        assert await visit.page.evaluate("document.cookie") == ""
        await visit.page.reload()
        await visit.page.get_by_role("button", name="Call Ada").wait_for()
        await visit.go("agents")
        await visit.see("Max of the tests")


async def test_a_nostr_key_of_a_project_may_call_in_it(house: PageHouse):
    """The extension signs for this very address; an npub that nobody named stays outside."""
    signer = KeySigner.generate()
    async with stranger(house, signer) as visit:
        await visit.press("Sign in with Nostr")
        await visit.page.get_by_role("alert").wait_for()
        npub = encode_npub(signer.pubkey)
        await house.program.must("project", "edit", "careful", "--caller", npub)
        await visit.press("Sign in with Nostr")
        await visit.page.get_by_role("button", name="Call Ada").wait_for()
        assert await visit.page.get_by_role("link", name="Agents").count() == 0


async def test_without_an_extension_there_is_no_such_button(house: PageHouse):
    """What cannot work is not offered."""
    async with stranger(house) as visit:
        assert await visit.page.get_by_role("button", name="Sign in with Nostr").count() == 0
