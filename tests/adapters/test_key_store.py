"""Every key we sign with, by its reference."""

from __future__ import annotations

import asyncio
import os
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.adapters import key_store
from agentvoice.adapters.key_files import KeyFiles, KeyForm
from agentvoice.adapters.key_store import KeyStore, read_passphrase
from agentvoice.adapters.signer import KeySigner
from agentvoice.config import KeysSettings, Settings
from agentvoice.core.ports import LoadSigner, Signer
from agentvoice.core.secret import Secret
from agentvoice.errors import AgentVoiceError, InvalidKey, KeyFileRefused, KeyNotHere, NotFound, Refused
from agentvoice.protocols.nostr import nip49
from agentvoice.protocols.nostr.nip19 import decode_secret, encode_npub
from agentvoice.protocols.nostr.nip46 import BunkerAddress, BunkerLink, encode_link

PASSPHRASE = "correct horse battery stäple"
CLIENT = BunkerLink(
    BunkerAddress(KeySigner.generate().pubkey, ("wss://relay.example",)), Secret(bytes.fromhex("11" * 32))
)


class Hidden(dict[str, str]):
    """An environment or database; as those of the process, it is no variable of any frame."""

    def __repr__(self) -> str:
        return "hidden"

    def find(self, npub: str) -> str:
        return self.get(npub, "")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path), keys=KeysSettings("env:PASS"))


@pytest.fixture
def files(settings: Settings) -> KeyFiles:
    return KeyFiles(settings.keys_folder)


@pytest.fixture
def environment() -> Hidden:
    return Hidden({"PASS": PASSPHRASE})


@pytest.fixture
def database() -> Hidden:
    """The encrypted keys by npub."""
    return Hidden()


@pytest.fixture
def store(settings: Settings, environment: Hidden, database: Hidden) -> KeyStore:
    return KeyStore(settings, environment, database.find)


def seal(signer: KeySigner, passphrase: str = PASSPHRASE) -> str:
    """An ncryptsec that costs next to nothing to open."""
    secret = decode_secret("nsec", signer.reveal())
    return nip49.encrypt_secret(Secret(secret), Secret(passphrase), os.urandom(16), os.urandom(24), log_n=2)


async def test_it_is_what_the_publisher_asks_for(
    store: KeyStore, files: KeyFiles, environment: Hidden, database: Hidden, tmp_path: Path
):
    """Its `load` gives the signer of each kind of reference (a core.ports.LoadSigner)."""
    load: LoadSigner = store.load
    signer = KeySigner.generate()
    files.add(signer)
    environment["ADA"] = signer.reveal()
    environment["HEX"] = decode_secret("nsec", signer.reveal()).hex()
    environment["CREDENTIALS_DIRECTORY"] = str(tmp_path)
    (tmp_path / "ada").write_text(signer.reveal() + "\n")
    database[signer.npub] = seal(signer)
    for reference in (
        f"file:{signer.npub}",
        "env:ADA",
        "env:HEX",
        "credential:ada",
        f"ncryptsec:{signer.npub}",
    ):
        assert (await load(reference)).pubkey == signer.pubkey
        assert store.look(reference).can_sign


async def test_the_content_decides(store: KeyStore, environment: Hidden, files: KeyFiles):
    """An encrypted key is opened wherever it is kept."""
    signer = KeySigner.generate()
    environment["ADA"] = seal(signer)
    reference = files.add_text(signer.npub, Secret(seal(signer)))
    for each in ("env:ADA", reference):
        assert (await store.load(each)).pubkey == signer.pubkey
        assert store.look(each) == key_store.KeyState(KeyForm.ENCRYPTED)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda signer: signer.npub, "ADA: got an npub \\(a public key\\), want an nsec"),
        (lambda signer: signer.reveal()[:-1] + "b", "ADA: the checksum|ADA: .*does not belong"),
        (lambda signer: "ab" * 31, "ADA: got 62 hex digits, want 64"),
        (lambda signer: "ab" * 33, "ADA: got 66 hex digits, want 64"),
        (lambda signer: "00" * 32, "ADA: got a number that is no secret key"),
        (lambda signer: "swordfish", "ADA: it is not bech32"),
        (lambda signer: seal(signer)[:-4], "ADA: the checksum is wrong"),
        (lambda signer: "bunker://" + "ab" * 32, "ADA: got a bunker, want it paired"),
        (lambda signer: "https://example.com", "ADA: got a bunker, want it paired"),
    ],
    ids=["npub", "checksum", "short", "long", "zero", "words", "ncryptsec", "bunker", "address"],
)
async def test_each_wrong_content_has_its_error(
    store: KeyStore, environment: Hidden, content: Callable[[KeySigner], str], words: str
):
    """The place is named, what was got and what is wanted; what was got is never repeated."""
    text = environment["ADA"] = content(KeySigner.generate())
    with pytest.raises(InvalidKey, match=words) as caught:
        await store.load("env:ADA")
    assert text not in str(caught.value)
    assert store.look("env:ADA").problem == str(caught.value)


