"""`agentvoice relay`: the relays that threads go to."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import click

from agentvoice.cli.frame import Invocation, LazyGroup, pass_invocation
from agentvoice.cli.output import table
from agentvoice.core.project import EMBEDDED_RELAY, check_relay, public_address


@click.group(cls=LazyGroup)
def relay() -> None:
    """Look at the relays that threads go to."""


@relay.command()
@click.argument("addresses", nargs=-1, metavar="[URL]...")
@click.option("--write", is_flag=True, help="Send a small test event, read it back, ask for its deletion.")
@click.option("--key", "npub", default="", metavar="NPUB", help="Sign the test with this key of ours.")
@pass_invocation
def check(invocation: Invocation, addresses: tuple[str, ...], write: bool, npub: str) -> int:
    """Tell whether relays can be used, and what to do if not.

    Without URL: the relays of all projects, and the embedded one. The test event of --write expires
    after ten minutes and is signed by a key made for it, unless --key names one. Exit code 1 if
    something failed.
    """
    if npub and not write:
        raise click.UsageError("--key: signs the test event, so give --write too")
    for address in addresses:
        if address != EMBEDDED_RELAY:
            check_relay(address)
    invocation.quieten_logs()
    wanted = dict.fromkeys(addresses or _relays_of_projects(invocation))
    reports = asyncio.run(_check(invocation, list(wanted), write, npub))
    is_well = all(report.ok for report in reports)
    document = {"ok": is_well, "relays": [_document(report) for report in reports]}
    invocation.answer(document, "\n\n".join(_describe(report) for report in reports))
    return 0 if is_well else 1


def _relays_of_projects(invocation: Invocation) -> list[str]:
    from agentvoice.storage.projects import list_projects

    with invocation.database() as database, database.reading() as session:
        named = [address for project in list_projects(session) for address in project.relays]
    return [*named, EMBEDDED_RELAY]


async def _check(invocation: Invocation, wanted: list[str], write: bool, npub: str) -> list[Any]:
    from agentvoice.adapters.relay import WebsocketRelays
    from agentvoice.adapters.relay_documents import read_document
    from agentvoice.adapters.signer import KeySigner, find_forgery
    from agentvoice.adapters.system_clock import SystemClock
    from agentvoice.services.relay_check import RelayCheck

    signer: Any = None
    if write:
        signer = await _load_signer(invocation, npub) if npub else KeySigner.generate()

    async def find_signer(pubkey: str) -> Any:
        return signer if signer is not None and signer.pubkey == pubkey else None

    clock = SystemClock()
    relays = WebsocketRelays(invocation.settings.relays, clock, find_signer)
    checker = RelayCheck(relays, lambda address: read_document(address, clock), find_forgery, clock, signer)
    dialled = [invocation.embedded_url if each == EMBEDDED_RELAY else each for each in wanted]
    try:
        return list(await asyncio.gather(*(checker.check(address) for address in dialled)))
    finally:
        await relays.close()


async def _load_signer(invocation: Invocation, npub: str) -> Any:
    from agentvoice.protocols.nostr.nip19 import decode_pubkey
    from agentvoice.storage.keys import get_key

    pubkey = decode_pubkey("--key", npub)
    with invocation.database() as database, database.reading() as session:
        stored = get_key(session, pubkey)
    return await invocation.key_files().load(stored.reference)


def _describe(report: Any) -> str:
    rows = [
        ("ok" if each.ok else "FAILED", each.name, f"{each.detail}{_advice(each.advice)}")
        for each in report.findings
    ]
    return f"{public_address(report.relay)}\n{table(('', 'WHAT', 'DETAIL'), rows, empty='')}"


def _advice(advice: str) -> str:
    return f" ({advice})" if advice else ""


def _document(report: Any) -> dict[str, Any]:
    document = report.document
    return {
        "relay": public_address(report.relay),
        "ok": report.ok,
        "reachable": report.request_ms is not None,
        "connect_ms": report.connect_ms,
        "request_ms": report.request_ms,
        "name": document.name if document else None,
        "software": document.software if document else None,
        "limits": asdict(document.limits) if document else None,
        "findings": [asdict(each) for each in report.findings],
    }
