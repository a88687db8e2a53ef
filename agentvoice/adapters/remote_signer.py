"""Signing by a key that is elsewhere: a bunker (NIP-46) is asked for every signature.

What comes back is believed in nothing: each signed event is compared with what was asked for, and
its signature verified.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from agentvoice.adapters.bunker_channel import BunkerChannel
from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.signer import find_forgery
from agentvoice.config.settings import BunkerSettings, RelaySettings
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.ports import Clock, Signer
from agentvoice.core.secret import Secret
from agentvoice.errors import InvalidKey, RemoteProtocolError, SignerRefused, TimedOut
from agentvoice.protocols.nostr import nip46
from agentvoice.protocols.nostr.nip01 import check_author, check_unsigned
from agentvoice.protocols.nostr.nip19 import KEY_BYTES, decode_pubkey, encode_npub
from agentvoice.protocols.nostr.nip46 import BunkerAddress, BunkerLink, Method

ACKNOWLEDGED = "ack"

SWITCH_TIMEOUT_S = 3.0
"""For a question that only newer bunkers answer; it comes after they have answered others."""


class RemoteSigner:
    """A core.ports.Signer whose key a bunker holds. Made by Bunkers.

    Every method raises also SignerRefused (the bunker does not do it), TimedOut (it is silent) or
    RemoteProtocolError (it did something else than it was asked to).
    """

    def __init__(self, pubkey: str, channel: BunkerChannel, timeout_s: float) -> None:
        self._pubkey = pubkey
        self._channel = channel
        self._timeout_s = timeout_s

    @property
    def pubkey(self) -> str:
        """Hex public key it signs as."""
        return self._pubkey

    @property
    def npub(self) -> str:
        """The public key for people."""
        return encode_npub(self._pubkey)

    async def sign(self, event: UnsignedEvent) -> SignedEvent:
        """Return the signed event, verified to be the one that was asked for.

        Raises InvalidKey if `event.pubkey` is not ours, LocalProtocolError if no relay would take it.
        """
        check_author(event, self._pubkey)
        check_unsigned(event)
        result = await self._ask(Method.SIGN_EVENT, nip46.encode_template(event))
        try:
            signed = nip46.decode_signed(event, result)
        except RemoteProtocolError as error:
            raise RemoteProtocolError(f"{self._channel.shown}: sign_event: {error}") from error
        forgery = find_forgery(signed)
        if forgery:
            raise RemoteProtocolError(f"{self._channel.shown}: sign_event: {forgery}")
        return signed

    async def encrypt(self, pubkey: str, text: str) -> str:
        """Return `text` encrypted to `pubkey` (NIP-44 v2)."""
        return await self._ask(Method.NIP44_ENCRYPT, pubkey, text)

    async def decrypt(self, pubkey: str, payload: str) -> str:
        """Return the text that `pubkey` encrypted to us (NIP-44 v2)."""
        return await self._ask(Method.NIP44_DECRYPT, pubkey, payload)

    async def ping(self) -> None:
        """Return when the bunker has answered."""
        await self._ask(Method.PING)

    async def _ask(self, method: Method, *parameters: str) -> str:
        return await self._channel.ask(method, *parameters, timeout_s=self._timeout_s)

    def __repr__(self) -> str:
        return f"RemoteSigner({self.npub[:12]}…)"


class Bunkers:
    """The bunkers of a process, over relay connections of their own; nothing is dialled by making it."""

    def __init__(self, relays: RelaySettings, settings: BunkerSettings, clock: Clock) -> None:
        self._relays = WebsocketRelays(relays, clock, self._find_client)
        self._settings = settings
        self._clock = clock
        self._channels: dict[str, BunkerChannel] = {}

    def open(self, link: BunkerLink, pubkey: str) -> RemoteSigner:
        """Return the signer of `pubkey` behind a granted link; nothing is asked yet."""
        return RemoteSigner(pubkey, self._channel(link), self._settings.answer_timeout_s)

    async def pair(self, address: BunkerAddress) -> tuple[str, BunkerLink]:
        """Ask a bunker, as a new client, to let us sign; return the hex public key and the link.

        The address must hold its one-time secret if the bunker wants one; the link has it no more, and
        has the relays at which the bunker wants to be asked from now on.
        Raises SignerRefused, TimedOut, or RemoteProtocolError.
        """
        link = BunkerLink(replace(address, secret=Secret("")), Secret(secrets.token_bytes(KEY_BYTES)))
        channel, timeout_s = self._channel(link), self._settings.pair_timeout_s
        secret = address.secret
        granted = await channel.ask(
            Method.CONNECT, address.pubkey, secret.reveal(), nip46.PERMISSIONS, timeout_s=timeout_s
        )
        if granted not in (ACKNOWLEDGED, secret.reveal()):
            raise RemoteProtocolError(f"{channel.shown}: connect: got another answer than ack")
        answer = await channel.ask(Method.GET_PUBLIC_KEY, timeout_s=timeout_s)
        try:
            pubkey = decode_pubkey("get_public_key", answer)
        except InvalidKey as error:
            raise RemoteProtocolError(f"{channel.shown}: {error}") from None
        relays = await _ask_relays(channel) or address.relays
        return pubkey, replace(link, address=replace(link.address, relays=relays))

    async def close(self) -> None:
        """Stop listening, and close every connection."""
        channels = tuple(self._channels.values())
        self._channels.clear()
        for channel in channels:
            await channel.close()
        await self._relays.close()

    def _channel(self, link: BunkerLink) -> BunkerChannel:
        channel = BunkerChannel(link, self._relays, self._clock)
        return self._channels.setdefault(channel.client.pubkey, channel)

    async def _find_client(self, pubkey: str) -> Signer | None:
        """Return who answers AUTH (NIP-42): a relay may want to know the clients of its bunkers."""
        channel = self._channels.get(pubkey)
        return channel.client if channel else None


async def _ask_relays(channel: BunkerChannel) -> tuple[str, ...]:
    try:
        return nip46.decode_relays(await channel.ask(Method.SWITCH_RELAYS, timeout_s=SWITCH_TIMEOUT_S))
    except (SignerRefused, TimedOut):  # many bunkers do not know it
        return ()