async def test_keys_that_are_not_here(store: KeyStore, database: Hidden):
    """What another process may have is worth trying again; what nobody has is not."""
    npub = KeySigner.generate().npub
    for reference in ("env:NONE", "credential:none"):
        with pytest.raises(KeyNotHere):
            await store.load(reference)
    for reference in (f"file:{npub}", f"ncryptsec:{npub}"):
        with pytest.raises(NotFound) as caught:
            await store.load(reference)
        assert not caught.value.retryable
        assert store.look(reference) == key_store.KeyState(None, str(caught.value))


@pytest.mark.parametrize("passphrase", ["", "env:NONE", "credential:none", "file:/none"])
async def test_without_the_passphrase_publishing_waits(settings: Settings, database: Hidden, passphrase: str):
    """A missing passphrase is KeyNotHere and names the setting: the process that has it can sign."""
    signer = KeySigner.generate()
    database[signer.npub] = seal(signer)
    poor = KeyStore(replace(settings, keys=KeysSettings(passphrase)), {}, database.find)
    with pytest.raises(KeyNotHere, match=r"keys\.passphrase") as caught:
        await poor.load(f"ncryptsec:{signer.npub}")
    assert caught.value.retryable
    assert poor.look(f"ncryptsec:{signer.npub}") == key_store.KeyState(KeyForm.ENCRYPTED, str(caught.value))


async def test_a_wrong_passphrase_waits_too(store: KeyStore, database: Hidden):
    """Another process may have the right one; the message says which passphrase was tried."""
    signer = KeySigner.generate()
    database[signer.npub] = seal(signer, "another")
    with pytest.raises(KeyNotHere, match=r"the passphrase of keys\.passphrase does not open it"):
        await store.load(f"ncryptsec:{signer.npub}")
    database[signer.npub] = seal(signer)
    assert (await store.load(f"ncryptsec:{signer.npub}")).pubkey == signer.pubkey


async def test_a_key_under_the_name_of_another(store: KeyStore, database: Hidden, files: KeyFiles):
    """A file or row with somebody else's key never signs."""
    signer, other = KeySigner.generate(), KeySigner.generate()
    database[signer.npub] = seal(other)
    files.add_text(signer.npub, Secret(other.reveal()))
    for reference in (f"ncryptsec:{signer.npub}", f"file:{signer.npub}"):
        with pytest.raises(InvalidKey, match="holds the key of"):
            await store.load(reference)


async def test_a_key_is_opened_once_and_beside_the_loop(
    store: KeyStore, database: Hidden, environment: Hidden, monkeypatch: pytest.MonkeyPatch
):
    """Ten loads at once open the key once, in another thread than the event loop's; a failure is kept too."""
    signer = KeySigner.generate()
    database[signer.npub] = seal(signer)
    threads: list[int] = []
    opening = nip49.decrypt_secret

    def opened(field: str, text: str, passphrase: Secret[str]) -> Secret[bytes]:
        threads.append(threading.get_ident())
        return opening(field, text, passphrase)

    monkeypatch.setattr(nip49, "decrypt_secret", opened)
    environment["PASS"] = "another"
    for _ in range(3):  # a passphrase that failed is not tried again, until it is another
        assert "does not open it" in store.look(f"ncryptsec:{signer.npub}").problem
    assert len(threads) == 1
    threads.clear()
    environment["PASS"] = PASSPHRASE
    loaded = await asyncio.gather(*(store.load(f"ncryptsec:{signer.npub}") for _ in range(10)))
    assert {each.pubkey for each in loaded} == {signer.pubkey}
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


async def test_a_bunker_is_opened_by_whom_it_is_given_to(
    settings: Settings, files: KeyFiles, environment: Hidden, database: Hidden
):
    """The link of a key file goes to `open_bunker` with the pubkey it signs as; without one it waits."""
    mine = KeySigner.generate()
    asked: list[tuple[BunkerLink, str]] = []

    def open_bunker(link: BunkerLink, pubkey: str) -> Signer:
        asked.append((link, pubkey))
        return mine

    reference = files.add_text(mine.npub, encode_link(CLIENT))
    store = KeyStore(settings, environment, database.find, open_bunker)
    assert await store.load(reference) is mine
    [(link, pubkey)] = asked
    assert (link.address.pubkey, link.address.relays) == (CLIENT.address.pubkey, CLIENT.address.relays)
    assert (link.client.reveal(), pubkey) == (CLIENT.client.reveal(), mine.pubkey)
    with pytest.raises(KeyNotHere, match="this process can ask none"):
        await KeyStore(settings, environment, database.find).load(reference)
    with pytest.raises(Refused, match="a bunker holds the secret key, and gives it to nobody"):
        store.read(reference)
    assert store.look(reference) == key_store.KeyState(KeyForm.BUNKER)
    files.add_text(mine.npub, Secret("bunker://abc"), replace=True)
    assert "want a bunker:// address and an nsec" in store.look(reference).problem


@pytest.mark.parametrize("reference", ["", "plain", "vault:x", "env:", "ncryptsec:", "ncryptsec:x", "nsec"])
async def test_no_reference_leads_elsewhere(store: KeyStore, reference: str):
    """A reference that is not one is refused, and a pasted secret is not repeated."""
    text = KeySigner.generate().reveal() if reference == "nsec" else reference
    with pytest.raises(AgentVoiceError) as caught:
        await store.load(text)
    assert len(text) < 40 or text not in str(caught.value)
    assert caught.value.exit_code in (2, 3)


def test_passphrases(tmp_path: Path):
    """Blanks and letters of every script are kept, a line end is not; nothing wrong is repeated."""
    path = tmp_path / "pass"
    path.touch(mode=0o600)
    path.write_text(f" {PASSPHRASE} \n")
    assert read_passphrase("x", f"file:{path}", {}).reveal() == f" {PASSPHRASE} "
    path.write_bytes(b"two\nlines")
    with pytest.raises(InvalidKey, match="got line ends or controls") as caught:
        read_passphrase("x", f"file:{path}", {})
    assert "two" not in str(caught.value)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidKey, match="UTF-8"):
        read_passphrase("x", f"file:{path}", {})
    path.write_text("\n")
    with pytest.raises(KeyNotHere, match="got nothing, want a passphrase"):
        read_passphrase("x", f"file:{path}", {})
    path.chmod(0o644)
    with pytest.raises(KeyFileRefused, match=r"x file .*: mode is 0644"):
        read_passphrase("x", f"file:{path}", {})


@pytest.mark.parametrize("place", ["file", "env", "credential", "ncryptsec", "passphrase"])
def test_no_local_variable_shows_a_secret(
    settings: Settings, files: KeyFiles, environment: Hidden, database: Hidden, tmp_path: Path, place: str
):
    """What fails is told with no trace of key or passphrase, even where tracebacks print local variables."""
    signer = KeySigner.generate()
    secret = decode_secret("nsec", signer.reveal()).hex()
    mistyped = signer.reveal()[:-1] + ("q" if signer.reveal()[-1] != "q" else "p")
    files.add_text(signer.npub, Secret(mistyped))
    environment |= {"ADA": mistyped, "CREDENTIALS_DIRECTORY": str(tmp_path)}
    (tmp_path / "ada").write_text(mistyped)
    database[signer.npub] = seal(signer, "another") if place == "passphrase" else mistyped
    reference = {
        "file": f"file:{signer.npub}",
        "env": "env:ADA",
        "credential": "credential:ada",
    }.get(place, f"ncryptsec:{signer.npub}")
    store = KeyStore(settings, environment, database.find)
    with pytest.raises(AgentVoiceError) as caught:
        store.read(reference)
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    here = report.stack.pop(0)  # this test's own frame holds the secrets
    assert here.name == "test_no_local_variable_shows_a_secret"
    shown = "".join(report.format())
    assert "Secret(…)" in shown
    for hidden in (mistyped[6:30], secret[:20], PASSPHRASE, "another"):
        assert hidden not in shown


def test_nothing_of_it_shows_a_secret(store: KeyStore, environment: Hidden, database: Hidden):
    """Neither the store nor what it gives shows a secret by repr, str or format."""
    signer = KeySigner.generate()
    database[signer.npub] = seal(signer)
    given = (
        store,
        store.read(f"ncryptsec:{signer.npub}"),
        store.passphrase(),
        store._find(f"ncryptsec:{signer.npub}"),
    )
    shown = "".join(f"{each!r} {each} {each:}" for each in given)
    for hidden in (
        signer.reveal()[5:],
        decode_secret("nsec", signer.reveal()).hex(),
        PASSPHRASE,
        "ncryptsec1",
    ):
        assert hidden not in shown
    assert encode_npub(signer.pubkey)[:12] in shown
